//! The home directory and the journal of a run that did not end.

use crate::operate::lock_holder;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The home as it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Its path.
    pub path: PathBuf,
    /// Owner and mode; `None` when it does not exist yet.
    pub owned: Option<Owned>,
    /// Directories of an installed home that are not there.
    #[serde(default)]
    pub missing: Vec<PathBuf>,
    /// Files that hold secrets and that others may read, with their mode; the env file apart.
    #[serde(default)]
    pub loose: Vec<(PathBuf, u32)>,
    /// The file of the state that was written last, and when: never in the future, unless the clock was set back.
    #[serde(default)]
    pub newest: Option<(PathBuf, jiff::Timestamp)>,
}

/// Who may do what with a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The owner's user id.
    pub uid: u32,
    /// The permission bits.
    pub mode: u32,
}

/// The journal of a step that stops or switches something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Whether `state/journal.json` is there.
    pub present: bool,
    /// The process that holds `state/lock`, this one apart.
    pub lock_holder: Option<u32>,
}

impl Journal {
    /// Whether a run was cut off: there is a journal and nobody works on it.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.present && self.lock_holder.is_none()
    }
}

/// Looks at the directory.
pub(super) fn look(path: PathBuf) -> Result<Home> {
    let owned = match std::fs::metadata(&path) {
        Ok(meta) => Some(Owned { uid: meta.uid(), mode: meta.permissions().mode() & 0o7777 }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("could not look at {}", path.display())),
    };
    let state = path.join("state");
    let installed = state.is_dir() || path.join("tars-home.env").exists();
    let missing = if installed { missing(&path) } else { Vec::new() };
    Ok(Home { owned, missing, loose: loose(&state), newest: newest(&state), path })
}

fn missing(home: &Path) -> Vec<PathBuf> {
    crate::stack::home::DIRECTORIES.iter().map(|name| home.join(name)).filter(|dir| !dir.is_dir()).collect()
}

fn files(dir: &Path) -> impl Iterator<Item = (PathBuf, std::fs::Metadata)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok().filter(std::fs::Metadata::is_file)?)))
}

/// The command for results may hold a token, and the settings that an undo needs hold passwords.
fn loose(state: &Path) -> Vec<(PathBuf, u32)> {
    let secret = |name: &str| name == "on_result.json" || name.starts_with("settings.g") && name.ends_with(".env");
    let named = |path: &Path| path.file_name().is_some_and(|name| secret(&name.to_string_lossy()));
    let mut found: Vec<_> = files(state)
        .map(|(path, meta)| (path, meta.permissions().mode() & 0o7777))
        .filter(|(path, mode)| named(path) && mode & 0o077 != 0)
        .collect();
    found.sort();
    found
}

fn newest(state: &Path) -> Option<(PathBuf, jiff::Timestamp)> {
    let times =
        files(state).filter_map(|(path, meta)| Some((path, jiff::Timestamp::try_from(meta.modified().ok()?).ok()?)));
    times.max_by_key(|(_, at)| *at)
}

/// Looks for a journal, and for who holds the lock: in the kernel's list, so that looking never takes it.
pub(super) fn journal(root: &Path, journal: &Path, lock: &Path) -> Result<Journal> {
    let present = journal.try_exists().with_context(|| format!("could not look for {}", journal.display()))?;
    let holder = if present { lock_holder::holder(root, lock)? } else { None };
    let lock_holder = holder.filter(|pid| *pid != std::process::id());
    Ok(Journal { present, lock_holder })
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;

    fn seen(files: &[(&str, &str)]) -> Journal {
        let home = root(files);
        let state = home.path().join("state");
        journal(Path::new("/"), &state.join("journal.json"), &state.join("lock")).unwrap()
    }

    #[test]
    fn a_journal_with_a_free_lock_is_pending() {
        assert!(seen(&[("state/journal.json", "{}"), ("state/lock", "")]).pending());
        assert!(!seen(&[("state/lock", "")]).pending());
        assert!(!seen(&[]).pending());
    }

    #[test]
    fn the_lock_of_another_process_is_seen_without_taking_it() {
        let home = root(&[("state/journal.json", "{}"), ("state/lock", "")]);
        let state = home.path().join("state");
        let inode = std::fs::metadata(state.join("lock")).unwrap().ino();
        let proc = root(&[(
            "proc/locks",
            &format!("1: POSIX  ADVISORY  READ 5 00:2f:9 0 EOF\n2: FLOCK  ADVISORY  WRITE 77 fe:00:{inode} 0 EOF\n"),
        )]);
        let busy = journal(proc.path(), &state.join("journal.json"), &state.join("lock")).unwrap();
        assert_eq!((busy.lock_holder, busy.pending()), (Some(77), false));
    }

    #[test]
    fn a_home_that_is_not_there_yet_is_a_fact() {
        assert_eq!(look("/nowhere/at/all".into()).unwrap().owned, None);
        assert!(look(std::env::temp_dir()).unwrap().owned.is_some());
    }

    #[test]
    fn what_is_missing_and_what_is_open_is_seen() {
        let home = root(&[("state/on_result.json", "{}"), ("state/runs.jsonl", ""), ("support/x", "")]);
        let open = home.path().join("state/on_result.json");
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
        let seen = look(home.path().to_owned()).unwrap();
        assert_eq!(seen.missing, [home.path().join("backups")]);
        assert_eq!(seen.loose, [(open, 0o644)]);
        assert!(seen.newest.is_some());
    }
}
