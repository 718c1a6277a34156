//! A parcel: a small gzipped tar of files that were read before, as a support bundle is one.
//!
//! Each file is packed by itself, so that what it costs is known before anything is written and a file can be left out
//! without packing the others again. `NAME.partial` is private and locked while it is written; a partial file whose lock
//! is free is a dead run's, and the next run removes it.

use super::entries::Entries;
use super::fault;
use super::member::{Kind, Member};
use super::sum::{Sum, Summing};
use super::tarball::{END, Headers, padding};
use super::target::Partial;
use super::unpack::Unpacker;
use super::written::{Published, named};
use super::{block, block::Press};
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const PARTIAL: &str = ".partial";
/// A file of a parcel is read into memory: no larger one is believed.
const FILE_BYTES: u64 = 256 << 20;

/// One file as it stands in the parcel; `mtime` in seconds since 1970.
///
/// # Errors
/// When the path cannot stand in a tar.
pub fn packed(path: &str, mtime: u64, content: &[u8]) -> Result<Vec<u8>> {
    let size = content.len() as u64;
    let member =
        Member { path: path.to_owned(), kind: Kind::File, size, mode: 0o600, uid: 0, gid: 0, mtime, link: None };
    let mut stream = Headers::new().of(&member, path).with_context(|| format!("could not pack {path}"))?;
    stream.extend_from_slice(content);
    stream.extend_from_slice(&END[..padding(size)]);
    Ok(in_blocks(&stream))
}

fn in_blocks(stream: &[u8]) -> Vec<u8> {
    let mut press = Press::new();
    stream.chunks(block::BLOCK).flat_map(|chunk| press.member(chunk, Vec::new())).collect()
}

/// A parcel that is being written.
pub struct Parcel {
    partial: Partial,
    file: File,
    sum: Summing,
    bytes: u64,
}

/// A parcel that is whole on the disk and has no name yet. Dropped, it is removed.
pub struct Sealed {
    partial: Partial,
    // Its lock says that somebody is at work.
    _file: File,
    sum: Sum,
    bytes: u64,
}

impl Parcel {
    /// Begins `DIR/NAME.partial`, readable for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub fn create(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(format!("{name}{PARTIAL}"));
        let (partial, file) = Partial::create(path.clone()).map_err(|error| fault::writing(&path, error))?;
        // Where locks are not known, no other run sweeps either: it needs one to tell.
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok();
        Ok(Self { partial, file, sum: Summing::default(), bytes: 0 })
    }

    /// Adds a [`packed`] file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, packed: &[u8]) -> Result<()> {
        self.file.write_all(packed).map_err(|error| fault::writing(self.partial.path(), error))?;
        self.sum.update(packed);
        self.bytes += packed.len() as u64;
        Ok(())
    }

    /// Writes the end and brings all of it to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<Sealed> {
        self.add(&in_blocks(&END))?;
        self.file.sync_all().map_err(|error| fault::writing(self.partial.path(), error))?;
        Ok(Sealed { partial: self.partial, _file: self.file, sum: self.sum.finish(), bytes: self.bytes })
    }
}

impl Sealed {
    /// Where it is now.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Gives it its name, with the sum beside it. An existing file is never replaced.
    ///
    /// # Errors
    /// When the name is taken, or the directory cannot be written; then nothing is left behind.
    pub fn publish(self) -> Result<Published> {
        let archive = PathBuf::from(self.partial.path().to_string_lossy().trim_end_matches(PARTIAL));
        named(self.partial, &archive, self.sum, self.bytes)
    }
}

