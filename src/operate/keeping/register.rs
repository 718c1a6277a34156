//! `state/backups.json`: every archive that this stack made and still counts on, oldest first.
//!
//! It says what was proven and when; that a file is still there, only a look at its directory can say
//! ([`super::files`]). Whoever writes it holds the home's lock.

use super::forecast::MODELS;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What an archive's component came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// `postgres`, `chromadb`, `redis`, `documents`, `models`, ….
    pub name: String,
    /// `saved`, `failed` or `skipped`.
    pub status: String,
    /// Its bytes before compression.
    pub bytes: u64,
}

/// What a rehearsed restore of an archive came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    /// When it ended.
    pub at: Timestamp,
    /// Whether the archive is good.
    pub verdict: Verdict,
}

/// A drill's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The archive restores.
    Pass,
    /// The archive is bad.
    Fail,
    /// The drill could not run: nothing is known.
    Error,
}

impl Verdict {
    /// As reports and state files write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }
}

/// One archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its file's name, without a directory.
    pub file_name: String,
    /// The directory it stands in.
    pub dir: PathBuf,
    /// The directory that it was meant for, while it waits in `backups/` because that one could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant_for: Option<PathBuf>,
    /// The sum of the file as stored, in lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// When it was made.
    pub created: Timestamp,
    /// What is in it.
    pub components: Vec<Component>,
    /// Whether it opens only with a key; then the real env file is in it.
    pub encrypted: bool,
    /// The fingerprint of the `TARS_ENCRYPTION_KEY` of its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When it was last read to its end and every sum was right. A failed look takes it away again.
    pub verified: Option<Timestamp>,
    /// The last drill.
    pub drilled: Option<Drilled>,
    /// Whether the operator wants it kept whatever the rules say.
    pub pinned: bool,
    /// Whether every component that was asked for is in it. A mount that nothing covers does not count here.
    pub complete: bool,
    /// The exit code of the run that made it.
    pub exit: u8,
    /// That run's id.
    pub run: String,
    /// Since when it is being deleted: set before the first file goes, so that a killed run's work is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Timestamp>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry {
    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.file_name)
    }

    /// Whether it may stand for a day, a week or a month: all is in it, all of it was read again, and no drill found it
    /// bad.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        let bad = self.drilled.as_ref().is_some_and(|drilled| drilled.verdict == Verdict::Fail);
        self.complete && self.verified.is_some() && self.dropped.is_none() && !bad
    }

    /// The components that are really in it.
    #[must_use]
    pub fn saved(&self) -> BTreeSet<&str> {
        let saved = self.components.iter().filter(|component| component.status == "saved");
        saved.map(|component| component.name.as_str()).collect()
    }

    /// Whether the models are in it.
    #[must_use]
    pub fn has_models(&self) -> bool {
        self.saved().contains(MODELS)
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Backups {
    archives: Vec<Entry>,
}

/// The register of one home.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    kept: Kept<Backups>,
}

impl Register {
    /// Reads it; empty when no archive was ever made.
    ///
    /// # Errors
    /// When it is there and cannot be understood.
    pub fn load(home: &Home) -> Result<Self> {
        let path = home.state_file("backups.json");
        let kept = state::load(&path)?.unwrap_or_else(|| Kept::new(Backups::default()));
        Ok(Self { path, kept })
    }

