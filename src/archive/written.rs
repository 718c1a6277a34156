//! An archive that is whole on the disk and has no name yet: to be verified, then published.

use super::fault;
use super::key::Key;
use super::reader::{Contents, Sidecar, verify};
use super::sum::Sum;
use super::target::{Partial, Stored};
use super::watch::Watch;
use super::writer::Options;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::Result;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Dropped before [`Written::publish`], the file is removed.
pub struct Written {
    partial: Partial,
    options: Options,
    key: Key,
    sum: Sum,
    bytes: u64,
}

/// An archive under its name, with its sum beside it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The archive.
    pub archive: PathBuf,
    /// Its sum, for `sha256sum -c`.
    pub sidecar: PathBuf,
    /// The sum of the file as stored.
    pub sha256: Sum,
    /// Its size.
    pub bytes: u64,
}

impl Written {
    pub(super) fn new(partial: Partial, options: Options, key: Key, stored: &Stored) -> Self {
        Self { partial, options, key, sum: stored.sum, bytes: stored.bytes }
    }

    /// Where it is now.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// The sum of the file.
    #[must_use]
    pub fn sha256(&self) -> Sum {
        self.sum
    }

    /// The size of the file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads all of it back, decrypting with the key that only this run has, and checks every sum.
    ///
    /// # Errors
    /// When it is not what was written.
    pub fn verify(&self, watch: &Watch) -> Result<Contents> {
        // From the disk, and not from the memory that it was written out of.
        if let Ok(file) = std::fs::File::open(self.path()) {
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).ok();
        }
        let contents = verify(self.path(), &self.key, Sidecar::Ignore, watch)?;
        if contents.sha256 != self.sum {
            let words = format!("{} is not what was written", self.path().display());
            return Err(Failure::new(Exit::Failed, words)
                .hint("the disk or the network share changes data: check it")
                .into());
        }
        Ok(contents)
    }

    /// Gives it its name, with the sum beside it. An existing file is never replaced.
    ///
    /// # Errors
    /// When the name was taken meanwhile, or the directory cannot be written; then nothing is left behind.
    pub fn publish(self) -> Result<Published> {
        let encrypted = self.options.seal.encrypts();
        let archive = self.options.dir.join(self.options.name.file(encrypted));
        named(self.partial, &archive, self.sum, self.bytes)
    }
}

/// Gives a partial file its name, with the sum beside it.
pub(super) fn named(partial: Partial, archive: &Path, sum: Sum, bytes: u64) -> Result<Published> {
    let file = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sidecar = archive.with_file_name(format!("{file}.sha256"));
    // The sum comes first: an archive is never there without it.
    write_sidecar(&sidecar, sum, &file).map_err(|error| fault::writing(&sidecar, error))?;
    let undo = |files: &[&Path], error| {
        for file in files {
            let _ = std::fs::remove_file(file);
        }
        Err(fault::writing(archive, error))
    };
    if let Err(error) = rename(partial.path(), archive) {
        return undo(&[&sidecar], error);
    }
    if let Err(error) = sync(archive.parent().unwrap_or(Path::new("."))) {
        return undo(&[archive, &sidecar], error);
    }
    partial.keep();
    Ok(Published { archive: archive.to_owned(), sidecar, sha256: sum, bytes })
}

fn write_sidecar(path: &Path, sum: Sum, file: &str) -> io::Result<()> {
    let mut sidecar = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(sidecar, "{sum}  {file}")?;
    sidecar.sync_all()
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Network file systems know no such rename.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if to.symlink_metadata().is_err() => {
            std::fs::rename(from, to)
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Err(io::ErrorKind::AlreadyExists.into()),
        other => Ok(other?),
    }
}

/// The directory's own entry on the disk, where the file system knows that.
fn sync(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}
