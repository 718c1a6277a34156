//! Which number a secret carries in its replacement, and how often each rule struck.
//!
//! Only keyed hashes are kept, under a key made for this process: the mapping cannot leave it.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// How many different secrets are told apart; later ones are redacted without a number, so that
/// a stream of millions of them needs no more memory.
const MOST: usize = 50_000;

/// What was replaced so far, by rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All replacements.
    pub total: u64,
    /// Rule id → replacements.
    pub by_rule: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// One more replacement by `rule`.
    pub(super) fn add(&mut self, rule: &'static str) {
        self.total += 1;
        *self.by_rule.entry(rule).or_default() += 1;
    }

    /// Adds what another part of the run replaced.
    pub fn merge(&mut self, other: &Counts) {
        self.total += other.total;
        for (rule, count) in &other.by_rule {
            *self.by_rule.entry(rule).or_default() += count;
        }
    }
}

/// The numbers given out in this run.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    key: RandomState,
    given: Mutex<HashMap<u64, u32>>,
}

impl Numbers {
    /// The identity of a secret, whatever its encoding: percent and backslash escapes are undone.
    pub fn hash(&self, secret: &[u8]) -> u64 {
        let plain = super::decode::unescape(secret);
        self.key.hash_one(plain.as_deref().unwrap_or(secret))
    }

    /// The number of that secret; none when too many are known.
    pub fn of(&self, hash: u64) -> Option<u32> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(given.len()).ok()?.checked_add(1)?;
        if given.len() >= MOST {
            return given.get(&hash).copied();
        }
        Some(*given.entry(hash).or_insert(next))
    }
}
