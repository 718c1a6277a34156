//! What values look like: placeholders, words, random letters. No rule of its own.

use super::look;

/// Where a known value is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Too short or too common: hiding it everywhere would shred the text.
    Nowhere,
    /// Only between characters that are no letters or digits.
    Word,
    /// Inside other words too.
    Anywhere,
}

/// Words that may be somebody's password but stand in every log.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "backend",
    "bearer",
    "changeme",
    "changeit",
    "chroma",
    "chromadb",
    "connection",
    "container",
    "database",
    "debug",
    "default",
    "demo",
    "development",
    "disabled",
    "docker",
    "document",
    "documents",
    "enabled",
    "error",
    "example",
    "false",
    "frontend",
    "guest",
    "healthy",
    "info",
    "letmein",
    "localhost",
    "login",
    "master",
    "model",
    "mongo",
    "mysql",
    "network",
    "none",
    "null",
    "ollama",
    "password",
    "postgres",
    "postgresql",
    "private",
    "production",
    "public",
    "redacted",
    "redis",
    "root",
    "running",
    "secret",
    "server",
    "service",
    "started",
    "storage",
    "support",
    "system",
    "tars",
    "tars_home",
    "tars-home",
    "test",
    "testing",
    "token",
    "true",
    "ubuntu",
    "undefined",
    "user",
    "username",
    "warning",
    "welcome",
];

/// How a known value may be searched for without shredding the text.
pub(super) fn presence(secret: &[u8]) -> Presence {
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    if secret.len() < 4 || COMMON.contains(&text.as_str()) || look::is_placeholder(secret, true) {
        return Presence::Nowhere;
    }
    let letters = secret.iter().all(u8::is_ascii_alphabetic);
    let digits = secret.iter().all(u8::is_ascii_digit);
    match secret.len() {
        0..6 if letters || digits => Presence::Nowhere,
        6..8 if letters => Presence::Nowhere,
        0..8 => Presence::Word,
        8..12 if letters || digits => Presence::Word,
        _ => Presence::Anywhere,
    }
}

/// Whether no letter or digit touches `start..end`.
pub(super) fn is_word_of_its_own(text: &[u8], start: usize, end: usize) -> bool {
    let inside = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    !inside(start.checked_sub(1).and_then(|i| text.get(i))) && !inside(text.get(end))
}

/// Widens `start..end` over all neighbours of one class.
pub(super) fn run(text: &[u8], start: usize, end: usize, class: fn(u8) -> bool) -> (usize, usize) {
    let before = text[..start].iter().rev().take_while(|byte| class(**byte)).count();
    let after = text[end..].iter().take_while(|byte| class(**byte)).count();
    (start - before, end + after)
}

/// Letters of base64, its URL-safe form and its padding.
#[inline]
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/_-=".contains(&byte)
}
