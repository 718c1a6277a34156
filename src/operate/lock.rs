//! One changing run at a time: a `flock` on `state/lock`, never a pid file.
//!
//! The kernel frees it when the last holder of the descriptor has ended. Child processes that change the stack
//! (`docker compose`) get the descriptor as their standard input, so that the lock stays taken while an orphan of a
//! killed run still works. The file is always empty: a child that reads it sees the end at once.

use super::lock_holder;
use crate::error::{Failure, with_sudo};
use crate::exit::Exit;
use crate::stack::home::Home;
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

/// The held lock; dropping it frees it.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a home whose `state/` exists.
    ///
    /// # Errors
    /// Exit 75 when another run holds it; the message names its process where the kernel tells.
    pub fn take(home: &Home) -> Result<Self> {
        let path = home.state_file("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o644)
            .open(&path)
            .map_err(|error| not_opened(&path, error))?;
        match locked(&file) {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(busy(&path).into()),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
        }
    }

    /// Whether nobody holds the lock now; true as well where there is none yet.
    #[must_use]
    pub fn is_free(home: &Home) -> bool {
        File::open(home.state_file("lock")).is_ok_and(|file| file.try_lock_shared().is_ok())
            || !home.state_file("lock").exists()
    }

    /// The lock as a child's standard input.
    ///
    /// # Errors
    /// When the descriptor cannot be copied.
    pub fn inherit(&self) -> Result<Stdio> {
        Ok(self.file.try_clone().context("could not pass the lock on")?.into())
    }
}

/// Somebody who only looks ([`Lock::is_free`]) holds it for a moment: such a moment is waited out.
fn locked(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(20)),
            other => return other,
        }
    }
    file.try_lock()
}

fn not_opened(path: &Path, error: std::io::Error) -> anyhow::Error {
    let failure = match error.kind() {
        ErrorKind::PermissionDenied => {
            Failure::new(Exit::NotPermitted, format!("may not change the stack: {} refuses this user", path.display()))
                .hint(format!("run: {}", with_sudo()))
        }
        ErrorKind::NotFound => {
            let home = path.ancestors().nth(2).unwrap_or(path).display();
            Failure::new(Exit::Unavailable, format!("no stack was installed in {home} yet"))
                .hint("install it first: tars install; or name another home: --home DIR")
        }
        _ => Failure::new(Exit::Failed, format!("could not open {}", path.display())),
    };
    failure.caused_by(error).into()
}

fn busy(path: &Path) -> Failure {
    let who = holder(path).map_or_else(String::new, |who| format!(" ({who})"));
    Failure::new(Exit::Busy, format!("another run changes this stack right now{who}"))
        .hint("wait until it is done, then run this again")
}

/// The process that holds the lock, in words: `process 123: tars backup`.
fn holder(path: &Path) -> Option<String> {
    let pid = lock_holder::holder(Path::new("/"), path).ok()??;
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = command.split('\0').take(2).collect::<Vec<_>>().join(" ");
    if command.trim().is_empty() {
        // The kernel remembers who took it; whom it left it to, it does not say.
        return Some(format!("process {pid} is gone, but a child of it still works"));
    }
    Some(format!("process {pid}: {}", command.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::time::{Duration, Instant};

    #[test]
    fn the_second_is_told_who_holds_it() {
        let (_dir, home) = Home::temporary();
        let first = Lock::take(&home).unwrap();
        assert!(!Lock::is_free(&home));
        let error = Lock::take(&home).unwrap_err();
        assert_eq!(crate::error::exit_of(&error), Exit::Busy);
        drop(first);
        assert!(becomes_free(&home));
    }

    #[test]
    fn a_home_without_a_stack_is_named() {
        let (dir, home) = Home::temporary();
        std::fs::remove_dir_all(home.state_file("lock").parent().unwrap()).unwrap();
        let error = Lock::take(&home).unwrap_err();
        assert_eq!(crate::error::exit_of(&error), Exit::Unavailable);
        assert!(error.to_string().contains(&dir.path().display().to_string()), "{error:#}");
    }

    #[test]
    fn a_child_keeps_it_after_its_parent_let_go() {
        let (_dir, home) = Home::temporary();
        let lock = Lock::take(&home).unwrap();
        let mut child = std::process::Command::new("sh")
            .args(["-c", "echo up; exec tail -f /dev/null"])
            .stdin(lock.inherit().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        drop(lock);
        assert!(!Lock::is_free(&home));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(becomes_free(&home));
    }

    /// Another test that starts a program at this moment holds a copy of every descriptor between its fork and its
    /// exec, the lock's too: free means free soon.
    fn becomes_free(home: &Home) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !Lock::is_free(home) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }
}
