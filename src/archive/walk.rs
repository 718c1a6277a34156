//! A directory's files as entries, read directly.
//!
//! Every step is taken from the directory's own descriptor and follows no link, so that a container that moves its
//! files meanwhile cannot lead the reader out of its volume.

use super::member::{Kind, Member};
use anyhow::{Context, Result};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

type Each<'a> = dyn FnMut(&Member, &mut dyn Read) -> Result<()> + 'a;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Everything below `root`, and `root` itself with an empty path, in the order of names.
pub(super) fn walk(root: &Path, each: &mut Each) -> Result<()> {
    let at = || format!("could not read {}", root.display());
    let fd = open(root, DIRECTORY, Mode::empty()).with_context(at)?;
    let stat = fstat(&fd).with_context(at)?;
    each(&member(String::new(), &stat, None), &mut io::empty())?;
    below(&fd, "", each)
}

fn below(dir: &OwnedFd, path: &str, each: &mut Each) -> Result<()> {
    for name in names(dir).with_context(|| format!("could not read {}", shown(path)))? {
        let text = name.to_str().with_context(|| format!("{} holds a name that is not UTF-8", shown(path)))?;
        let path = if path.is_empty() { text.to_owned() } else { format!("{path}/{text}") };
        entry(dir, &name, path, each)?;
    }
    Ok(())
}

fn entry(dir: &OwnedFd, name: &CString, path: String, each: &mut Each) -> Result<()> {
    let failed = || format!("could not read {}", shown(&path));
    let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        // It went between the listing and the look: a server that runs may remove what it holds.
        Err(Errno::NOENT) => return Ok(()),
        other => other.with_context(failed)?,
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let inner = openat(dir, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).with_context(failed)?;
            each(&member(path.clone(), &stat, None), &mut io::empty())?;
            below(&inner, &path, each)
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = match openat(dir, name, flags, Mode::empty()) {
                Err(Errno::NOENT) => return Ok(()),
                other => other.with_context(failed)?,
            };
            // What was opened counts, not what was there before.
            let stat = fstat(file.as_fd()).with_context(failed)?;
            each(&member(path, &stat, None), &mut File::from(file))
        }
        FileType::Symlink => {
            let target = readlinkat(dir, name, Vec::new()).with_context(failed)?;
            each(&member(path, &stat, Some(target.to_string_lossy().into_owned())), &mut io::empty())
        }
        _ => each(&member(path, &stat, None), &mut io::empty()),
    }
}

fn names(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn member(path: String, stat: &Stat, link: Option<String>) -> Member {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Special,
    };
    let size = if kind == Kind::File { u64::try_from(stat.st_size).unwrap_or_default() } else { 0 };
    let mtime = u64::try_from(stat.st_mtime).unwrap_or_default();
    let (uid, gid) = (u64::from(stat.st_uid), u64::from(stat.st_gid));
    Member { path, kind, size, mode: stat.st_mode & 0o7777, uid, gid, mtime, link }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "the directory" } else { path }
}
