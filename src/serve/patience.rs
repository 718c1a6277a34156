//! Work that may hang with a file system: on a thread of its own, one piece at a time.
//!
//! A network file system that hangs keeps whoever touches it, for ever and beyond any signal. A deadline alone frees the
//! one who waits and leaves the thread behind; asked again and again, it would take all the threads there are. Here the
//! next one is told that the last one is still at it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// Nothing was answered in time, now or by a piece of work that is still at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file system does not answer")]
pub(crate) struct Hung;

/// One thread at the most.
#[derive(Clone, Debug)]
pub(crate) struct Patience(Arc<Semaphore>);

impl Default for Patience {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Patience {
    /// Does the work, or says that it hangs. Work that hangs goes on by itself; what it has to say is lost.
    ///
    /// # Errors
    /// [`Hung`] when it, or what is before it, takes longer than `within`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        within: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Hung> {
        self.run_while(within, || false, work).await
    }

    /// As [`Patience::run`], but `within` begins anew as long as `moves` says that something was done since.
    ///
    /// # Errors
    /// [`Hung`] when nothing has moved for so long.
    pub(crate) async fn run_while<T: Send + 'static>(
        &self,
        within: Duration,
        mut moves: impl FnMut() -> bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Hung> {
        let free = timeout(within, Arc::clone(&self.0).acquire_owned()).await;
        let place = free.map_err(|_| Hung)?.map_err(|_| Hung)?;
        let (tell, mut told) = oneshot::channel();
        // Not one of the runtime's: those are counted, and its end waits for them.
        let begun = std::thread::Builder::new().name("files".to_owned()).spawn(move || {
            let _ = tell.send(work());
            drop(place);
        });
        begun.map_err(|_| Hung)?;
        loop {
            match timeout(within, &mut told).await {
                Ok(answer) => return answer.map_err(|_| Hung),
                Err(_) if moves() => {}
                Err(_) => return Err(Hung),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn one_that_hangs_is_left_and_no_second_thread_hangs_with_it() {
        let (patience, begun) = (Patience::default(), Arc::new(AtomicUsize::new(0)));
        let (go_on, waits) = mpsc::channel::<()>();
        let hangs = {
            let begun = Arc::clone(&begun);
            move || {
                begun.fetch_add(1, Ordering::SeqCst);
                let _ = waits.recv();
            }
        };
        assert_eq!(patience.run(SOON, hangs).await, Err(Hung));
        for _ in 0..3 {
            let begun = Arc::clone(&begun);
            let next = patience.run(Duration::from_millis(5), move || begun.fetch_add(1, Ordering::SeqCst));
            assert_eq!(next.await, Err(Hung));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1, "threads that hang");
        go_on.send(()).unwrap();
        assert_eq!(patience.run(Duration::from_secs(20), || 7).await, Ok(7), "it answers again");
    }

    #[tokio::test]
    async fn slow_is_not_hung_while_something_moves() {
        let (patience, mut looks) = (Patience::default(), 0);
        let slow = || std::thread::sleep(SOON * 4);
        let moves = || {
            looks += 1;
            true
        };
        assert_eq!(patience.run_while(SOON, moves, slow).await, Ok(()));
        assert!(looks > 0);
    }
}
