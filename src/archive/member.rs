//! Members: what they are, which names and links may be believed, and who decides about them.
//!
//! A path or a link is refused when it could lead out of the directory that it is unpacked into. The rules are the
//! same for what is written and for what is read: an archive of ours never holds what a reader refuses.

use super::fault::broken;
use super::sum::Sum;
use anyhow::Result;
use std::io::{self, Write};

/// The longest path; that of Linux.
const PATH_BYTES: usize = 4096;

/// A member of an archive, or an entry of a tar stream or directory that is to become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Relative, with `/` between names, without `.` and `..`; below the archive's root directory, or below the
    /// tree that is being saved. Empty for a saved tree's own directory.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of its content.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Last change, in seconds since 1970.
    pub mtime: u64,
    /// Where a link leads.
    pub link: Option<String>,
}

/// What a member is. A reader gives the first three only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with its content.
    File,
    /// A directory.
    Directory,
    /// A symbolic link that stays inside.
    Symlink,
    /// Another name of an earlier file.
    Hardlink,
    /// A device, a socket or a named pipe.
    Special,
}

impl Kind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::File => "a file",
            Kind::Directory => "a directory",
            Kind::Symlink => "a link",
            Kind::Hardlink => "a hard link",
            Kind::Special => "a device, a socket or a pipe",
        }
    }
}

/// What becomes of an entry that is to be saved.
pub enum Fate {
    /// It is saved.
    Keep,
    /// It is left out; its content is read past.
    Skip,
    /// It is saved, and its content goes there as well.
    Tee(Box<dyn Write>),
}

/// Who decides about the entries of a tree while it is saved. A closure that returns a [`Fate`] will do.
pub trait Visit {
    /// Before an entry is read.
    ///
    /// # Errors
    /// When the whole tree must not be saved.
    fn see(&mut self, entry: &Member) -> Result<Fate>;

    /// After a file's content went into the archive, with its sum.
    ///
    /// # Errors
    /// When that sum is not the right one.
    fn saved(&mut self, entry: &Member, sum: Sum) -> Result<()> {
        let _ = (entry, sum);
        Ok(())
    }
}

impl<F: FnMut(&Member) -> Result<Fate>> Visit for F {
    fn see(&mut self, entry: &Member) -> Result<Fate> {
        self(entry)
    }
}

/// Saves every entry.
///
/// # Errors
/// Never.
pub fn everything(_: &Member) -> Result<Fate> {
    Ok(Fate::Keep)
}

/// What was saved of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Directories, the tree's own included.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Entries that the visitor left out.
    pub left_out: u64,
}

/// The path as it is kept: no `./` in front, no `/` at the end, nothing that leads out.
pub(super) fn clean_path(bytes: &[u8]) -> io::Result<String> {
    let shown = || printable(bytes);
    let path =
        std::str::from_utf8(bytes).map_err(|_| broken(format!("holds a name that is not UTF-8: {}", shown())))?;
    if path.len() > PATH_BYTES {
        return Err(broken(format!("holds a path of {} bytes", path.len())));
    }
    if path.chars().any(char::is_control) {
        return Err(broken(format!("holds a name with control characters: {}", shown())));
    }
    if path.starts_with('/') {
        return Err(broken(format!("holds an absolute path: {path}")));
    }
    let names: Vec<_> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    if names.contains(&"..") {
        return Err(broken(format!("holds a path that leads out of it: {path}")));
    }
    Ok(names.join("/"))
}

/// Refuses a link that could lead out of the tree (the first directory of `path`, or all of it where `path` has
/// none). `..` may stand in front only: behind a name, that name could be a link itself.
pub(super) fn check_link(path: &str, target: &str) -> io::Result<()> {
    let depth = path.matches('/').count();
    let out = || Err(broken(format!("holds a link that leads out of it: {path} → {}", printable(target.as_bytes()))));
    if target.is_empty() || target.starts_with('/') || target.len() > PATH_BYTES || target.chars().any(char::is_control)
    {
        return out();
    }
    let names: Vec<_> = target.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    let up = names.iter().take_while(|name| **name == "..").count();
    if up > depth || names[up..].contains(&"..") { out() } else { Ok(()) }
}

/// A foreign name as it may stand in a message.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside() {
        assert_eq!(clean_path(b"./a//b/").unwrap(), "a/b");
        assert_eq!(clean_path(b"./").unwrap(), "");
        assert_eq!(clean_path(b"a/..b/c..").unwrap(), "a/..b/c..");
        for bad in [&b"/a"[..], b"..", b"a/../b", b"a/..", b"a\nb", b"\xff"] {
            assert!(clean_path(bad).is_err(), "{bad:?}");
        }
        assert!(clean_path("a/".repeat(3000).as_bytes()).is_err());
    }

    #[test]
    fn a_link_stays_inside() {
        for (path, target) in [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d"), ("a", "./b/c")] {
            assert!(check_link(path, target).is_ok(), "{path} → {target}");
        }
        for (path, target) in [("a", "/b"), ("a", "../b"), ("a/b", "../../c"), ("a", "b/../c"), ("a", "")] {
            assert!(check_link(path, target).is_err(), "{path} → {target}");
        }
    }
}
