//! Work beside the requests: tasks that end with the process, and whose failures are logged and not lost.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything that runs beside the requests.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Tasks {
    /// Cancelled when the process shall end; long work looks at it between two steps.
    pub(crate) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Runs something once. It must end soon after [`Tasks::shutdown`].
    pub(crate) fn spawn(&self, name: &'static str, work: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        self.tracker.spawn(async move { run(name, work).await });
    }

    /// Runs something now and then once per `period`, until the end; what fails or panics is tried again next time.
    pub(crate) fn every<F>(&self, name: &'static str, period: Duration, mut work: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let shutdown = self.shutdown();
        self.tracker.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = run(name, work()) => {}
                }
            }
        });
    }

    /// Asks all to end and waits for them, up to `within`.
    pub(crate) async fn end(&self, within: Duration) {
        self.shutdown.cancel();
        self.tracker.close();
        if tokio::time::timeout(within, self.tracker.wait()).await.is_err() {
            tracing::warn!(left = self.tracker.len(), "tasks were still at work at the end");
        }
    }
}

async fn run(name: &'static str, work: impl Future<Output = anyhow::Result<()>>) {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(task = name, error = crate::error::causes_of(&error).join(": "), "a task failed");
        }
        Err(_) => tracing::error!(task = name, "a task panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_task_goes_on_after_a_panic_and_ends_with_the_rest() {
        let (tasks, runs) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&runs);
        tasks.every("odd", Duration::from_millis(1), move || {
            let run = count.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run % 2 == 1, "every other run panics");
                anyhow::bail!("and the others fail")
            }
        });
        while runs.load(Ordering::SeqCst) < 4 {
            tokio::task::yield_now().await;
        }
        tasks.end(Duration::from_secs(1)).await;
        let at_end = runs.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(runs.load(Ordering::SeqCst), at_end);
    }
}