/// Removes the partial files of dead runs whose names begin with `prefix`.
pub fn sweep_partials(dir: &Path, prefix: &str) {
    for entry in dir.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !(name.starts_with(prefix) && name.ends_with(PARTIAL)) {
            continue;
        }
        let free =
            File::open(entry.path()).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok());
        if free {
            // One that stays is only litter.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// Reads a parcel to its end: every file with its content, in order. It is untrusted input.
///
/// # Errors
/// When it is no such file or damaged, or `each` fails.
pub fn unpack_each(path: &Path, each: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(|error| fault::of(path, error))?;
    let bytes = file.metadata().map_err(|error| fault::of(path, error))?.len();
    let mut entries = Entries::new(Unpacker::new(file, move || bytes).map_err(|error| fault::of(path, error))?);
    while let Some(member) = entries.next().map_err(|error| fault::of(path, error))? {
        if member.size > FILE_BYTES {
            return Err(Failure::new(
                Exit::Failed,
                format!("{} holds a file too large to be one of a bundle: {}", path.display(), member.path),
            )
            .into());
        }
        if member.kind == Kind::File {
            each(&member.path, &mut entries)?;
        }
    }
    entries.end().map_err(|error| fault::of(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn write(dir: &Path, name: &str, files: &[(&str, &[u8])]) -> Published {
        let mut parcel = Parcel::create(dir, name).unwrap();
        for (path, content) in files {
            parcel.add(&packed(path, 7, content).unwrap()).unwrap();
        }
        parcel.finish().unwrap().publish().unwrap()
    }

    #[test]
    fn what_was_packed_comes_back_by_us_and_by_tar() {
        let dir = tempfile::tempdir().unwrap();
        let long = vec![b'x'; 3 << 20];
        let done = write(dir.path(), "p.tar.gz", &[("p/a.txt", b"one"), ("p/empty", b""), ("p/long", &long)]);
        let mut seen = Vec::new();
        unpack_each(&done.archive, &mut |path, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            seen.push((path.to_owned(), bytes));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen[0], ("p/a.txt".to_owned(), b"one".to_vec()));
        assert!(seen[1].1.is_empty() && seen[2].1 == long);
        let gunzip = flate2::read::MultiGzDecoder::new(File::open(&done.archive).unwrap());
        let mut tar = tar::Archive::new(gunzip);
        assert_eq!(tar.entries().unwrap().count(), 3);
        assert_eq!(std::fs::metadata(&done.archive).unwrap().permissions().mode() & 0o777, 0o600);
        let sums = std::fs::read_to_string(&done.sidecar).unwrap();
        assert_eq!(sums, format!("{}  p.tar.gz\n", super::super::sha256(File::open(&done.archive).unwrap()).unwrap()));
    }

    #[test]
    fn an_existing_name_is_kept_and_a_dropped_parcel_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "p.tar.gz", &[("p/a", b"one")]);
        let mut again = Parcel::create(dir.path(), "p.tar.gz").unwrap();
        again.add(&packed("p/b", 0, b"two").unwrap()).unwrap();
        assert!(again.finish().unwrap().publish().is_err());
        drop(Parcel::create(dir.path(), "q.tar.gz").unwrap());
        let mut names: Vec<_> = dir.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["p.tar.gz", "p.tar.gz.sha256"]);
    }

    #[test]
    fn only_dead_runs_partials_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let living = Parcel::create(dir.path(), "b-living").unwrap();
        std::fs::write(dir.path().join("b-dead.partial"), "x").unwrap();
        std::fs::write(dir.path().join("other.partial"), "x").unwrap();
        sweep_partials(dir.path(), "b-");
        assert!(living.partial.path().exists() && dir.path().join("other.partial").exists());
        assert!(!dir.path().join("b-dead.partial").exists());
    }

    #[test]
    fn a_cut_parcel_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let done = write(dir.path(), "p.tar.gz", &[("p/a", &[b'a'; 5000]), ("p/b", b"two")]);
        let bytes = std::fs::read(&done.archive).unwrap();
        let cut = dir.path().join("cut");
        std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        assert!(unpack_each(&cut, &mut |_, _| Ok(())).is_err());
        std::fs::write(&cut, b"no archive at all").unwrap();
        assert!(unpack_each(&cut, &mut |_, _| Ok(())).is_err());
    }
}
