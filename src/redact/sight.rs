//! Whether a stream holds a known value, in any encoding: for files that are kept, not redacted.
//!
//! A backup asks this of its own members and reports the setting's name, never the value. Values that are too short
//! or too common to be searched for are not: they stand in every file.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use super::decode;
use super::finder::{Finder, Wanted};
use super::known::{Pattern, Value, patterns};
use super::number::Numbers;

/// How much is read at once, and how much of it is looked at again: longer than any form of a value.
const BLOCK: usize = 1 << 20;
const OVERLAP: usize = 16 << 10;
/// How many escapes deep a value is followed.
const DEPTH: usize = 3;

/// A known value was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The setting that holds the value.
    pub name: String,
    /// What it is: `password`, `token`, `key` …
    pub kind: &'static str,
    /// About where it was first seen, in bytes from the start: exact unless it was escaped.
    pub at: u64,
}

/// The known values of an engine, ready to be searched for.
pub struct KnownValues {
    finder: Finder,
    patterns: Vec<Pattern>,
}

impl std::fmt::Debug for KnownValues {
    /// Never the values.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "KnownValues({} forms)", self.patterns.len())
    }
}

impl KnownValues {
    pub(super) fn new(values: &[Value], numbers: &Numbers) -> Self {
        let patterns = patterns(values, numbers);
        let finder = Finder::new(patterns.iter().map(|pattern| Wanted::new(&pattern.text, false)).collect());
        Self { finder, patterns }
    }

    /// Reads a stream to its end and tells which values it held, in the order in which they came.
    ///
    /// # Errors
    /// When reading fails.
    pub fn seen_in(&self, mut reader: impl Read) -> std::io::Result<Vec<Sighting>> {
        let mut seen = BTreeMap::new();
        let (mut buffer, mut before) = (Vec::with_capacity(BLOCK + OVERLAP), 0_u64);
        loop {
            let from = buffer.len();
            match reader.by_ref().take(BLOCK as u64).read_to_end(&mut buffer) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.look(&buffer, before, DEPTH, &mut seen);
            if buffer.len() == from {
                break;
            }
            let done = buffer.len().saturating_sub(OVERLAP);
            buffer.drain(..done);
            before += done as u64;
        }
        let mut sightings: Vec<_> =
            seen.into_iter().map(|(name, (kind, at))| Sighting { name: String::from(name), kind, at }).collect();
        sightings.sort_by_key(|sighting| sighting.at);
        Ok(sightings)
    }

    fn look<'a>(&'a self, text: &[u8], before: u64, depth: usize, seen: &mut BTreeMap<&'a str, (&'static str, u64)>) {
        let mut found = Vec::new();
        self.finder.find(text, |index, at| {
            let pattern = &self.patterns[index];
            found.clear();
            pattern.find(text, at, &mut found);
            if !found.is_empty() {
                seen.entry(&*pattern.name).or_insert((pattern.kind, before + at as u64));
            }
        });
        if let Some(view) = depth.checked_sub(1).and_then(|_| decode::view(text)) {
            self.look(&view.bytes, before, depth - 1, seen);
        }
    }
}
