//! When to scan: at the start, when the file system tells of a change, when somebody asks, and every hour anyhow, since
//! network file systems tell nothing.

use std::path::Path;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::scan;
use crate::app::App;

/// Changes come in swarms: a scan waits until it has been quiet for so long, but not for ever.
const QUIET: Duration = Duration::from_secs(1);
const QUIET_MAX: Duration = Duration::from_secs(10);
const WATCHED_WITHIN: Duration = Duration::from_mins(2);
/// A folder that is away is looked for so often.
const AWAY_AGAIN: Duration = Duration::from_mins(5);

pub(super) fn start(app: &App) {
    let app = app.clone();
    app.clone().tasks.spawn("scan", async move {
        let shutdown = app.tasks.shutdown();
        let work = async {
            app.db.ready().await;
            let mut watched: Option<(RecommendedWatcher, mpsc::Receiver<()>)> = None;
            loop {
                // Before the scan, so that nothing falls between the two. A folder that was mounted anew is another one.
                if watched.is_none() {
                    let folder = app.rag.desk.folder.clone();
                    // It walks through all of the folder, too.
                    watched = app.rag.desk.scans.run(WATCHED_WITHIN, move || watch(&folder)).await.ok().flatten();
                }
                let scanned = scan::scan(&app).await.unwrap_or_else(|error| {
                    tracing::warn!(error = crate::error::causes_of(&error).join(": "), "a scan failed");
                    false
                });
                app.rag.desk.finish();
                let wait = if scanned { app.config.scan_every } else { app.config.scan_every.min(AWAY_AGAIN) };
                tokio::select! {
                    () = app.rag.desk.to_scan.notified() => {}
                    () = tokio::time::sleep(wait) => watched = None,
                    () = changes(&mut watched) => {}
                }
            }
        };
        tokio::select! { () = shutdown.cancelled() => {} () = work => {} }
        Ok(())
    });
}

fn watch(folder: &Path) -> Option<(RecommendedWatcher, mpsc::Receiver<()>)> {
    let (tell, told) = mpsc::channel(1);
    let on_event = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // One is as good as many.
            let _ = tell.try_send(());
        }
    };
    let mut watcher = notify::recommended_watcher(on_event).ok()?;
    match watcher.watch(folder, RecursiveMode::Recursive) {
        Ok(()) => Some((watcher, told)),
        Err(error) => {
            tracing::info!(error = %error.kind_name(), "changes in the documents folder are seen by the next scan only");
            None
        }
    }
}

async fn changes(watched: &mut Option<(RecommendedWatcher, mpsc::Receiver<()>)>) {
    let Some((_, told)) = watched else { return std::future::pending().await };
    if told.recv().await.is_none() {
        return std::future::pending().await;
    }
    let quiet = async { while tokio::time::timeout(QUIET, told.recv()).await.is_ok_and(|told| told.is_some()) {} };
    let _ = tokio::time::timeout(QUIET_MAX, quiet).await;
}

/// A word for what went wrong, without the path that the crate's own text has.
trait KindName {
    fn kind_name(&self) -> &'static str;
}

impl KindName for notify::Error {
    fn kind_name(&self) -> &'static str {
        match self.kind {
            notify::ErrorKind::PathNotFound => "the folder is not there",
            notify::ErrorKind::MaxFilesWatch => "too many folders (fs.inotify.max_user_watches)",
            _ => "the file system does not tell",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_told_once_it_is_quiet() {
        let dir = tempfile::tempdir().unwrap();
        let mut watched = watch(dir.path());
        std::fs::write(dir.path().join("a.txt"), "x").unwrap();
        tokio::time::timeout(Duration::from_secs(20), changes(&mut watched)).await.unwrap();
        assert!(watch(Path::new("/no/such/folder")).is_none());
    }
}
