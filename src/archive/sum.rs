//! SHA-256 sums: of bytes, of readers, and of what flows through a hand.
//!
//! [`Sum`] is what the format speaks: lower-case hex in JSON and in `SHA256SUMS`.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Read;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sum([u8; 32]);

impl Sum {
    /// The sum of bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut summing = Summing::default();
        summing.update(bytes);
        summing.finish()
    }

    /// Reads 64 hex digits of either case.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut sum = [0; 32];
        for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(sum))
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl From<Sum> for String {
    fn from(sum: Sum) -> String {
        sum.to_string()
    }
}

impl TryFrom<String> for Sum {
    type Error = &'static str;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        Self::parse(&hex).ok_or("a SHA-256 has 64 hex digits")
    }
}

/// A sum in the making.
#[derive(Clone, Default)]
pub struct Summing(Sha256);

impl Summing {
    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of all of them.
    #[must_use]
    pub fn finish(self) -> Sum {
        Sum(self.0.finalize().into())
    }
}

/// The SHA-256 of everything a reader gives, in lower-case hex.
///
/// # Errors
/// When it cannot be read to its end.
pub fn sha256(mut from: impl Read) -> Result<String> {
    let mut sum = Summing::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = from.read(&mut buffer).context("could not read what is to be summed")?;
        if n == 0 {
            return Ok(sum.finish().to_string());
        }
        sum.update(&buffer[..n]);
    }
}

/// The SHA-256 of bytes in memory, in lower-case hex.
#[must_use]
pub fn sha256_of(bytes: &[u8]) -> String {
    Sum::of(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(std::io::empty()).unwrap(), empty);
        assert_eq!(sha256_of(b""), empty);
    }

    #[test]
    fn a_sum_is_read_as_it_is_written() {
        let sum = Sum::of(b"x");
        assert_eq!(Sum::parse(&sum.to_string()), Some(sum));
        assert_eq!(Sum::parse(&sum.to_string().to_uppercase()), Some(sum));
        assert_eq!(Sum::parse("+1"), None);
        assert_eq!(Sum::parse(&"g".repeat(64)), None);
        assert_eq!(serde_json::from_str::<Sum>(&serde_json::to_string(&sum).unwrap()).unwrap(), sum);
    }
}
