//! Removing a directory tree without ever going through a mount: what is mounted below is somebody else's.

use anyhow::{Context, Result, bail};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Something that was not removed, and why: `/opt/tars/backups is mounted`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What stays.
    pub path: PathBuf,
    /// Why, as the rest of a sentence.
    pub why: String,
}

/// Removes a file, a link or a tree; a missing one is fine. What is mounted below stays, with the directories above it.
#[must_use]
pub fn remove(path: &Path) -> Vec<Left> {
    match mounts() {
        Ok(mounts) => remove_beside(path, &mounts),
        Err(error) => vec![Left { path: path.to_owned(), why: format!("{error:#}") }],
    }
}

/// Removes a tree whose mounts are our own (`proc` in a root that a killed run was building): takes them off first.
///
/// # Errors
/// When a mount does not come off, or something cannot be removed.
pub fn remove_with_mounts(dir: &Path) -> Result<()> {
    // The kernel lists mounts by their real path.
    let dir = match dir.canonicalize() {
        Ok(dir) => dir,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("could not look at {}", dir.display())),
    };
    for mount in mounts()?.iter().rev().filter(|mount| mount.starts_with(&dir)) {
        rustix::mount::unmount(mount, rustix::mount::UnmountFlags::DETACH)
            .with_context(|| format!("could not unmount {}", mount.display()))?;
    }
    match remove(&dir).first() {
        None => Ok(()),
        Some(left) => bail!("could not remove {}: {}", left.path.display(), left.why),
    }
}

fn remove_beside(path: &Path, mounts: &[PathBuf]) -> Vec<Left> {
    let mut left = Vec::new();
    let real = |path: &Path| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    if let Some(path) = real(path)
        && let Ok(meta) = path.parent().unwrap_or(&path).metadata()
    {
        walk(&path, mounts, meta.dev(), &mut left);
    }
    left
}

fn walk(path: &Path, mounts: &[PathBuf], device: u64, left: &mut Vec<Left>) {
    let mut stays = |why: String| left.push(Left { path: path.to_owned(), why });
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => return stays(error.to_string()),
    };
    if mounts.iter().any(|mount| mount == path) || meta.is_dir() && meta.dev() != device {
        return stays("is mounted".to_owned());
    }
    if !meta.is_dir() {
        return std::fs::remove_file(path).unwrap_or_else(|error| stays(error.to_string()));
    }
    let entries: Vec<_> = match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => return stays(error.to_string()),
    };
    let before = left.len();
    for entry in &entries {
        walk(entry, mounts, device, left);
    }
    // A directory above something that stays is named by that.
    if left.len() == before
        && let Err(error) = std::fs::remove_dir(path)
    {
        left.push(Left { path: path.to_owned(), why: error.to_string() });
    }
}

fn mounts() -> Result<Vec<PathBuf>> {
    let table = std::fs::read_to_string("/proc/self/mounts").context("could not read the list of mounts")?;
    Ok(table.lines().filter_map(|line| line.split(' ').nth(1)).map(unescaped).collect())
}

/// A blank, tab, newline or backslash in a path stands there as `\040` and the like (`getmntent(3)`).
fn unescaped(word: &str) -> PathBuf {
    let (bytes, mut path, mut at) = (word.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let octal = (bytes[at] == b'\\').then(|| word.get(at + 1..at + 4)).flatten();
        let byte = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 4 } else { 1 };
    }
    std::ffi::OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_below_stays_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap().join("backups");
        std::fs::create_dir_all(top.join("nas")).unwrap();
        std::fs::create_dir_all(top.join("mine/deep")).unwrap();
        std::fs::write(top.join("nas/precious"), "").unwrap();
        std::fs::write(top.join("mine/deep/file"), "").unwrap();
        let left = remove_beside(&top, &[top.join("nas")]);
        assert_eq!(left, [Left { path: top.join("nas"), why: "is mounted".into() }]);
        assert!(top.join("nas/precious").exists() && !top.join("mine").exists());
        assert_eq!(remove(&top), []);
        assert!(!top.exists());
        assert_eq!(remove(&top), [], "a missing one is fine");
    }

    #[test]
    fn a_link_goes_and_its_target_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(remove(&link), []);
        assert!(target.join("file").exists() && !link.is_symlink());
    }

    #[test]
    fn another_file_system_is_not_entered() {
        let dir = tempfile::tempdir().unwrap();
        let mut left = Vec::new();
        let device = dir.path().metadata().unwrap().dev();
        walk(dir.path(), &[], device + 1, &mut left);
        assert_eq!(left.len(), 1);
        assert!(dir.path().exists());
    }

    #[test]
    fn mount_points_are_read_with_their_blanks() {
        assert_eq!(unescaped("/mnt/my\\040share\\134x"), Path::new("/mnt/my share\\x"));
        assert!(mounts().unwrap().iter().any(|mount| mount == Path::new("/proc")));
    }
}