    /// All archives, in the order in which they were made.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.kept.data.archives
    }

    /// Writes a new archive down, or a known one (same file name and sum) anew.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn record(&mut self, entry: Entry) -> Result<()> {
        let archives = &mut self.kept.data.archives;
        match archives.iter_mut().find(|old| old.file_name == entry.file_name && old.sha256 == entry.sha256) {
            Some(old) => *old = entry,
            None => archives.push(entry),
        }
        self.save()
    }

    /// Writes down what a drill came to. An archive that is not in the register stays out: it is another stack's. A
    /// drill that could not run says nothing of the archive: an earlier verdict stays.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn drilled(&mut self, path: &Path, verdict: Verdict) -> Result<()> {
        let at = Timestamp::now();
        let known = |entry: &Entry| entry.drilled.as_ref().is_some_and(|drilled| drilled.verdict != Verdict::Error);
        self.change(
            |entry| entry.path() == path && !(verdict == Verdict::Error && known(entry)),
            |entry| entry.drilled = Some(Drilled { at, verdict }),
        )
    }

    /// Writes down what reading an archive to its end came to: the moment when all was well, `None` when it was not.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn verified(&mut self, path: &Path, at: Option<Timestamp>) -> Result<()> {
        self.change(|entry| entry.path() == path, |entry| entry.verified = at)
    }

    /// Changes the archives that `which` names, and writes the register if there are any.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn change(&mut self, which: impl Fn(&Entry) -> bool, how: impl Fn(&mut Entry)) -> Result<()> {
        let mut found = self.kept.data.archives.iter_mut().filter(|entry| which(entry)).peekable();
        if found.peek().is_none() {
            return Ok(());
        }
        found.for_each(how);
        self.save()
    }

    /// Forgets archives.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget(&mut self, which: impl Fn(&Entry) -> bool) -> Result<()> {
        self.kept.data.archives.retain(|entry| !which(entry));
        self.save()
    }

    /// The newest archive that holds everything and was read again; whether its file is still there is not looked at.
    #[must_use]
    pub fn latest_good(&self) -> Option<&Entry> {
        self.entries().iter().rev().filter(|entry| entry.is_proven()).max_by_key(|entry| entry.created)
    }

    fn save(&self) -> Result<()> {
        state::save(&self.path, 0o644, &self.kept)
    }
}

/// An entry for tests: made `days` days after 2026-01-01, proven, with the usual components.
#[cfg(test)]
pub(super) fn example(days: i64) -> Entry {
    use jiff::ToSpan;
    let created = "2026-01-01T03:15:00Z".parse::<Timestamp>().unwrap() + (days * 24).hours();
    let component = |name: &str| Component { name: name.into(), status: "saved".into(), bytes: 1000 };
    Entry {
        file_name: format!("tars-backup-{}.tar.gz", created.strftime("%Y%m%d_%H%M%S")),
        dir: "/backups".into(),
        meant_for: None,
        sha256: format!("{days:064}"),
        bytes: 100,
        created,
        components: ["postgres", "chromadb", "redis", "documents"].map(component).into(),
        encrypted: false,
        key_id: None,
        verified: Some(created),
        drilled: None,
        pinned: false,
        complete: true,
        exit: 0,
        run: format!("run-{days}"),
        dropped: None,
        unknown: Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read_again_and_unknown_fields_survive() {
        let (_dir, home) = Home::temporary();
        let mut register = Register::load(&home).unwrap();
        register.record(example(0)).unwrap();
        let path = home.state_file("backups.json");
        let mut file: Value = state::load(&path).unwrap().unwrap();
        file["archives"][0]["later"] = true.into();
        file["more"] = 1.into();
        state::save(&path, 0o644, &file).unwrap();
        let mut register = Register::load(&home).unwrap();
        register.record(example(1)).unwrap();
        register.drilled(&example(0).path(), Verdict::Fail).unwrap();
        let file: Value = state::load(&path).unwrap().unwrap();
        assert_eq!((&file["archives"][0]["later"], &file["more"]), (&true.into(), &1.into()));
        assert_eq!(file["archives"][0]["drilled"]["verdict"], "fail");
        assert_eq!(Register::load(&home).unwrap().entries().len(), 2);
    }

    #[test]
    fn the_same_archive_is_written_once() {
        let (_dir, home) = Home::temporary();
        let mut register = Register::load(&home).unwrap();
        register.record(example(0)).unwrap();
        register.record(Entry { dir: "/elsewhere".into(), ..example(0) }).unwrap();
        assert_eq!(register.entries().len(), 1);
        assert_eq!(register.entries()[0].dir, Path::new("/elsewhere"));
    }

    #[test]
    fn a_failed_look_takes_the_proof_away() {
        let (_dir, home) = Home::temporary();
        let mut register = Register::load(&home).unwrap();
        register.record(example(0)).unwrap();
        register.record(example(1)).unwrap();
        assert_eq!(register.latest_good(), Some(&example(1)));
        register.verified(&example(1).path(), None).unwrap();
        assert_eq!(Register::load(&home).unwrap().latest_good(), Some(&example(0)));
    }

    #[test]
    fn neither_a_partial_nor_an_unverified_one_is_good() {
        let (_dir, home) = Home::temporary();
        let mut register = Register::load(&home).unwrap();
        register.record(Entry { complete: false, ..example(3) }).unwrap();
        register.record(Entry { verified: None, ..example(4) }).unwrap();
        register.record(Entry { dropped: Some(example(4).created), ..example(5) }).unwrap();
        assert_eq!(register.latest_good(), None);
    }
}
