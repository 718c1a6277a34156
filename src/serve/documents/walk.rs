//! One walk through the documents folder: which files lie there, whether all of it could be seen, and on what.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::beneath;
use super::intake::Seen;
use crate::reading::Kind;

/// Folders nest no deeper than this; a loop of mounts would.
const DEPTH_MAX: usize = 64;

/// What a walk has seen.
#[derive(Debug)]
pub(super) struct Walk {
    /// Every file of a format that is read.
    pub(super) files: Vec<Seen>,
    /// What could not be seen, in words, without names: the first of it, and how much.
    pub(super) trouble: Option<(String, usize)>,
    /// The file system the folder is on.
    pub(super) file_system: String,
}

/// Walks the folder and counts the steps, so that somebody else can see that it goes on. Hidden names and links are
/// passed over.
///
/// # Errors
/// When the folder itself cannot be seen.
pub(super) fn walk(folder: &Path, steps: &AtomicU64) -> io::Result<Walk> {
    let root = folder.canonicalize()?;
    let mut walk = Walk { files: Vec::new(), trouble: None, file_system: file_system(&root)? };
    let mut folders = vec![(root.clone(), 0)];
    // The folder itself must be readable; one below it is a trouble that leaves the rest.
    fs::read_dir(&root)?;
    while let Some((path, depth)) = folders.pop() {
        if let Err(error) = look_into(&root, &path, depth, &mut folders, &mut walk, steps) {
            walk.note(&error);
        }
    }
    // A folder that went away in the middle, or was swapped for another, was not walked through.
    if file_system(&root)? != walk.file_system {
        walk.note(&io::Error::other("the folder was mounted anew meanwhile"));
    }
    Ok(walk)
}

impl Walk {
    fn note(&mut self, error: &io::Error) {
        let trouble = self.trouble.get_or_insert_with(|| (error.to_string(), 0));
        trouble.1 += 1;
    }
}

fn look_into(
    root: &Path,
    path: &Path,
    depth: usize,
    folders: &mut Vec<(PathBuf, usize)>,
    walk: &mut Walk,
    steps: &AtomicU64,
) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other("folders nest too deeply"));
    }
    for entry in fs::read_dir(path)? {
        steps.fetch_add(1, Ordering::Relaxed);
        let entry = entry?;
        if beneath::is_passed_over(&entry.file_name()) {
            continue;
        }
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() {
            folders.push((path, depth + 1));
        } else if kind.is_file() && Kind::of(&path).is_some() {
            match entry.metadata() {
                Ok(metadata) => {
                    let inner = path.strip_prefix(root).map_err(io::Error::other)?;
                    walk.files.extend(Seen::new(inner, &metadata));
                }
                // Removed between the two looks.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => walk.note(&error),
            }
        }
    }
    Ok(())
}

/// What a path lies on: type, source and root of its mount, which are the same after a restart of the machine.
fn file_system(path: &Path) -> io::Result<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    mount_of(&mounts, path).ok_or_else(|| io::Error::other("the folder is on no mount"))
}

// ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS … - TYPE SOURCE OPTIONS; later lines lie over earlier ones.
fn mount_of(mounts: &str, path: &Path) -> Option<String> {
    let parse = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?.to_owned(), PathBuf::from(unescape(left.next()?)));
        let mut right = right.split(' ');
        let (kind, source) = (right.next()?, right.next()?);
        path.starts_with(&point).then(|| (point.components().count(), format!("{kind} {source} {root}")))
    };
    mounts
        .lines()
        .filter_map(parse)
        .enumerate()
        .max_by_key(|(index, (depth, _))| (*depth, *index))
        .map(|(_, (_, id))| id)
}

fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_known_formats_are_seen_and_links_and_hidden_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::create_dir_all(dir.path().join(".git")).unwrap();
        for name in ["x.txt", "a/y.MD", "a/b/z.pdf", "a/no.exe", ".hidden.txt", ".git/c.txt"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("x.txt", dir.path().join("link.txt")).unwrap();
        let steps = AtomicU64::new(0);
        let walk = walk(dir.path(), &steps).unwrap();
        assert!(steps.into_inner() >= 9);
        let mut paths: Vec<_> = walk.files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["a/b/z.pdf", "a/y.MD", "x.txt"]);
        assert!(walk.trouble.is_none());
        assert_eq!((walk.files[0].bytes, walk.files[0].modified_ns > 0), (1, true));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(walk(Path::new("/no/such/folder"), &AtomicU64::new(0)).is_err());
    }

    #[test]
    fn the_last_mount_over_a_path_counts() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      2 1 0:5 /docs /documents ro,relatime master:1 - ext4 /dev/sda1 rw\n\
                      3 1 0:6 / /documents ro - cifs //nas/docs rw\n\
                      4 1 0:7 / /documents\\040two rw - tmpfs tmpfs rw\n";
        assert_eq!(mount_of(mounts, Path::new("/documents/a")).unwrap(), "cifs //nas/docs /");
        assert_eq!(mount_of(mounts, Path::new("/documents two")).unwrap(), "tmpfs tmpfs /");
        assert_eq!(mount_of(mounts, Path::new("/else")).unwrap(), "ext4 /dev/sda1 /");
    }
}
