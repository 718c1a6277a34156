//! The file that is being written: `NAME.partial`, private, summed in a thread of its own.
//!
//! It becomes an archive by a rename, never earlier; whatever ends before that removes it.

use super::sum::{Sum, Summing};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

const CHUNK: usize = 1 << 20;
/// Written this far, the file is pushed towards the disk: the end need not wait for all of it, and the page cache
/// stays with those who need it.
const PUSH_BYTES: u64 = 64 << 20;

/// Removes the file unless it is kept.
pub(super) struct Partial {
    path: PathBuf,
    kept: bool,
}

impl Partial {
    /// Makes the file, which must not be there yet.
    pub fn create(path: PathBuf) -> io::Result<(Self, File)> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((Self { path, kept: false }, file))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing better can be done here; the sweep of a later run looks for such files.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes to the file and sums what it writes.
pub(super) struct Target {
    file: File,
    chunk: Vec<u8>,
    bytes: u64,
    pushed: u64,
    to_sum: Option<SyncSender<Vec<u8>>>,
    spare: Receiver<Vec<u8>>,
    summing: Option<JoinHandle<Sum>>,
    to_push: SyncSender<()>,
}

/// A file that is on the disk.
pub(super) struct Stored {
    pub sum: Sum,
    pub bytes: u64,
}

impl Target {
    pub fn new(file: File) -> io::Result<Self> {
        let (to_sum, chunks) = sync_channel::<Vec<u8>>(2);
        let (give_back, spare) = sync_channel(4);
        let summing = std::thread::Builder::new().name("archive-sum".to_owned()).spawn(move || {
            let mut sum = Summing::default();
            for mut chunk in chunks {
                sum.update(&chunk);
                chunk.clear();
                // Full or gone: then it is simply freed.
                let _ = give_back.try_send(chunk);
            }
            sum.finish()
        })?;
        let to_push = pusher(file.try_clone()?)?;
        let chunk = Vec::with_capacity(CHUNK);
        Ok(Self { to_push, file, chunk, bytes: 0, pushed: 0, to_sum: Some(to_sum), spare, summing: Some(summing) })
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        self.file.write_all(&self.chunk)?;
        self.bytes += self.chunk.len() as u64;
        if self.bytes - self.pushed >= PUSH_BYTES {
            self.pushed = self.bytes;
            // One that is at work already will do.
            let _ = self.to_push.try_send(());
        }
        let next = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        let chunk = std::mem::replace(&mut self.chunk, next);
        let sent = self.to_sum.as_ref().map(|to_sum| to_sum.send(chunk));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(io::Error::other("the summing thread ended")) }
    }

    /// Everything on the disk, with its sum.
    pub fn finish(mut self) -> io::Result<Stored> {
        self.write_chunk()?;
        self.file.sync_all()?;
        self.to_sum = None;
        let sum = self.summing.take().and_then(|thread| thread.join().ok());
        Ok(Stored { sum: sum.ok_or_else(|| io::Error::other("the summing thread ended"))?, bytes: self.bytes })
    }
}

/// A thread that brings the file to the disk while it grows; the last and checked word is [`Target::finish`]'s.
fn pusher(file: File) -> io::Result<SyncSender<()>> {
    let (to_push, wishes) = sync_channel(1);
    std::thread::Builder::new().name("archive-push".to_owned()).spawn(move || {
        for () in wishes {
            let _ = file.sync_data();
        }
    })?;
    Ok(to_push)
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..n]);
        if self.chunk.len() == CHUNK {
            self.write_chunk()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
