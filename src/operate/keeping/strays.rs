//! Archives that wait in the home's `backups/` because their directory could not be used: the next good run moves them.
//!
//! Copied under another name, synced, summed again from the copy, renamed, and only then removed here. Each step can be
//! repeated: the register says where an archive is until all is done.

use super::destination::{self, judge};
use super::look::{self, Question};
use super::register::{Entry, Register};
use super::{files, forecast};
use crate::archive;
use crate::stack::home::Home;
use crate::stack::state;
use anyhow::{Context, Result, ensure};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What became of the waiting archives.
#[derive(Debug, Default)]
pub struct Moved {
    /// Where each one is now.
    pub moved: Vec<PathBuf>,
    /// Those that still wait, and why.
    pub waiting: Vec<String>,
}

/// Moves every waiting archive whose directory can be used again.
///
/// # Errors
/// When the state cannot be written. An archive that cannot be moved waits on, and the answer says why.
pub async fn bring(home: &Home, register: &mut Register) -> Result<Moved> {
    let mut moved = Moved::default();
    let waiting: Vec<_> = register.entries().iter().filter(|entry| entry.meant_for.is_some()).cloned().collect();
    for entry in waiting {
        match one(home, &entry).await {
            Ok(dir) => {
                let same = |other: &Entry| other.file_name == entry.file_name && other.sha256 == entry.sha256;
                register.change(same, |entry| {
                    entry.dir.clone_from(&dir);
                    entry.meant_for = None;
                })?;
                moved.moved.push(dir.join(&entry.file_name));
            }
            Err(error) => moved.waiting.push(format!("{} waits: {error:#}", entry.path().display())),
        }
    }
    Ok(moved)
}

async fn one(home: &Home, entry: &Entry) -> Result<PathBuf> {
    let dir = entry.meant_for.clone().context("it waits for nothing")?;
    let expected = destination::known(home)?.into_iter().find(|known| known.dir == dir).map(|known| known.file_system);
    let answer = look::ask(&Question { dir: dir.clone(), expected: expected.clone(), write: true }).await;
    let look = judge(&dir, answer, expected.as_ref()).map_err(|why| anyhow::anyhow!(why.words()))?;
    let (entry, to) = (entry.clone(), dir.clone());
    tokio::task::spawn_blocking(move || carry(&entry, &to, look.free)).await??;
    Ok(dir)
}

fn carry(entry: &Entry, to: &Path, free: u64) -> Result<()> {
    let (from, target) = (entry.path(), to.join(&entry.file_name));
    if !is_whole(&target, entry)? {
        ensure!(forecast::fits(free, entry.bytes), "{} has too little space", to.display());
        copy(&from, &target, entry)?;
    }
    // `sha256sum -c` works wherever the two stand together.
    let line = format!("{}  {}\n", entry.sha256, entry.file_name);
    state::write(&files::sidecar(&target), 0o644, line.as_bytes())?;
    state::remove(&from)?;
    state::remove(&files::sidecar(&from))
}

/// Whether the copy is already there: a run was killed after the renaming. Another file of that name is never replaced.
fn is_whole(target: &Path, entry: &Entry) -> Result<bool> {
    let Ok(file) = File::open(target) else { return Ok(false) };
    let same = file.metadata()?.len() == entry.bytes && archive::sha256(file)? == entry.sha256;
    ensure!(same, "another file has the name {}", target.display());
    Ok(true)
}

fn copy(from: &Path, target: &Path, entry: &Entry) -> Result<()> {
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let copied = copy_as(from, &partial, entry);
    if copied.is_err() {
        std::fs::remove_file(&partial).ok();
    }
    copied?;
    std::fs::rename(&partial, target).with_context(|| format!("could not rename {}", partial.display()))?;
    state::sync_dir(target.parent().context("a file without a directory")?)
}

fn copy_as(from: &Path, partial: &Path, entry: &Entry) -> Result<()> {
    let words = || format!("could not copy {} to {}", from.display(), partial.display());
    let mut source = File::open(from).with_context(words)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(partial).with_context(words)?;
    std::io::copy(&mut source, &mut file).with_context(words)?;
    file.sync_all().with_context(words)?;
    let sum = archive::sha256(File::open(partial)?)?;
    ensure!(sum == entry.sha256, "the copy of {} does not have its sum", from.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::register::example;
    use super::*;

    struct Place {
        _dir: tempfile::TempDir,
        to: PathBuf,
        entry: Entry,
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("backups"), dir.path().join("nas"));
        std::fs::create_dir(&from).unwrap();
        std::fs::create_dir(&to).unwrap();
        let content = vec![7; 100];
        let sha256 = archive::sha256_of(&content);
        let entry = Entry { dir: from, meant_for: Some(to.clone()), sha256, ..example(0) };
        std::fs::write(entry.path(), &content).unwrap();
        std::fs::write(files::sidecar(&entry.path()), "sum").unwrap();
        Place { _dir: dir, to, entry }
    }

    fn names(dir: &Path) -> usize {
        std::fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn it_arrives_whole_with_its_sidecar_and_leaves_nothing() {
        let Place { _dir, to, entry } = place();
        carry(&entry, &to, 1 << 30).unwrap();
        assert_eq!(std::fs::read(to.join(&entry.file_name)).unwrap(), [7; 100]);
        assert_eq!((names(&to), names(&entry.dir)), (2, 0));
        let sidecar = files::sidecar(Path::new(&entry.file_name));
        let check = std::process::Command::new("sha256sum").arg("-c").arg(sidecar).current_dir(&to).output();
        assert!(check.unwrap().status.success());
    }

    #[test]
    fn a_move_that_was_killed_is_repeated_from_any_step() {
        // Half a copy; a whole copy under its name; the same without the source.
        let Place { _dir, to, entry } = place();
        std::fs::write(to.join(format!("{}.partial", entry.file_name)), [7; 50]).unwrap();
        carry(&entry, &to, 1 << 30).unwrap();
        std::fs::write(entry.path(), [7; 100]).unwrap();
        carry(&entry, &to, 0).unwrap();
        carry(&entry, &to, 0).unwrap();
        assert_eq!((names(&to), names(&entry.dir)), (2, 0));
    }

    #[test]
    fn a_damaged_source_and_a_foreign_file_stop_it() {
        let Place { _dir, to, entry } = place();
        std::fs::write(entry.path(), [8; 100]).unwrap();
        assert!(carry(&entry, &to, 1 << 30).unwrap_err().to_string().contains("sum"));
        assert_eq!((names(&to), names(&entry.dir)), (0, 2), "no partial file, and the source stays");
        std::fs::write(to.join(&entry.file_name), "foreign").unwrap();
        assert!(carry(&entry, &to, 1 << 30).unwrap_err().to_string().contains("another file"));
        assert_eq!(std::fs::read(to.join(&entry.file_name)).unwrap(), b"foreign");
    }

    #[test]
    fn too_little_space_is_said_before_copying() {
        let Place { _dir, to, entry } = place();
        assert!(carry(&entry, &to, 100).unwrap_err().to_string().contains("space"));
        assert_eq!((names(&to), names(&entry.dir)), (0, 2));
    }
}
