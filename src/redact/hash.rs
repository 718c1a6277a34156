//! A quick hash for short words of our own lists: nobody can choose them to collide.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// FNV-1a.
#[derive(Clone, Copy)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A list of words, written with blanks between.
pub(super) struct WordSet(HashSet<&'static [u8], BuildHasherDefault<Fnv>>);

impl WordSet {
    pub fn new(words: &'static str) -> Self {
        Self(words.split_whitespace().map(str::as_bytes).collect())
    }

    /// Whether this word, in small letters, is one of them.
    pub fn has(&self, word: &[u8]) -> bool {
        self.0.contains(word)
    }
}
