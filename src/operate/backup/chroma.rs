//! Chroma's files on their way into the archive, and the record of what they hold.

use super::index::Index;
use crate::archive::{ChromaRecord, CollectionRecord, Fate, Golden, Kind, Member, Visit};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The index's database within the volume.
const INDEX: &str = "chroma.sqlite3";

/// Takes everything, and a second copy of the database for the record.
#[derive(Debug)]
pub struct Files {
    /// Where that copy goes.
    copy: PathBuf,
    seen: bool,
    hot: Option<String>,
}

impl Files {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(copy: PathBuf) -> Self {
        Self { copy, seen: false, hot: None }
    }

    /// What the files hold. The stored vectors of `golden` (by collection id) stay where the saved index has their ids.
    ///
    /// # Errors
    /// When the database is missing, damaged or was not closed.
    pub fn record(&self, version: &str, golden: &BTreeMap<String, Vec<Golden>>) -> Result<ChromaRecord> {
        if !self.seen {
            bail!("the volume holds no {INDEX}");
        }
        if let Some(hot) = &self.hot {
            bail!("{hot} is there although the server was stopped: the index was not closed cleanly");
        }
        let index = Index::open(&self.copy)?;
        let mut collections = Vec::new();
        for collection in index.collections()? {
            let mut kept = Vec::new();
            for one in golden.get(&collection.record.id).into_iter().flatten() {
                if index.holds(&collection, &one.id)? {
                    kept.push(one.clone());
                }
            }
            collections.push(CollectionRecord { golden: kept, ..collection.record });
        }
        Ok(ChromaRecord { version: version.to_owned(), collections })
    }
}

impl Visit for Files {
    fn see(&mut self, entry: &Member) -> Result<Fate> {
        match (entry.kind, entry.path.as_str()) {
            (Kind::File, INDEX) => {
                self.seen = true;
                let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.copy);
                let file = file.with_context(|| format!("could not make {}", self.copy.display()))?;
                // Not buffered: what does not fit the disk must be an error here.
                Ok(Fate::Tee(Box::new(file)))
            }
            (Kind::File, path @ ("chroma.sqlite3-journal" | "chroma.sqlite3-wal")) => {
                if entry.size > 0 {
                    self.hot = Some(path.to_owned());
                }
                Ok(Fate::Keep)
            }
            // Sockets and pipes hold nothing.
            (Kind::Special, _) => Ok(Fate::Skip),
            _ => Ok(Fate::Keep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, size: u64) -> Member {
        Member { path: path.to_owned(), kind: Kind::File, size, mode: 0, uid: 0, gid: 0, mtime: 0, link: None }
    }

    #[test]
    fn a_hot_journal_and_a_missing_database_fail_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::new(dir.path().join("copy"));
        let said = |files: &Files| files.record("1", &BTreeMap::new()).unwrap_err().to_string();
        assert!(said(&files).contains("holds no chroma.sqlite3"));
        assert!(matches!(files.see(&entry("chroma.sqlite3", 1)).unwrap(), Fate::Tee(_)));
        files.see(&entry("chroma.sqlite3-journal", 512)).unwrap();
        assert!(said(&files).contains("not closed cleanly"));
    }
}
