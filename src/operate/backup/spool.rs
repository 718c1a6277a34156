//! Spools: what a server streams faster or slower than the archive takes it waits in a file without a name under
//! `state/work/`, readable by nobody else and gone with the process. Never in the output directory, which may be a NAS.

use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result, anyhow};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use tokio::io::{AsyncWrite, BufWriter};
use tokio::sync::oneshot;

/// How much is gathered before the disk is asked.
const BUFFER: usize = 1 << 20;

/// A file without a name.
#[derive(Debug)]
pub struct Spool {
    file: File,
}

impl Spool {
    /// A new one, in a directory of the run.
    ///
    /// # Errors
    /// When the directory is full or read-only.
    pub fn in_dir(dir: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(dir);
        Ok(Self { file: file.with_context(|| format!("could not make a spool in {}", dir.display()))? })
    }

    /// A reader from its beginning, independent of every other.
    ///
    /// # Errors
    /// When the process has no more descriptors.
    pub fn reader(&self) -> Result<File> {
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd())).context("could not open a spool again")
    }

    /// A writer to its end, for blocking code.
    ///
    /// # Errors
    /// When the process has no more descriptors.
    pub fn appender(&self) -> Result<File> {
        self.file.try_clone().context("could not open a spool again")
    }

    /// How many bytes it holds.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().context("could not look at a spool")?.len())
    }

    /// Cuts it to its first `bytes`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn cut(&self, bytes: u64) -> Result<()> {
        self.file.set_len(bytes).context("could not cut a spool")
    }

    /// The way in for a stream; the receiver hears of the first byte, or that none ever came.
    ///
    /// # Errors
    /// When the process has no more descriptors.
    pub fn intake(&self, count: Arc<AtomicU64>) -> Result<(Intake, oneshot::Receiver<()>)> {
        let (first, heard) = oneshot::channel();
        let to = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(self.appender()?));
        Ok((Intake { to, first: Some(first), count }, heard))
    }
}

/// Writes into a spool, counts, and tells of the first byte.
#[derive(Debug)]
pub struct Intake {
    to: BufWriter<tokio::fs::File>,
    first: Option<oneshot::Sender<()>>,
    count: Arc<AtomicU64>,
}

impl AsyncWrite for Intake {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = task::ready!(Pin::new(&mut self.to).poll_write(cx, bytes))?;
        self.count.fetch_add(written as u64, Ordering::Relaxed);
        if written > 0
            && let Some(first) = self.first.take()
        {
            // Nobody may wait for it.
            let _ = first.send(());
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.to).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.to).poll_shutdown(cx)
    }
}

/// Refuses when a directory's file system has less room than will be needed.
///
/// # Errors
/// With both numbers, and what to do.
pub fn need_room(dir: &Path, bytes: u64, what: &str) -> Result<()> {
    let stat = rustix::fs::statvfs(dir).with_context(|| format!("could not look at {}", dir.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free >= bytes {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("not enough room in {} for {what}", dir.display()))
        .hint("make room there, or choose another place: --output-dir DIR")
        .caused_by(anyhow!("{} are free, {} may be needed", crate::ui::bytes(free), crate::ui::bytes(bytes)))
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn a_spool_has_no_name_and_readers_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::in_dir(dir.path()).unwrap();
        let count = Arc::new(AtomicU64::new(0));
        let (mut intake, first) = spool.intake(count.clone()).unwrap();
        intake.write_all(b"dump").await.unwrap();
        first.await.unwrap();
        intake.flush().await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!((spool.bytes().unwrap(), count.load(Ordering::Relaxed)), (4, 4));
        let (mut one, mut two) = (String::new(), String::new());
        spool.reader().unwrap().read_to_string(&mut one).unwrap();
        spool.reader().unwrap().read_to_string(&mut two).unwrap();
        assert_eq!((one.as_str(), two.as_str()), ("dump", "dump"));
    }

    #[tokio::test]
    async fn a_stream_that_never_begins_is_heard_of() {
        let dir = tempfile::tempdir().unwrap();
        let (intake, first) = Spool::in_dir(dir.path()).unwrap().intake(Arc::default()).unwrap();
        drop(intake);
        assert!(first.await.is_err());
    }

    #[test]
    fn no_disk_has_room_for_everything() {
        let dir = tempfile::tempdir().unwrap();
        need_room(dir.path(), 1, "a byte").unwrap();
        assert!(need_room(dir.path(), u64::MAX, "all").unwrap_err().to_string().contains("not enough room"));
    }
}
