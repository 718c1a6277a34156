//! Which archives stay: a pure function of the register, the rules and the time.
//!
//! For each of the last N days (weeks, months) *that have an archive*, the newest one stays. Days without one do not
//! count, so neither a long holiday nor a clock that jumps ahead empties the shelf. Days are UTC, as in the names:
//! summer time does not exist here. Only proven archives count and compete, and only with those that hold the same
//! parts: one without Postgres never displaces one with it.
//!
//! Never dropped: a pinned one; the last proven one, and for each component the last proven one that holds it; one from
//! the future. An unproven one goes when a newer, proven one holds all that it holds.

use super::register::Entry;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// What tells archives apart. Models can be had again, settings are in each: they make no archive another kind.
const STORES: [&str; 4] = ["postgres", "chromadb", "redis", "documents"];

/// How many of each stay; 0 for none of that kind. All 0 means that nothing is ever dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rules {
    /// Days.
    pub daily: u32,
    /// Weeks, Monday to Sunday.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
}

impl Rules {
    /// What a schedule keeps unless told otherwise.
    pub const SCHEDULED: Self = Self { daily: 7, weekly: 4, monthly: 12 };

    /// Whether they ask for nothing to be dropped.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// What becomes of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays, and why.
    Keep(String),
    /// It goes, and why.
    Drop(String),
}

/// Decides for each archive, in the given order, which must be that of the register: oldest run first.
#[must_use]
pub fn plan(entries: &[Entry], rules: Rules, now: Timestamp) -> Vec<(Entry, Verdict)> {
    let shelf = Shelf { entries, now };
    let mut reasons = shelf.always();
    for group in shelf.groups().values() {
        for (count, kind) in [(rules.daily, DAY), (rules.weekly, WEEK), (rules.monthly, MONTH)] {
            for at in newest_of_each(entries, group, count, kind.1) {
                reasons.entry(at).or_default().push(kind.0.to_owned());
            }
        }
    }
    let verdict = |at: usize| match reasons.get(&at) {
        Some(why) => Verdict::Keep(why.join(", ")),
        None if rules.is_none() => Verdict::Keep("no rule drops any".to_owned()),
        None => shelf.leftover(at),
    };
    entries.iter().enumerate().map(|(at, entry)| (entry.clone(), verdict(at))).collect()
}

/// A slot's name and which slot a day falls in.
type Slot = (i16, i8, i8);
type Kind = (&'static str, fn(Date) -> Slot);
const DAY: Kind = ("daily", |date| (date.year(), date.month(), date.day()));
const WEEK: Kind = ("weekly", |date| (date.iso_week_date().year(), date.iso_week_date().week(), 0));
const MONTH: Kind = ("monthly", |date| (date.year(), date.month(), 0));

struct Shelf<'a> {
    entries: &'a [Entry],
    now: Timestamp,
}

impl Shelf<'_> {
    /// A clock that is a little off makes no archive of the future.
    fn is_ahead(&self, entry: &Entry) -> bool {
        entry.created > self.now + 24.hours()
    }

    fn proven(&self) -> impl DoubleEndedIterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.is_proven())
    }

    /// What stays whatever the rules are.
    fn always(&self) -> BTreeMap<usize, Vec<String>> {
        let mut reasons: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut keep = |at: usize, why: String| reasons.entry(at).or_default().push(why);
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.pinned {
                keep(at, "pinned".to_owned());
            }
            if self.is_ahead(entry) {
                keep(at, "from the future: the clock was wrong then, or is now".to_owned());
            }
        }
        // By the order of the runs, and by the clock: whichever of the two is wrong, the other one holds.
        let newest = self.proven().max_by_key(|(at, entry)| (entry.created, *at));
        let last = self.proven().next_back();
        let both: BTreeSet<usize> = [newest, last].into_iter().flatten().map(|(at, _)| at).collect();
        for at in both {
            keep(at, "the last good one".to_owned());
        }
        for (name, at) in self.last_with_each() {
            if Some(at) != last.map(|(at, _)| at) {
                keep(at, format!("the last good one with {name}"));
            }
        }
        reasons
    }

    fn last_with_each(&self) -> BTreeMap<&str, usize> {
        self.proven().flat_map(|(at, entry)| entry.saved().into_iter().map(move |name| (name, at))).collect()
    }

    /// Who competes with whom: those that hold the same stores.
    fn groups(&self) -> BTreeMap<BTreeSet<&str>, Vec<usize>> {
        let mut groups: BTreeMap<BTreeSet<&str>, Vec<usize>> = BTreeMap::new();
        for (at, entry) in self.proven().filter(|(_, entry)| !entry.pinned && !self.is_ahead(entry)) {
            let parts = entry.saved().into_iter().filter(|name| STORES.contains(name)).collect();
            groups.entry(parts).or_default().push(at);
        }
        groups
    }

    /// What no rule keeps: a proven one goes, any other one only when something better is there.
    fn leftover(&self, at: usize) -> Verdict {
        let entry = &self.entries[at];
        if entry.is_proven() {
            return Verdict::Drop("others stand for its day, week and month".to_owned());
        }
        let better = |(other, good): (usize, &Entry)| {
            other > at && good.created > entry.created && entry.saved().is_subset(&good.saved())
        };
        let what = if entry.complete { "not verified" } else { "not complete" };
        if self.proven().any(better) {
            Verdict::Drop(format!("{what}, and a newer good one holds all of it"))
        } else {
            Verdict::Keep(format!("{what}, but no newer good one holds all of it"))
        }
    }
}

/// The newest of a group in each of the last `count` slots that have one.
fn newest_of_each(entries: &[Entry], group: &[usize], count: u32, slot: fn(Date) -> Slot) -> Vec<usize> {
    let mut newest_first = group.to_vec();
    newest_first.sort_by_key(|at| std::cmp::Reverse((entries[*at].created, *at)));
    let (mut seen, mut kept) = (BTreeSet::new(), Vec::new());
    for at in newest_first {
        let date = entries[at].created.to_zoned(TimeZone::UTC).date();
        if seen.len() < count as usize && seen.insert(slot(date)) {
            kept.push(at);
        }
    }
    kept
}
