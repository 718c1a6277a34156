//! Deleting archives that no rule keeps. Only files of the register whose name and size are as they were written go,
//! with their sidecars; whatever else stands in the directory is somebody else's.
//!
//! An archive is marked in the register before its first file goes, and forgotten after the last one went: what a killed
//! run began is finished by the next one.

use super::files::{self, Presence, Survey};
use super::look;
use super::register::{Entry, Register};
use super::retention::{self, Rules, Verdict};
use crate::stack::state;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;

/// What becomes of one archive.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Which.
    pub entry: Entry,
    /// What, and why.
    pub verdict: Verdict,
}

/// Decides. Archives that are not in their place are no comfort: they do not count, and are not touched.
#[must_use]
pub fn decide(survey: &Survey, rules: Rules, now: Timestamp) -> Vec<Decision> {
    let in_place = |(_, presence): &&(Entry, Presence)| *presence == Presence::There;
    let there: Vec<_> = survey.known.iter().filter(in_place).map(|(entry, _)| entry.clone()).collect();
    let plan = retention::plan(&there, rules, now).into_iter();
    let plan = plan.filter(|(entry, _)| entry.dropped.is_none());
    let begun = survey
        .known
        .iter()
        .filter(|(entry, presence)| entry.dropped.is_some() && matches!(presence, Presence::There | Presence::Gone));
    let begun = begun.map(|(entry, _)| (entry.clone(), Verdict::Drop("an earlier prune was interrupted".to_owned())));
    plan.chain(begun).map(|(entry, verdict)| Decision { entry, verdict }).collect()
}

/// What was deleted, and what could not be.
#[derive(Debug, Default)]
pub struct Pruned {
    /// The archives that went.
    pub dropped: Vec<Entry>,
    /// What stays though no rule keeps it, and why.
    pub failed: Vec<String>,
}

/// Deletes what is to go. One that cannot be deleted is said and stays in the register.
///
/// # Errors
/// When the state cannot be written.
pub async fn apply(register: &mut Register, decisions: &[Decision]) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    for decision in decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Drop(_))) {
        let entry = &decision.entry;
        let same = |other: &Entry| other.file_name == entry.file_name && other.sha256 == entry.sha256;
        register.change(same, |entry| entry.dropped = Some(Timestamp::now()))?;
        let of = entry.clone();
        let gone = tokio::task::spawn_blocking(move || delete(&of));
        // What hangs now did answer a moment ago; the mark stays, and the next run goes on.
        match tokio::time::timeout(look::WITHIN, gone).await {
            Ok(Ok(Ok(()))) => {
                register.forget(same)?;
                pruned.dropped.push(entry.clone());
            }
            Ok(Ok(Err(error))) => pruned.failed.push(format!("{error:#}")),
            Ok(Err(_)) | Err(_) => pruned.failed.push(format!("{} does not answer", entry.dir.display())),
        }
    }
    Ok(pruned)
}

/// The archive first: what is left of a killed run is then a sidecar, never an archive without one.
fn delete(entry: &Entry) -> Result<()> {
    let path = entry.path();
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("could not look at {}", path.display())),
        Ok(meta) => {
            let ours = files::named(&entry.file_name).is_some() && meta.is_file() && meta.len() == entry.bytes;
            ensure!(ours, "{} is not the archive that was written there: it stays", path.display());
            state::remove(&path)?;
        }
    }
    state::remove(&files::sidecar(&path))
}

#[cfg(test)]
mod tests {
    use super::super::register::example;
    use super::*;
    use crate::stack::home::Home;
    use std::path::Path;

    fn shelf(dir: &Path, home: &Home, days: std::ops::Range<i64>) -> Register {
        let mut register = Register::load(home).unwrap();
        for day in days {
            let entry = Entry { dir: dir.to_owned(), ..example(day) };
            std::fs::write(entry.path(), [0; 100]).unwrap();
            std::fs::write(files::sidecar(&entry.path()), "sum").unwrap();
            register.record(entry).unwrap();
        }
        register
    }

    fn all_there(register: &Register) -> Survey {
        let known = register.entries().iter().map(|entry| (entry.clone(), Presence::There)).collect();
        Survey { known, unknown: Vec::new() }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    const TWO: Rules = Rules { daily: 2, weekly: 0, monthly: 0 };

    #[tokio::test]
    async fn archive_sidecar_and_entry_go_and_strangers_stay() {
        let ((dir, home), shelves) = (Home::temporary(), tempfile::tempdir().unwrap());
        let mut register = shelf(shelves.path(), &home, 0..4);
        for stranger in ["notes.txt", "tars-backup-20200101_000000.tar.gz", "other.tar.gz.sha256"] {
            std::fs::write(shelves.path().join(stranger), "x").unwrap();
        }
        let decisions = decide(&all_there(&register), TWO, example(4).created);
        let pruned = apply(&mut register, &decisions).await.unwrap();
        assert_eq!((pruned.dropped.len(), pruned.failed.len()), (2, 0));
        assert_eq!(Register::load(&home).unwrap().entries().len(), 2);
        let left = names(shelves.path());
        assert_eq!(left.len(), 4 + 3, "{left:?}");
        assert!(!left.contains(&example(0).file_name) && left.contains(&example(3).file_name));
        drop(dir);
    }

    #[tokio::test]
    async fn what_a_killed_prune_began_is_finished() {
        let ((_dir, home), shelves) = (Home::temporary(), tempfile::tempdir().unwrap());
        let mut register = shelf(shelves.path(), &home, 0..4);
        // Killed between mark and deletion, and between archive and sidecar.
        let now = Some(example(9).created);
        register.change(|entry| entry.run == "run-0" || entry.run == "run-1", |entry| entry.dropped = now).unwrap();
        std::fs::remove_file(shelves.path().join(example(1).file_name)).unwrap();
        let mut survey = all_there(&register);
        survey.known[1].1 = Presence::Gone;
        let decisions = decide(&survey, Rules::default(), example(9).created);
        apply(&mut register, &decisions).await.unwrap();
        assert_eq!(names(shelves.path()).len(), 4, "two archives with their sidecars");
        assert_eq!(register.entries().len(), 2);
    }

    #[tokio::test]
    async fn a_file_that_is_not_what_was_written_stays() {
        let ((_dir, home), shelves) = (Home::temporary(), tempfile::tempdir().unwrap());
        let mut register = shelf(shelves.path(), &home, 0..3);
        let decisions = decide(&all_there(&register), Rules { daily: 1, ..TWO }, example(3).created);
        std::fs::write(shelves.path().join(example(0).file_name), "other words").unwrap();
        std::fs::remove_file(shelves.path().join(example(1).file_name)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", shelves.path().join(example(1).file_name)).unwrap();
        let pruned = apply(&mut register, &decisions).await.unwrap();
        assert_eq!((pruned.dropped.len(), pruned.failed.len()), (0, 2), "{pruned:?}");
        assert!(Path::new("/etc/passwd").exists() && shelves.path().join(example(0).file_name).exists());
    }

    #[test]
    fn what_is_not_in_its_place_does_not_count() {
        let known = (0..3).map(|day| (example(day), Presence::There)).collect();
        let mut survey = Survey { known, ..Survey::default() };
        // The two newest are away: the third is the last good one that can be had.
        survey.known[1].1 = Presence::Gone;
        survey.known[2].1 = Presence::Away("silent".into());
        let decisions = decide(&survey, TWO, example(3).created);
        assert_eq!(decisions.len(), 1);
        assert!(matches!(decisions[0].verdict, Verdict::Keep(_)));
    }
}
