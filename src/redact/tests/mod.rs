//! The engine's tests: rules against their examples, cases from files, chance, streams.

mod cases;
mod chance;
mod example;
mod rules;
mod streams;

use std::io::Read;

use super::Redactor;
use example::Dice;

fn clean(redactor: &Redactor, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    redactor.clean(text).read_to_end(&mut out).unwrap();
    out
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// The forms in which a known value is planted.
fn planted(secret: &str, form: usize, dice: &mut Dice) -> String {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let percent =
        || percent_encoding::percent_encode(secret.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
    let pad = &"xyz"[..dice.below(4)];
    match form {
        0 => secret.to_owned(),
        1 => percent(),
        2 => percent().replace('%', "%25"),
        3 => base64(&format!("{pad}{secret}{pad}")),
        4 => base64(&base64(&format!("{pad}:{secret}"))),
        5 => serde_json::to_string(secret).unwrap(),
        6 => serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap(),
        7 => format!("'{}'", secret.replace('\'', "'\\''")),
        8 => secret
            .bytes()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|four| char::from_digit(four.into(), 16).unwrap())
            .collect(),
        9 => secret.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;"),
        10 => base64(&percent()),
        _ => format!("postgresql://tars:{}@postgres:5432/x", percent()),
    }
}
