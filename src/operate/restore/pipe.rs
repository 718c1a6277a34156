//! From a thread that reads an archive to the engine's streams: bytes with backpressure. An end is an end only when it
//! was said; a writer that goes away without a word is an error to who reads.

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use std::io::{self, Write};
use tokio::sync::mpsc;

/// How many bytes travel in one piece, and how many pieces may wait.
const PIECE: usize = 256 << 10;
const WAITING: usize = 3;

/// The blocking end.
#[derive(Debug)]
pub struct Pipe {
    to: Option<mpsc::Sender<io::Result<Bytes>>>,
    pending: BytesMut,
}

/// The other end; [`stream`] makes it a stream.
pub type Receiver = mpsc::Receiver<io::Result<Bytes>>;

/// Both ends.
#[must_use]
pub fn pipe() -> (Pipe, Receiver) {
    let (to, from) = mpsc::channel(WAITING);
    (Pipe { to: Some(to), pending: BytesMut::new() }, from)
}

/// What comes out.
pub fn stream(mut from: Receiver) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
    futures_util::stream::poll_fn(move |cx| from.poll_recv(cx))
}

impl Pipe {
    /// Everything was written.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn end(mut self) -> io::Result<()> {
        self.send()?;
        self.to = None;
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = self.pending.split().freeze();
        let to = self.to.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        if piece.is_empty() {
            return Ok(());
        }
        to.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(to) = self.to.take() {
            // Who reads may be gone as well.
            let _ = to.blocking_send(Err(io::Error::other("the archive was not read to its end")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    async fn through(write: impl FnOnce(Pipe) + Send + 'static) -> io::Result<Vec<u8>> {
        let (to, from) = pipe();
        let writer = tokio::task::spawn_blocking(move || write(to));
        let read = stream(from).try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        let read = read.await;
        writer.await.unwrap();
        read
    }

    #[tokio::test]
    async fn an_end_is_said_or_is_an_error() {
        let all = through(|mut pipe| {
            pipe.write_all(&vec![7; 3 << 20]).unwrap();
            pipe.end().unwrap();
        });
        assert_eq!(all.await.unwrap().len(), 3 << 20);
        let cut = through(|mut pipe| pipe.write_all(&vec![7; 3 << 20]).unwrap());
        assert!(cut.await.is_err());
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_is_noticed() {
        let (mut to, from) = pipe();
        drop(from);
        let wrote = tokio::task::spawn_blocking(move || to.write_all(&vec![7; 1 << 20]));
        assert_eq!(wrote.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
