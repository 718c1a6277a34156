//! What was loaded against the archive's record: rows of every table, keys, ids and vectors, golden queries. Pure.

use super::redis::Keys;
use super::source::Size;
use crate::archive::{ChromaRecord, FilesRecord, Outcome, PostgresRecord, RedisRecord};
use crate::client::examine::Found;
use std::collections::BTreeMap;

/// What the servers on the stage have; `None` for what was not loaded.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Rows by table.
    pub postgres: Option<BTreeMap<String, u64>>,
    /// Keys.
    pub redis: Option<Keys>,
    /// Collections.
    pub chroma: Option<Vec<Found>>,
    /// Files.
    pub documents: Option<Size>,
}

/// Every difference, in words. An archive of the bash scripts has no counts: then only what contradicts itself counts.
#[must_use]
pub fn differences(record: &Outcome, counted: bool, loaded: &Loaded) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(loaded), Some(record), true) = (&loaded.postgres, &record.postgres, counted) {
        found.extend(tables(record, loaded));
    }
    if let (Some(loaded), Some(record), true) = (loaded.redis, &record.redis, counted) {
        found.extend(keys(record, loaded));
    }
    if let Some(loaded) = &loaded.chroma {
        found.extend(loaded.iter().flat_map(collection));
        if let (Some(record), true) = (&record.chroma, counted) {
            found.extend(collections(record, loaded));
        }
    }
    if let (Some(loaded), Some(record), true) = (loaded.documents, record.documents, counted) {
        found.extend(files(record, loaded));
    }
    found
}

/// A table that the record does not know may be there, but empty: the dump makes tables without rows as well.
fn tables(record: &PostgresRecord, loaded: &BTreeMap<String, u64>) -> Vec<String> {
    let known = record.tables.iter().filter_map(|(table, rows)| match loaded.get(table) {
        Some(there) if there == rows => None,
        Some(there) => Some(format!("postgres: {table} has {there} rows, the record says {rows}")),
        None => Some(format!("postgres: the table {table} is missing, the record says {rows} rows")),
    });
    let strange = loaded.iter().filter(|(table, rows)| **rows > 0 && !record.tables.contains_key(*table));
    let strange = strange.map(|(table, rows)| format!("postgres: {table} with {rows} rows is not in the record"));
    known.chain(strange).collect()
}

/// Keys may have come to their end since; those without one may not.
fn keys(record: &RedisRecord, loaded: Keys) -> Option<String> {
    let lasting = (record.keys.saturating_sub(record.expires), loaded.keys.saturating_sub(loaded.expires));
    let well = lasting.0 == lasting.1 && loaded.expires <= record.expires;
    (!well).then(|| {
        format!(
            "redis: {} keys, {} of them with a time to live; the record says {} and {}",
            loaded.keys, loaded.expires, record.keys, record.expires
        )
    })
}

/// What a collection says of itself.
fn collection(found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    if found.vectors != found.ids {
        wrong.push(format!("chromadb: {} has {} ids and {} vectors", found.name, found.ids, found.vectors));
    }
    if !found.missed.is_empty() {
        wrong.push(format!("chromadb: {} does not find its own {}", found.name, found.missed.join(", ")));
    }
    wrong
}

fn collections(record: &ChromaRecord, loaded: &[Found]) -> Vec<String> {
    let known = record.collections.iter().filter_map(|row| match loaded.iter().find(|found| found.id == row.id) {
        Some(found) if found.ids == row.ids => None,
        Some(found) => Some(format!("chromadb: {} has {} ids, the record says {}", row.name, found.ids, row.ids)),
        None => Some(format!("chromadb: the collection {} with {} ids is missing", row.name, row.ids)),
    });
    let strange = loaded.iter().filter(|found| record.collections.iter().all(|row| row.id != found.id));
    known.chain(strange.map(|found| format!("chromadb: {} is not in the record", found.name))).collect()
}

fn files(record: FilesRecord, loaded: Size) -> Option<String> {
    let same = (record.files, record.bytes) == (loaded.files, loaded.bytes);
    (!same).then(|| format!("documents: {} files, the record says {}", loaded.files, record.files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::CollectionRecord;

    fn record() -> Outcome {
        Outcome {
            postgres: Some(PostgresRecord {
                tables: [("public.notes".to_owned(), 3)].into(),
                ..PostgresRecord::default()
            }),
            redis: Some(RedisRecord { keys: 10, expires: 4, ..RedisRecord::default() }),
            chroma: Some(ChromaRecord {
                collections: vec![CollectionRecord {
                    id: "u".into(),
                    name: "docs".into(),
                    ids: 5,
                    ..Default::default()
                }],
                ..ChromaRecord::default()
            }),
            documents: Some(FilesRecord { files: 2, bytes: 7 }),
            ..Outcome::default()
        }
    }

    fn loaded() -> Loaded {
        Loaded {
            postgres: Some([("public.notes".to_owned(), 3), ("public.empty".to_owned(), 0)].into()),
            redis: Some(Keys { keys: 8, expires: 2 }),
            chroma: Some(vec![Found { id: "u".into(), name: "docs".into(), ids: 5, vectors: 5, ..Found::default() }]),
            documents: Some(Size { files: 2, bytes: 7 }),
        }
    }

    #[test]
    fn what_is_as_recorded_is_no_difference() {
        assert_eq!(differences(&record(), true, &loaded()), Vec::<String>::new());
        assert_eq!(differences(&record(), true, &Loaded::default()), Vec::<String>::new(), "what was not loaded");
    }

    #[test]
    fn each_thing_that_is_lost_is_named() {
        type Lose = fn(&mut Loaded);
        let cases: [(&str, Lose); 8] = [
            ("public.notes has 2 rows", |l| *l.postgres.as_mut().unwrap().get_mut("public.notes").unwrap() = 2),
            ("public.notes is missing", |l| l.postgres.as_mut().unwrap().clear()),
            ("public.other with 1 rows is not", |l| {
                l.postgres.as_mut().unwrap().insert("public.other".into(), 1);
            }),
            ("redis: 7 keys", |l| l.redis = Some(Keys { keys: 7, expires: 2 })),
            ("5 ids and 4 vectors", |l| l.chroma.as_mut().unwrap()[0].vectors = 4),
            ("docs has 4 ids, the record says 5", |l| l.chroma.as_mut().unwrap()[0].ids = 4),
            ("the collection docs with 5 ids is missing", |l| l.chroma.as_mut().unwrap().clear()),
            ("documents: 1 files", |l| l.documents = Some(Size { files: 1, bytes: 7 })),
        ];
        for (words, lose) in cases {
            let mut loaded = loaded();
            lose(&mut loaded);
            let found = differences(&record(), true, &loaded).join("; ");
            assert!(found.contains(words), "{words}: {found}");
        }
    }

    #[test]
    fn a_golden_query_that_misses_counts_without_a_record_as_well() {
        let mut loaded = loaded();
        loaded.chroma.as_mut().unwrap()[0].missed = vec!["d7".into()];
        assert_eq!(differences(&Outcome::default(), false, &loaded), ["chromadb: docs does not find its own d7"]);
    }
}
