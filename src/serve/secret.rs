//! A value that no log line, error or debug print can show.

use std::fmt;

/// A secret; [`Secret::expose`] is the only way to it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value out of sight.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself, for the connection that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` without this secret in it: what a server quotes back must not get out.
    #[must_use]
    pub fn wipe(&self, text: &str) -> String {
        if self.is_empty() { text.to_owned() } else { text.replace(&self.0, "[REDACTED]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_nothing_and_wipes_itself_out_of_a_text() {
        let secret = Secret::new("geheim".into());
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret Secret");
        assert_eq!(secret.wipe("login geheim failed"), "login [REDACTED] failed");
        assert_eq!(Secret::default().wipe("text"), "text");
    }
}
