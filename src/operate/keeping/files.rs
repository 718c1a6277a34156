//! The archives' files as they are now: which of the register are there, which are not, and which nobody registered.
//!
//! One look for each directory, side by side, each in a process of its own with a deadline.

use super::destination::{self, Unfit, judge};
use super::look::{self, Question, Seen};
use super::register::{Entry, Register};
use crate::stack::home::Home;
use anyhow::Result;
use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where an archive of the register is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In its place, with its size.
    There,
    /// Its directory is there and it is not in it.
    Gone,
    /// In its place, with another size: somebody wrote on it.
    Changed,
    /// Its directory cannot be looked at now, and why.
    Away(String),
}

/// An archive that is in no register: of another stack, of an older version, or of a state that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was made, by its name.
    pub created: Timestamp,
    /// Whether it opens only with a key, by its name.
    pub encrypted: bool,
}

/// What all directories hold.
#[derive(Debug, Default)]
pub struct Survey {
    /// Each of the register, in its order.
    pub known: Vec<(Entry, Presence)>,
    /// The others, oldest first.
    pub unknown: Vec<Unknown>,
}

/// Looks at the home's `backups/`, at every directory of the register and at those that were chosen; `also` at one more.
///
/// # Errors
/// When the state cannot be understood. What cannot be looked at is in the answer.
pub async fn survey(home: &Home, register: &Register, also: Option<&Path>) -> Result<Survey> {
    let chosen = destination::known(home)?;
    let mut dirs: BTreeSet<PathBuf> = register.entries().iter().map(|entry| entry.dir.clone()).collect();
    dirs.insert(destination::own(home));
    dirs.extend(chosen.iter().map(|known| known.dir.clone()));
    dirs.extend(also.map(Path::to_owned));
    let looks = join_all(dirs.into_iter().map(|dir| async {
        let expected = chosen.iter().find(|known| known.dir == dir).map(|known| known.file_system.clone());
        let answer = look::ask(&Question { dir: dir.clone(), expected: expected.clone(), write: false }).await;
        let files = match judge(&dir, answer, expected.as_ref()) {
            Ok(look) => Ok(look.files),
            // It can be read, and more is not asked here.
            Err(Unfit::ReadOnly { dir }) => match look::ask(&Question { dir, expected, write: false }).await {
                look::Answer::There(look) => Ok(look.files),
                other => Err(format!("{other:?}")),
            },
            Err(why) => Err(why.words()),
        };
        (dir, files)
    }));
    Ok(compare(register.entries(), &looks.await.into_iter().collect()))
}

type Looks = BTreeMap<PathBuf, std::result::Result<Vec<Seen>, String>>;

fn compare(entries: &[Entry], looks: &Looks) -> Survey {
    let presence = |entry: &Entry| match looks.get(&entry.dir) {
        Some(Ok(files)) => match files.iter().find(|file| file.name == entry.file_name) {
            Some(file) if file.bytes == entry.bytes => Presence::There,
            Some(_) => Presence::Changed,
            None => Presence::Gone,
        },
        Some(Err(why)) => Presence::Away(why.clone()),
        None => Presence::Away("it was not looked at".to_owned()),
    };
    let known: Vec<_> = entries.iter().map(|entry| (entry.clone(), presence(entry))).collect();
    let mut unknown: Vec<_> = looks
        .iter()
        .filter_map(|(dir, files)| Some((dir, files.as_ref().ok()?)))
        .flat_map(|(dir, files)| files.iter().filter_map(|file| unknown(dir, file)))
        .filter(|found| !entries.iter().any(|entry| entry.path() == found.path))
        .collect();
    unknown.sort_by_key(|found| found.created);
    Survey { known, unknown }
}

fn unknown(dir: &Path, file: &Seen) -> Option<Unknown> {
    let (created, encrypted) = named(&file.name)?;
    Some(Unknown { path: dir.join(&file.name), bytes: file.bytes, created, encrypted })
}

/// What an archive's name says: when it was made (UTC), and whether it is encrypted. `None` for any other name.
#[must_use]
pub fn named(file_name: &str) -> Option<(Timestamp, bool)> {
    let rest = file_name.strip_prefix("tars-backup-")?;
    let (digits, encrypted) = match (rest.strip_suffix(".tar.gz"), rest.strip_suffix(".tar.gz.age")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => return None,
    };
    if digits.len() != 15 {
        return None;
    }
    let at = DateTime::strptime("%Y%m%d_%H%M%S", digits).ok()?;
    Some((at.to_zoned(TimeZone::UTC).ok()?.timestamp(), encrypted))
}

/// The sidecar of an archive's file.
#[must_use]
pub fn sidecar(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::super::register::example;
    use super::*;

    #[test]
    fn only_our_names_are_ours() {
        let (at, encrypted) = named("tars-backup-20261121_081500.tar.gz.age").unwrap();
        assert_eq!((at.to_string().as_str(), encrypted), ("2026-11-21T08:15:00Z", true));
        assert_eq!(named(&example(3).file_name), Some((example(3).created, false)));
        for other in [
            "tars-backup-20261121_081500.tar.gz.sha256",
            "tars-backup-20261121_081500.tar.gz.partial",
            "tars-backup-20261321_081500.tar.gz",
            "tars-backup-2026112_081500.tar.gz",
            "tars-backup-20261121_081500-copy.tar.gz",
            "holiday.tar.gz",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn there_gone_changed_away_and_unknown() {
        let file = |entry: &Entry, bytes| Seen { name: entry.file_name.clone(), bytes };
        let away = Entry { dir: "/nas".into(), ..example(3) };
        let entries = [example(0), example(1), example(2), away];
        let seen = vec![
            file(&example(0), 100),
            file(&example(2), 99),
            file(&example(7), 5),
            Seen { name: "notes.txt".into(), bytes: 1 },
        ];
        let looks = [("/backups".into(), Ok(seen)), ("/nas".into(), Err("silent".to_owned()))];
        let survey = compare(&entries, &looks.into());
        let states: Vec<_> = survey.known.into_iter().map(|(_, presence)| presence).collect();
        assert_eq!(states, [Presence::There, Presence::Gone, Presence::Changed, Presence::Away("silent".into())]);
        assert_eq!(survey.unknown.len(), 1);
        assert_eq!(survey.unknown[0].path, example(7).path());
    }
}
