//! What `TARS_ENCRYPTION_KEY` protects dies with this disk, unless the key is somewhere else as well: in an encrypted
//! archive, or on the page that `tars backup keygen --stack-key` makes for the drawer.

use super::register::Register;
use crate::archive::sha256_of;
use crate::stack::Stack;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use crate::ui::Warning;
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `state/exported_key.json`: which key was written on a page, never the key.
#[derive(Debug, Serialize, Deserialize)]
struct Exported {
    /// Its fingerprint.
    key_id: String,
    /// When.
    at: Timestamp,
}

/// `state/key_warning.json`: when `backup` said it.
#[derive(Debug, Serialize, Deserialize)]
struct Warned {
    at: Timestamp,
}

/// The warning, while it is due.
///
/// # Errors
/// When the state cannot be understood.
pub fn warning(stack: &Stack, register: &Register) -> Result<Option<Warning>> {
    // Who may not read the settings cannot tell which key is meant: that an encrypted archive is there must do.
    let key = stack.env.as_ref().and_then(|env| env.get("TARS_ENCRYPTION_KEY")).filter(|key| !key.is_empty());
    if stack.env.is_some() && key.is_none() {
        return Ok(None);
    }
    let id = key.map(fingerprint);
    let archived = register.entries().iter().any(|entry| {
        let same = entry.key_id.is_none() || id.is_none() || entry.key_id == id;
        entry.encrypted && entry.verified.is_some() && entry.dropped.is_none() && same
    });
    if archived || is_exported(&stack.home, id.as_deref())? {
        return Ok(None);
    }
    Ok(Some(Warning {
        id: "backup.key",
        message:
            "what TARS_ENCRYPTION_KEY protects dies with this disk: the key is in no encrypted archive and on no page"
                .to_owned(),
        hint: Some(
            "tars backup keygen --use, then back up; or tars backup keygen --stack-key, and keep the page".to_owned(),
        ),
    }))
}

/// The same for `backup`, which says it once and leaves the reminding to `status`: a nightly mail is soon not read.
///
/// # Errors
/// When the state cannot be understood or written.
pub fn warning_once(stack: &Stack, register: &Register) -> Result<Option<Warning>> {
    let path = stack.home.state_file("key_warning.json");
    if path.exists() {
        return Ok(None);
    }
    let warning = warning(stack, register)?;
    if warning.is_some() {
        state::save(&path, 0o644, &Kept::new(Warned { at: Timestamp::now() }))?;
    }
    Ok(warning)
}

/// Writes down that this key was written on a page.
///
/// # Errors
/// When the state cannot be written.
pub fn exported(home: &Home, key: &str) -> Result<()> {
    let exported = Exported { key_id: fingerprint(key), at: Timestamp::now() };
    state::save(&home.state_file("exported_key.json"), 0o644, &Kept::new(exported))
}

fn is_exported(home: &Home, id: Option<&str>) -> Result<bool> {
    let exported = state::load::<Kept<Exported>>(&home.state_file("exported_key.json"))?;
    Ok(exported.is_some_and(|exported| id.is_none_or(|id| id == exported.data.key_id)))
}

/// A short name for a key, of which the key cannot be guessed: it has 190 random bits.
#[must_use]
pub fn fingerprint(key: &str) -> String {
    let mut sum = sha256_of(format!("tars encryption key fingerprint\0{key}").as_bytes());
    sum.truncate(16);
    sum
}

#[cfg(test)]
mod tests {
    use super::super::register::{Entry, example};
    use super::*;

    fn stack(home: &Home, key: &str) -> Stack {
        std::fs::write(home.env_file(), format!("TARS_ENCRYPTION_KEY={key}\n")).unwrap();
        Stack::read(home.clone())
    }

    fn warns(stack: &Stack) -> bool {
        warning(stack, &Register::load(&stack.home).unwrap()).unwrap().is_some()
    }

    #[test]
    fn a_fingerprint_tells_keys_apart() {
        assert_eq!(fingerprint("a"), fingerprint("a"));
        assert_ne!(fingerprint("a"), fingerprint("b"));
        assert_eq!(fingerprint("a").len(), 16);
    }

    #[test]
    fn a_plain_archive_is_no_comfort_and_an_encrypted_one_is() {
        let (_dir, home) = Home::temporary();
        let stack = stack(&home, "abc");
        assert!(warns(&stack));
        let mut register = Register::load(&home).unwrap();
        register.record(example(0)).unwrap();
        assert!(warns(&stack));
        register.record(Entry { encrypted: true, verified: None, ..example(1) }).unwrap();
        assert!(warns(&stack), "an encrypted one that nobody read again");
        register.record(Entry { encrypted: true, key_id: Some(fingerprint("old")), ..example(2) }).unwrap();
        assert!(warns(&stack), "one that holds another key");
        register.record(Entry { encrypted: true, key_id: Some(fingerprint("abc")), ..example(3) }).unwrap();
        assert!(!warns(&stack));
    }

    #[test]
    fn a_backup_says_it_once() {
        let (_dir, home) = Home::temporary();
        let (stack, register) = (stack(&home, "abc"), Register::load(&home).unwrap());
        assert!(warning_once(&stack, &register).unwrap().is_some());
        assert!(warning_once(&stack, &register).unwrap().is_none());
        assert!(warns(&stack));
    }

    #[test]
    fn a_page_counts_for_its_key_alone() {
        let (_dir, home) = Home::temporary();
        exported(&home, "abc").unwrap();
        assert!(!warns(&stack(&home, "abc")));
        assert!(warns(&stack(&home, "xyz")));
        let text = std::fs::read_to_string(home.state_file("exported_key.json")).unwrap();
        assert!(!text.contains("abc"));
    }
}
