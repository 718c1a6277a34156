//! What is wrong with a value that should be a secret, without telling the value: a placeholder, too short, too common,
//! or the same as another one.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a value is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It was left as a template has it: `changeme`, `<password>`.
    Placeholder,
    /// It has so few characters.
    Short(usize),
    /// It is among those that are tried first, or made of very few different characters.
    Common,
    /// Another setting has the same one.
    SameAs(String),
}

/// What templates and guides write where a value belongs.
const PLACEHOLDERS: [&str; 9] =
    ["changeme", "change_me", "change-me", "your_", "your-", "replace_me", "replaceme", "placeholder", "example.com"];
/// What is tried first.
const COMMON: [&str; 14] = [
    "password",
    "passw0rd",
    "secret",
    "admin",
    "administrator",
    "tars",
    "postgres",
    "redis",
    "default",
    "letmein",
    "qwerty",
    "welcome",
    "12345",
    "test",
];
/// The shortest that a generated secret may have been cut to; the administrator's own may be shorter.
const LEAST: usize = 16;
const LEAST_ADMIN: usize = 10;
/// Fewer different characters than this are no random secret.
const DIFFERENT: usize = 6;

/// What is wrong with a secret. One that is empty is somebody else's question.
pub(super) fn flaw(key: &str, value: &str) -> Option<Flaw> {
    let plain = value.to_lowercase();
    let least = if key == "TARS_ADMIN_PASSWORD" { LEAST_ADMIN } else { LEAST };
    let different = plain.chars().collect::<std::collections::BTreeSet<_>>().len();
    // `password1`, `Admin!2024`: a common word with what people put around it.
    let stem = plain.trim_matches(|c: char| !c.is_ascii_alphabetic());
    if value.is_empty() {
        None
    } else if is_placeholder(value) {
        Some(Flaw::Placeholder)
    } else if COMMON.contains(&stem)
        || COMMON.iter().any(|word| plain == *word)
        || stem.is_empty() && value.len() < LEAST
    {
        Some(Flaw::Common)
    } else if value.chars().count() < least {
        Some(Flaw::Short(value.chars().count()))
    } else {
        (different < DIFFERENT).then_some(Flaw::Common)
    }
}

/// Whether a value was never filled in; for every setting, also those that are no secret.
pub(super) fn is_placeholder(value: &str) -> bool {
    let plain = value.to_lowercase();
    let bracketed = plain.starts_with('<') && plain.ends_with('>') || plain.contains("${");
    bracketed
        || PLACEHOLDERS.iter().any(|mark| plain.contains(mark))
        || plain.len() > 3 && plain.bytes().all(|b| b == b'x')
}

/// Secrets that are the same: each later one with the first that has its value.
pub(super) fn repeated<'a>(secrets: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut again = BTreeMap::new();
    for (key, value) in secrets.filter(|(_, value)| !value.is_empty()) {
        match first.get(value) {
            Some(other) => {
                again.insert(key.to_owned(), (*other).to_owned());
            }
            None => {
                first.insert(value, key);
            }
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_told_from_what_is_generated() {
        for (value, flaw_) in [
            ("", None),
            ("kJ3nQ0zB5xW8cV1mL6pR2tY7uH4gF9dS", None),
            ("changeme", Some(Flaw::Placeholder)),
            ("<your password>", Some(Flaw::Placeholder)),
            ("Password123!", Some(Flaw::Common)),
            ("admin", Some(Flaw::Common)),
            ("1234567890", Some(Flaw::Common)),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", Some(Flaw::Common)),
            ("kJ3nQ0z", Some(Flaw::Short(7))),
        ] {
            assert_eq!(flaw("TARS_JWT_SECRET", value), flaw_, "{value}");
        }
        assert_eq!(flaw("TARS_ADMIN_PASSWORD", "kJ3nQ0zB5xW8"), None);
        for generated in (0..50).map(|_| crate::stack::env::generate_secret().unwrap()) {
            assert_eq!(flaw("TARS_JWT_SECRET", &generated), None, "{generated}");
        }
    }

    #[test]
    fn the_same_secret_twice_is_seen() {
        let again = repeated([("A", "x"), ("B", "y"), ("C", "x"), ("D", "")].into_iter());
        assert_eq!(again, BTreeMap::from([("C".to_owned(), "A".to_owned())]));
    }
}
