//! Who holds a `flock`, from the kernel's own list, so that looking never takes it.

use anyhow::{Context, Result};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The process that holds a lock file; `None` when nobody does, or there is no such file. `root` is `/` outside tests.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn holder(root: &Path, lock: &Path) -> Result<Option<u32>> {
    let inode = match std::fs::metadata(lock) {
        Ok(meta) => meta.ino(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("could not look at {}", lock.display())),
    };
    let locks = std::fs::read_to_string(root.join("proc/locks")).context("could not read /proc/locks")?;
    Ok(in_list(&locks, inode))
}

/// `1: FLOCK  ADVISORY  WRITE 1234 00:2f:5678 0 EOF`. The device is left out: overlay file systems show another one.
/// `1: -> FLOCK …` is one that waits, and holds nothing.
fn in_list(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (&kind, pid, place) = (words.get(1)?, words.get(4)?, words.get(5)?);
        let same = kind == "FLOCK" && place.rsplit(':').next()?.parse() == Ok(inode);
        same.then(|| pid.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_and_waiters_are_not() {
        let list = "1: POSIX  ADVISORY  READ 5 00:2f:9 0 EOF\n1: -> FLOCK ADVISORY WRITE 6 00:2f:9 0 EOF\n2: FLOCK  ADVISORY  WRITE 77 fe:00:9 0 EOF\n";
        assert_eq!((in_list(list, 9), in_list(list, 99)), (Some(77), None));
    }

    #[test]
    fn a_free_lock_has_no_holder() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("lock");
        assert_eq!(holder(Path::new("/"), &lock).unwrap(), None);
        std::fs::write(&lock, "").unwrap();
        assert_eq!(holder(Path::new("/"), &lock).unwrap(), None);
    }
}
