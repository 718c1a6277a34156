//! A look at a directory of archives, in a process of its own that may hang for good.
//!
//! Whoever touches a dead share waits in the kernel, where no deadline reaches; and a process of which one thread waits
//! so cannot end. So this program starts itself (`tars backup look`) with the question on standard input, waits ten
//! seconds for the answer, and leaves a silent child behind.

use super::mounts::FileSystem;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long a directory may take to answer.
pub const WITHIN: Duration = Duration::from_secs(10);

/// The question: which directory, and which file system it should be on. Only there a write is tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// Which directory.
    pub dir: PathBuf,
    /// What is known of it; `None` for a directory that was never used before.
    pub expected: Option<FileSystem>,
    /// Whether to try writing; for who only lists it is not needed.
    pub write: bool,
}

/// A file in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// A directory that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// What it is on.
    pub file_system: FileSystem,
    /// Bytes that anyone may still use.
    pub free: u64,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// Why nothing can be written there; `None` also when it was not tried.
    pub unwritable: Option<String>,
    /// Its plain files.
    pub files: Vec<Seen>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is there.
    There(Look),
    /// There is no such directory, or something else has its name.
    Missing,
    /// It cannot be looked at.
    Failed(String),
    /// It did not answer in time.
    Silent,
}

/// Asks a child. Every failure is an answer.
pub async fn ask(question: &Question) -> Answer {
    ask_program(Path::new("/proc/self/exe"), question, WITHIN).await
}

async fn ask_program(program: &Path, question: &Question, within: Duration) -> Answer {
    match tokio::time::timeout(within, child(program, question)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::Failed(format!("{error:#}")),
        Err(_) => Answer::Silent,
    }
}

/// Dropped at the deadline, it is killed; one that the kernel holds dies when its share comes back.
async fn child(program: &Path, question: &Question) -> Result<Answer> {
    let mut child = Command::new(program)
        .args(["backup", "look"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("could not start the process that looks")?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    stdin.write_all(&serde_json::to_vec(question)?).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    serde_json::from_slice(&output.stdout).context("the process that looks gave no answer")
}

/// The child's whole work: the question on `from`, the answer as JSON.
///
/// # Errors
/// When there is no question.
pub fn answer(from: impl std::io::Read) -> Result<String> {
    let asked = serde_json::from_reader(from).map_err(|error| {
        Failure::new(Exit::Usage, "the question is missing on standard input")
            .hint("this is a part of tars backup; it is not for people")
            .caused_by(error)
    });
    Ok(serde_json::to_string(&here(&asked?))?)
}

/// The look itself, in this process: it may hang.
#[must_use]
pub fn here(question: &Question) -> Answer {
    if !question.dir.is_dir() {
        return match std::fs::metadata(&question.dir) {
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                Answer::Failed(error.to_string())
            }
            _ => Answer::Missing,
        };
    }
    look(question).map_or_else(|error| Answer::Failed(format!("{error:#}")), Answer::There)
}

fn look(question: &Question) -> Result<Look> {
    let dir = &question.dir;
    let file_system = FileSystem::of(dir)?;
    let space =
        rustix::fs::statvfs(dir).with_context(|| format!("could not ask for the space of {}", dir.display()))?;
    let read_only = space.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
    let expected = question.expected.as_ref().is_none_or(|expected| expected.is(&file_system));
    let tried = question.write && expected && !read_only;
    Ok(Look {
        free: space.f_bavail.saturating_mul(space.f_frsize),
        read_only,
        unwritable: if tried { written(dir).err().map(|error| error.to_string()) } else { None },
        files: files(dir)?,
        file_system,
    })
}

/// A nameless file, synced: a full or dying disk says so here and not after an hour.
fn written(dir: &Path) -> std::io::Result<()> {
    let mut file = tempfile::tempfile_in(dir)?;
    file.write_all(&[0; 4096])?;
    file.sync_all()
}

fn files(dir: &Path) -> Result<Vec<Seen>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("could not list {}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries.flatten() {
        // A link is not followed: what it shows is not in this directory.
        let Ok(meta) = entry.metadata() else { continue };
        if let (true, Ok(name)) = (meta.is_file(), entry.file_name().into_string()) {
            files.push(Seen { name, bytes: meta.len() });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn question(dir: &Path) -> Question {
        Question { dir: dir.to_owned(), expected: None, write: true }
    }

    #[test]
    fn a_directory_is_seen_with_its_files_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("b"), "xx").unwrap();
        std::os::unix::fs::symlink("b", dir.path().join("a")).unwrap();
        let Answer::There(look) = here(&question(dir.path())) else { panic!("not there") };
        assert_eq!(look.files, [Seen { name: "b".into(), bytes: 2 }]);
        assert!(!look.read_only && look.unwritable.is_none() && look.free > 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_directory_is_missing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(here(&question(file.path())), Answer::Missing);
        assert_eq!(here(&question(&file.path().join("x"))), Answer::Missing);
    }

    #[test]
    fn on_another_file_system_nothing_is_tried() {
        // Writing into /proc/1 would fail; as long as it is not the expected one it is not tried.
        let proc = question(Path::new("/proc/1"));
        let Answer::There(look) = here(&proc) else { panic!("not there") };
        assert!(look.unwritable.is_some());
        let elsewhere = FileSystem { mount_point: "/mnt".into(), ..look.file_system };
        let Answer::There(look) = here(&Question { expected: Some(elsewhere), ..proc }) else { panic!("not there") };
        assert!(look.unwritable.is_none());
    }

    #[test]
    fn question_and_answer_travel_as_json() {
        let dir = tempfile::tempdir().unwrap();
        let asked = serde_json::to_vec(&question(dir.path())).unwrap();
        // What is free changes under every other process of the machine.
        let still = |answer: Answer| match answer {
            Answer::There(look) => Answer::There(Look { free: 0, ..look }),
            other => other,
        };
        let said: Answer = serde_json::from_str(&answer(asked.as_slice()).unwrap()).unwrap();
        assert_eq!(still(said), still(here(&question(dir.path()))));
        assert!(answer(std::io::empty()).is_err());
    }

    #[tokio::test]
    async fn a_child_that_never_answers_is_silent() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("hangs");
        std::fs::write(&program, "#!/bin/sh\nexec tail -f /dev/null\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let said = ask_program(&program, &question(dir.path()), Duration::from_millis(200)).await;
        assert_eq!(said, Answer::Silent);
        let said = ask_program(Path::new("/bin/true"), &question(dir.path()), WITHIN).await;
        assert!(matches!(said, Answer::Failed(_)), "{said:?}");
    }
}
