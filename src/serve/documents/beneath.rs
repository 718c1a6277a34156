//! Files beneath a folder, and nothing else: a path that leads out of it, by `..` or by a link, is refused.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;

/// Why a path is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It leads out of the folder.
    #[error("the path leads out of the documents folder")]
    Outside,
    /// There is no such file, or it is none.
    #[error("there is no such file in the documents folder")]
    Missing,
    /// The disk or the network says no.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A path as it is given to us, relative to the folder; `/documents/a.txt` means `a.txt` there.
///
/// # Errors
/// [`Refusal::Outside`] where it climbs.
pub(crate) fn relative(folder: &Path, given: &str) -> Result<PathBuf, Refusal> {
    let given = Path::new(given);
    let inner = given.strip_prefix(folder).or_else(|_| given.strip_prefix("/documents")).unwrap_or(given);
    let mut path = PathBuf::new();
    for part in inner.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Refusal::Outside),
        }
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) { Err(Refusal::Missing) } else { Ok(path) }
}

/// Opens a regular file beneath the folder. What was opened is looked at, not the name, so that nothing can be put in
/// its place in between; a pipe does not make us wait.
///
/// # Errors
/// A [`Refusal`].
pub(crate) fn open(folder: &Path, path: &Path) -> Result<File, Refusal> {
    if path.components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(Refusal::Outside);
    }
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY).bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(folder.join(path)).map_err(missing)?;
    let root = folder.canonicalize()?;
    let really = really(&file)?;
    if !really.starts_with(&root) {
        return Err(Refusal::Outside);
    }
    if !file.metadata()?.is_file() {
        return Err(Refusal::Missing);
    }
    Ok(file)
}

/// Names that the folder's owner did not mean: hidden ones, and those of file systems and NAS boxes.
pub(crate) fn is_passed_over(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "lost+found" || name == "@eaDir"
}

/// Where an opened file really lies beneath the folder: a scan finds it there and under no other name.
///
/// # Errors
/// [`Refusal::Missing`] where a scan passes it over.
pub(crate) fn place(folder: &Path, file: &File) -> Result<PathBuf, Refusal> {
    let (root, really) = (folder.canonicalize()?, really(file)?);
    let inner = really.strip_prefix(&root).map_err(|_| Refusal::Outside)?;
    if inner.iter().any(is_passed_over) { Err(Refusal::Missing) } else { Ok(inner.to_owned()) }
}

fn really(file: &File) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn missing(error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename => Refusal::Missing,
        _ => Refusal::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_files_beneath_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/a.txt"), "a").unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        symlink("../secret", root.join("out.txt")).unwrap();
        symlink("sub/a.txt", root.join("in.txt")).unwrap();
        assert!(open(&root, Path::new("sub/a.txt")).is_ok());
        let linked = open(&root, Path::new("in.txt")).unwrap();
        assert_eq!(place(&root, &linked).unwrap(), Path::new("sub/a.txt"), "where a scan finds it");
        std::fs::create_dir(root.join(".git")).unwrap();
        std::fs::write(root.join(".git/c.txt"), "c").unwrap();
        let hidden = open(&root, Path::new(".git/c.txt")).unwrap();
        assert!(matches!(place(&root, &hidden), Err(Refusal::Missing)), "a scan passes it over");
        for (path, outside) in [("out.txt", true), ("../secret", true), ("sub", false), ("no.txt", false)] {
            let refusal = open(&root, Path::new(path)).unwrap_err();
            assert_eq!(matches!(refusal, Refusal::Outside), outside, "{path}: {refusal}");
        }
    }

    #[test]
    fn a_path_may_name_the_folder_itself() {
        let folder = Path::new("/srv/docs");
        for given in ["a/b.txt", "/srv/docs/a/b.txt", "/documents/a/b.txt", "./a/./b.txt"] {
            assert_eq!(relative(folder, given).unwrap(), Path::new("a/b.txt"), "{given}");
        }
        for given in ["/etc/passwd", "../x", "a/../../x", "/documents/../etc/passwd"] {
            assert!(matches!(relative(folder, given), Err(Refusal::Outside)), "{given}");
        }
    }
}
