//! The file systems that the home and the engine's data stand on, or will stand on.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where the engine keeps its data unless it is told otherwise.
pub(super) const ENGINE_ROOT: &str = "/var/lib/docker";

/// One file system, seen from a path that may not exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The path that was asked for.
    pub path: PathBuf,
    /// Its nearest ancestor that exists.
    pub at: PathBuf,
    /// The file system's id: two paths with the same one share their space.
    pub id: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that anyone may still use; root's reserve is not in it.
    pub free: u64,
    /// How many files it can hold; 0 where it has no such limit.
    pub inodes: u64,
    /// How many more files it can hold.
    pub inodes_free: u64,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// What came of writing a nameless file there; not tried where that is not ours to do.
    pub write: Written,
}

/// What came of trying to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// It was not tried.
    NotTried,
    /// It went well.
    Well,
    /// This user may not.
    NotPermitted,
    /// It failed, and why.
    Failed(String),
}

/// Looks at the file system under `path`; with `probe`, a file without a name is written and vanishes.
pub(super) fn look(path: &Path, probe: bool) -> Result<Disk> {
    let at = path.ancestors().find(|dir| dir.exists()).context("not even / exists")?.to_owned();
    let stat = rustix::fs::statvfs(&at).with_context(|| format!("could not ask for the space of {}", at.display()))?;
    let meta = std::fs::metadata(&at)?;
    Ok(Disk {
        path: path.to_owned(),
        id: meta.dev(),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        inodes: stat.f_files,
        inodes_free: stat.f_favail,
        read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        write: if probe { write(&at) } else { Written::NotTried },
        at,
    })
}

fn write(dir: &Path) -> Written {
    let wrote = tempfile::tempfile_in(dir).and_then(|mut file| file.write_all(&[0; 4096]));
    match wrote {
        Ok(()) => Written::Well,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Written::NotPermitted,
        Err(error) => Written::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_yet_is_judged_by_its_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        let disk = look(&dir.path().join("a/b"), true).unwrap();
        assert_eq!((disk.at.as_path(), &disk.write), (dir.path(), &Written::Well));
        assert!(disk.total >= disk.free && disk.free > 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the probe leaves nothing");
    }

    #[test]
    fn a_file_in_the_way_is_a_failed_write() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(look(&file.path().join("home"), true).unwrap().write, Written::Failed(_)));
    }

    #[test]
    fn a_kernel_file_system_takes_nothing() {
        assert_ne!(look(Path::new("/proc/1"), true).unwrap().write, Written::Well);
        assert_eq!(look(Path::new("/"), false).unwrap().write, Written::NotTried);
    }
}
