//! The journal: written before anything is stopped or switched, dropped when all is well again.
//!
//! A journal whose lock is free is *pending*: the run that wrote it died. It says what recovery must bring about, so
//! recovery needs no memory of what that run was doing.

use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What must be so when the run has ended, however it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// These services run; they are what ran before, or what the operator asked to start.
    Running(Vec<String>),
    /// Nothing of the stack runs; the operator asked for that.
    Stopped,
    /// The env file decides: where it names the volumes of generation `to`, everything is started on them; else what
    /// `ran` before runs again on the old ones.
    Switch {
        /// The generation that was live.
        from: u32,
        /// The one that shall be.
        to: u32,
        /// The services that ran before.
        ran: Vec<String>,
    },
}

impl Goal {
    /// The services that must run again if nothing of what was begun counts.
    #[must_use]
    pub fn services(&self) -> &[String] {
        match self {
            Self::Running(names) | Self::Switch { ran: names, .. } => names,
            Self::Stopped => &[],
        }
    }
}

/// One run's entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The run's id; its helpers carry it as their label.
    pub run: String,
    /// The verb.
    pub command: String,
    /// When it began, RFC 3339.
    pub began: String,
    /// Where it was.
    pub step: String,
    /// What recovery must bring about.
    pub goal: Goal,
}

/// The journal on disk while a run changes things. Dropping it leaves the file: only [`Journal::close`] ends it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    entry: Kept<Entry>,
}

impl Journal {
    /// Writes the first entry, durably, before anything is touched.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be touched.
    pub fn open(home: &Home, run: &str, command: &str, goal: Goal) -> Result<Self> {
        let began = jiff::Timestamp::now().to_string();
        let entry = Entry { run: run.to_owned(), command: command.to_owned(), began, step: "begin".to_owned(), goal };
        let journal = Self { path: path(home), entry: Kept::new(entry) };
        journal.write()?;
        Ok(journal)
    }

    /// Says where the run is now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn step(&mut self, step: &str) -> Result<()> {
        step.clone_into(&mut self.entry.data.step);
        self.write()
    }

    /// Changes what recovery must bring about.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn goal(&mut self, goal: Goal) -> Result<()> {
        self.entry.data.goal = goal;
        self.write()
    }

    /// All is as it should be: the journal goes.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn close(self) -> Result<()> {
        state::remove(&self.path)
    }

    fn write(&self) -> Result<()> {
        state::save(&self.path, 0o644, &self.entry)
    }
}

/// The entry of a run that has not closed its journal: of a living run, or of a dead one.
///
/// # Errors
/// When the file is there and cannot be understood.
pub fn read(home: &Home) -> Result<Option<Entry>> {
    Ok(state::load::<Kept<Entry>>(&path(home))?.map(|kept| kept.data))
}

/// Drops a pending journal after recovery.
///
/// # Errors
/// When it cannot be removed.
pub fn forget(home: &Home) -> Result<()> {
    state::remove(&path(home))
}

fn path(home: &Home) -> PathBuf {
    home.state_file("journal.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_run_left_is_read_back() {
        let (_dir, home) = Home::temporary();
        let goal = Goal::Running(vec!["postgres".into()]);
        let mut journal = Journal::open(&home, "r1", "restart", goal.clone()).unwrap();
        journal.step("stop").unwrap();
        drop(journal);
        let entry = read(&home).unwrap().unwrap();
        assert_eq!((entry.step.as_str(), entry.goal), ("stop", goal));
        forget(&home).unwrap();
        assert!(read(&home).unwrap().is_none());
    }
}
