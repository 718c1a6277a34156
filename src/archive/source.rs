//! An archive's file as a stream of tar entries: summed, decrypted, unpacked.

use super::entries::Entries;
use super::fault::{self, broken, mib};
use super::key::{Key, MAGIC, check_header};
use super::sum::{Sum, Summing};
use super::unpack::Unpacker;
use super::watch::Watch;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::Result;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const CHUNK: usize = 256 << 10;

/// The stream, and what is known of the file below it.
pub(super) struct Source {
    pub entries: Entries<Unpacker>,
    pub encrypted: bool,
    /// The file's size when it was opened.
    pub size: u64,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    summing: Mutex<Summing>,
    bytes: AtomicU64,
}

impl Source {
    pub fn open(path: &Path, key: &Key, watch: &Watch) -> Result<Self> {
        let file = File::open(path).map_err(|error| absent(path, error))?;
        let stat = file.metadata().map_err(|error| fault::of(path, error))?;
        if !stat.is_file() {
            return Err(absent(path, io::Error::other("it is not a file")));
        }
        Self::of(file, stat.len(), key, watch).map_err(|error| fault::of(path, error))
    }

    fn of(mut file: File, size: u64, key: &Key, watch: &Watch) -> io::Result<Self> {
        let mut magic = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        let encrypted = magic == MAGIC;
        file.rewind()?;
        if encrypted {
            check_header(&mut file)?;
            file.rewind()?;
        }
        let seen = Arc::new(Seen::default());
        let counted = Arc::clone(&seen);
        let packed = move || counted.bytes.load(Ordering::Relaxed);
        let summed = Summed { file, seen: Arc::clone(&seen), watch: watch.clone() };
        let unpacker = if encrypted {
            let below = key.open(BufReader::with_capacity(CHUNK, summed))?;
            Unpacker::new(Decrypted(below), packed)?
        } else {
            Unpacker::new(BufReader::with_capacity(CHUNK, summed), packed)?
        };
        Ok(Self { entries: Entries::new(unpacker), encrypted, size, seen })
    }

    /// The rest of the stream must be empty; then the sum of the whole file is known.
    pub fn end(&mut self) -> io::Result<Sum> {
        self.entries.end()?;
        Ok(self.seen.summing.lock().unwrap_or_else(PoisonError::into_inner).clone().finish())
    }

    /// Says how far the file goes where a fault is that it ends.
    pub fn place(&self, error: io::Error) -> io::Error {
        match error.downcast::<Failure>() {
            Ok(mut failure) => {
                if failure.message.starts_with("is cut off") {
                    failure.message = format!("{} (it has {})", failure.message, mib(self.size));
                }
                io::Error::other(failure)
            }
            Err(error) => error,
        }
    }
}

fn absent(path: &Path, error: io::Error) -> anyhow::Error {
    Failure::new(Exit::Unavailable, format!("could not open the archive {}", path.display()))
        .hint("tars backup list shows the archives that are there")
        .caused_by(error)
        .into()
}

/// Sums and counts the file as it is read.
struct Summed {
    file: File,
    seen: Arc<Seen>,
    watch: Watch,
}

impl Read for Summed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.check()?;
        let n = self.file.read(buffer)?;
        self.seen.summing.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..n]);
        self.seen.bytes.fetch_add(n as u64, Ordering::Relaxed);
        self.watch.advance(n);
        Ok(n)
    }
}

/// What age gives, its errors in our words.
struct Decrypted<R>(R);

impl<R: Read> Read for Decrypted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A last part that is cut short does not decrypt: age cannot tell the two apart.
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                broken("is cut off, or damaged: a part of it is not what was encrypted")
            }
            _ => error,
        })
    }
}
