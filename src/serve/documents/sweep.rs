//! Files in the uploads' volume that nothing belongs to: of uploads that broke off, that were never announced, or that
//! could not be read and were not taken back.
//!
//! Only files with names of ours are touched, and only those that nobody has written to for a while.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::UPLOADS;
use crate::app::App;
use crate::reading::Kind;

/// What an upload is called while it comes in.
pub(crate) const PARTIAL: &str = ".new-";
/// An upload that nobody has written to for so long does not come any more.
const BROKEN_AFTER: Duration = Duration::from_hours(24);
/// An upload that could not be read is kept for so long, so that its reason can be read and its sender try again.
const SET_ASIDE_FOR: Duration = Duration::from_hours(24 * 7);

/// Looks through the volume once.
pub(super) async fn sweep(app: &App) -> Result<()> {
    const PLACED: &str = "select path from places where source = $1 and path = any($2)";
    // No upload gets its place in between.
    let _alone = app.rag.desk.keeping.write().await;
    let broken = untouched(app, BROKEN_AFTER).await?;
    let connection = app.db.get().await?;
    let rows = connection.query(PLACED, &[&UPLOADS, &broken]).await?;
    let placed: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut removed = 0;
    for name in broken.iter().filter(|name| !placed.contains(*name)) {
        removed += usize::from(remove_file(app, name).await);
    }
    for name in untouched(app, SET_ASIDE_FOR).await? {
        if forget(app, &name).await? {
            removed += usize::from(remove_file(app, &name).await);
        }
    }
    if removed > 0 {
        tracing::info!(removed, "files of uploads that nothing belonged to were removed");
    }
    Ok(())
}

/// Removes an upload that could not be read, with its file; false when there is no such one.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn take_back(app: &App, name: &str) -> Result<bool> {
    let _alone = app.rag.desk.keeping.write().await;
    let there = forget(app, name).await?;
    if there {
        remove_file(app, name).await;
    }
    Ok(there)
}

async fn forget(app: &App, name: &str) -> Result<bool> {
    const FORGET: &str = "delete from places p where source = $1 and path = $2 and document_id is null
        and reason is not null and not exists (select 1 from jobs j where j.source = p.source and j.path = p.path)";
    let connection = app.db.get().await?;
    Ok(connection.execute(FORGET, &[&UPLOADS, &name]).await? > 0)
}

/// Removes an upload's file; the caller holds `keeping` alone and has seen that nothing belongs to it.
pub(super) async fn remove_file(app: &App, name: &str) -> bool {
    match tokio::fs::remove_file(app.rag.desk.uploads.join(name)).await {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            tracing::warn!(error = %error, "an upload's file could not be removed");
            false
        }
    }
}

async fn untouched(app: &App, since: Duration) -> Result<Vec<String>> {
    let folder = app.rag.desk.uploads.clone();
    Ok(tokio::task::spawn_blocking(move || names(&folder, SystemTime::now(), since)).await??)
}

/// The files with names of ours that were last written longer ago than `age`.
fn names(folder: &Path, now: SystemTime, age: Duration) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let is_old = metadata.modified().ok().and_then(|then| now.duration_since(then).ok()).is_some_and(|is| is > age);
        if metadata.is_file() && is_old && is_ours(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn is_ours(name: &str) -> bool {
    let sum = name.split_once('.').map_or("", |(sum, _)| sum);
    let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.starts_with(PARTIAL) || (is_sum && Kind::of(Path::new(name)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn only_old_files_of_ours_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (now, sum) = (SystemTime::now(), "0a".repeat(32));
        let make = |name: &str, hours: u64| {
            let file = File::create(dir.path().join(name)).unwrap();
            file.set_modified(now - Duration::from_hours(hours)).unwrap();
        };
        make(".new-AbCd12", 25);
        make(".new-young1", 1);
        make(&format!("{sum}.pdf"), 25);
        make("notes.txt", 99);
        make(&format!("{sum}.exe"), 99);
        std::fs::create_dir(dir.path().join("lost+found")).unwrap();
        let mut found = names(dir.path(), now, BROKEN_AFTER).unwrap();
        found.sort();
        assert_eq!(found, [".new-AbCd12".to_owned(), format!("{sum}.pdf")]);
        assert!(names(dir.path(), now, SET_ASIDE_FOR).unwrap().is_empty());
    }
}
