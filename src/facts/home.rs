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
    Ok(Home { path, owned })
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
}
