//! What is wrong with an archive, in an operator's words.
//!
//! Below the surface everything is an [`io::Error`], because it passes through readers and threads; a [`Failure`]
//! inside comes out whole at the surface ([`of`]).

use crate::error::Failure;
use crate::exit::Exit;
use std::io;
use std::path::Path;

/// A fault of the archive itself, told as the end of "ARCHIVE …": "is cut off after 3 MiB".
pub(super) fn broken(words: impl Into<String>) -> io::Error {
    io::Error::other(Failure::new(Exit::Failed, words))
}

/// A fault with its remedy.
pub(super) fn failure(failure: Failure) -> io::Error {
    io::Error::other(failure)
}

/// The error as the surface shows it: the file's name in front of its fault.
pub(super) fn of(path: &Path, error: io::Error) -> anyhow::Error {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    match error.downcast::<Failure>() {
        Ok(failure) if failure.exit == Exit::Interrupted => failure.into(),
        Ok(mut failure) => {
            failure.message = format!("{file} {}", failure.message);
            if failure.hint.is_none() {
                failure.hint = Some("nothing was changed; choose another archive: tars backup list".to_owned());
            }
            failure.into()
        }
        Err(error) => Failure::new(Exit::Failed, format!("could not read {}", path.display()))
            .hint("look at the disk or the network share that holds it, then try again")
            .caused_by(error)
            .into(),
    }
}

/// The error of writing: an interrupt stays one, everything else names the file.
pub(super) fn writing(path: &Path, error: io::Error) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) => failure.into(),
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room there, or choose another place: --output-dir DIR"
                }
                io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or choose another place: --output-dir DIR",
                _ => "look at the disk or the network share, or choose another place: --output-dir DIR",
            };
            Failure::new(Exit::Failed, format!("could not write {}", path.display())).hint(hint).caused_by(error).into()
        }
    }
}

/// Bytes for people.
pub(super) fn mib(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{bytes} bytes"),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}

/// An error of something that is read to be saved; a fault in words gets it as its subject.
pub(super) fn stream(what: &str, error: io::Error) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) if failure.exit == Exit::Interrupted => failure.into(),
        Ok(mut failure) => {
            failure.message = format!("{what} {}", failure.message);
            failure.into()
        }
        Err(error) => anyhow::Error::new(error).context(format!("could not read {what}")),
    }
}
