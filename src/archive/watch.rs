//! How far a run is, and the wish to stop it: shared between a thread that reads or writes and those who look on.
//!
//! The wish reaches a blocking reader as a read error, so that it takes the ordinary path of a failure.

use crate::error::Failure;
use crate::exit::Exit;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Clones look at the same run.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    bytes: AtomicU64,
    cancelled: AtomicBool,
}

impl Watch {
    /// Nothing read, nothing cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were read so far: of the sources when writing, of the archive's file when reading.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Ends the run at its next read or write.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether somebody wants it to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// So many more bytes were read.
    pub fn advance(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The wish to end it, as a read error; not [`io::ErrorKind::Interrupted`], which the standard library would try
    /// again for ever.
    ///
    /// # Errors
    /// When somebody wants it to end.
    pub fn check(&self) -> io::Result<()> {
        if self.is_cancelled() {
            return Err(io::Error::other(Failure::new(Exit::Interrupted, "interrupted")));
        }
        Ok(())
    }
}
