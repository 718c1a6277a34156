//! How much space an archive will take, before anything is stopped.
//!
//! The bound holds for data that does not compress at all. Where an earlier archive of the same parts shows how well
//! this stack's data compress, that is used, with room for worse.

use super::register::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The component that holds the language models.
pub const MODELS: &str = "models";

/// Components that weigh nothing, and stand in some archives only.
const SMALL: [&str; 2] = ["config", "secrets"];

/// What every archive takes beside its data: headers, manifest, sums, settings.
const OVERHEAD: u64 = 1 << 20;

/// What stays free on the file system whatever happens: a full one stops more than this program.
pub const RESERVE: u64 = 64 << 20;

/// The most bytes that an archive of these components (name → bytes before compression) is expected to take.
#[must_use]
pub fn archive_bytes<'a>(components: &BTreeMap<String, u64>, earlier: impl Iterator<Item = &'a Entry>) -> u64 {
    let raw: u64 = components.values().sum();
    // Blocks that do not shrink are stored: 5 bytes for each 64 KiB, tar's headers and padding for each file.
    let bound = raw.saturating_add(raw / 100).saturating_add(OVERHEAD);
    let large = |name: &&str| !SMALL.contains(name);
    let asked: BTreeSet<_> = components.keys().map(String::as_str).filter(large).collect();
    let same = |entry: &&Entry| {
        let saved: BTreeSet<_> = entry.saved().into_iter().filter(large).collect();
        entry.is_proven() && saved == asked && raw_bytes(entry) > 0
    };
    let Some(last) = earlier.filter(same).max_by_key(|entry| entry.created) else { return bound };
    // What came since may not shrink at all: a video among the documents.
    let new: u64 = components.iter().map(|(name, bytes)| bytes.saturating_sub(bytes_of(last, name))).sum();
    let scaled = u128::from(raw - new) * u128::from(last.bytes) / u128::from(raw_bytes(last));
    let likely = u64::try_from(scaled + scaled / 2).unwrap_or(u64::MAX);
    likely.saturating_add(new).saturating_add(OVERHEAD).min(bound)
}

fn bytes_of(entry: &Entry, name: &str) -> u64 {
    entry.components.iter().find(|component| component.name == name).map_or(0, |component| component.bytes)
}

/// Whether so many bytes fit where so many are free.
#[must_use]
pub fn fits(free: u64, need: u64) -> bool {
    free >= need.saturating_add(RESERVE)
}

fn raw_bytes(entry: &Entry) -> u64 {
    entry.components.iter().filter(|component| component.status == "saved").map(|component| component.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::super::register::example;
    use super::*;

    fn parts(each: u64) -> BTreeMap<String, u64> {
        ["postgres", "chromadb", "redis", "documents"].map(|name| (name.to_owned(), each)).into()
    }

    #[test]
    fn the_bound_holds_for_what_does_not_compress() {
        let need = archive_bytes(&parts(1 << 30), std::iter::empty());
        assert!(need > 4 << 30 && need < (4 << 30) + (1 << 28), "{need}");
    }

    #[test]
    fn an_earlier_archive_of_the_same_parts_tells_the_ratio() {
        let last = Entry { components: saved(1 << 30), bytes: 100 << 20, ..example(0) };
        assert_eq!(archive_bytes(&parts(1 << 30), [&last].into_iter()), (150 << 20) + OVERHEAD);
        let others = [Entry { complete: false, ..last.clone() }, Entry { components: Vec::new(), ..last }];
        assert!(archive_bytes(&parts(1 << 30), others.iter()) > 4 << 30);
    }

    #[test]
    fn what_came_since_may_not_shrink() {
        let last = Entry { components: saved(1 << 20), bytes: 1 << 10, ..example(0) };
        assert!(archive_bytes(&parts(1 << 30), [&last].into_iter()) > 4 * ((1 << 30) - (1 << 20)));
    }

    fn saved(each: u64) -> Vec<crate::operate::keeping::register::Component> {
        let of = |mut component: crate::operate::keeping::register::Component| {
            component.bytes = each;
            component
        };
        example(0).components.into_iter().map(of).collect()
    }

    #[test]
    fn an_archive_larger_than_its_data_is_no_reason_to_refuse() {
        let grown = Entry { bytes: 400_000, ..example(0) };
        assert!(archive_bytes(&parts(1 << 30), [grown].iter()) < (4 << 30) + (1 << 28));
    }

    #[test]
    fn something_stays_free() {
        assert!(fits(1 << 30, 1 << 20) && !fits(1 << 20, 1 << 20));
    }
}
