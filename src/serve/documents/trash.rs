//! Thirty days of second thoughts: what is deleted is hidden at once, can be restored, and is erased in the end.

use std::time::Duration;

use anyhow::Result;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{FOLDER, UPLOADS};
use crate::app::App;

/// How long something stays in the trash.
pub(crate) const KEEP_DAYS: i32 = 30;
const LOOK_EVERY: Duration = Duration::from_hours(1);

pub(super) fn start(app: &App) {
    let owner = app.clone();
    app.tasks.every("trash", LOOK_EVERY, move || {
        let app = owner.clone();
        async move {
            app.db.ready().await;
            erase(&app).await
        }
    });
}

/// Hides a document; false when there is none to hide.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn delete(app: &App, id: Uuid) -> Result<bool> {
    const HIDE: &str =
        "update documents set trashed_at = now(), trashed_why = 'deleted' where id = $1 and trashed_at is null";
    let connection = app.db.get().await?;
    Ok(connection.execute(HIDE, &[&id]).await? > 0)
}

/// Shows a document again; false when it is not in the trash.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn restore(app: &App, id: Uuid) -> Result<bool> {
    const SHOW: &str =
        "update documents set trashed_at = null, trashed_why = null where id = $1 and trashed_at is not null";
    let connection = app.db.get().await?;
    Ok(connection.execute(SHOW, &[&id]).await? > 0)
}

/// Erases what has been in the trash for [`KEEP_DAYS`].
async fn erase(app: &App) -> Result<()> {
    const OLD: &str = "select id, revision, chunk_count from documents
        where trashed_at < now() - make_interval(days => $1) order by trashed_at limit 100";
    loop {
        let connection = app.db.get().await?;
        let rows = connection.query(OLD, &[&KEEP_DAYS]).await?;
        drop(connection);
        for row in &rows {
            erase_one(app, row).await?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        tracing::info!(erased = rows.len(), "documents left the trash for good");
        app.rag.desk.wake_index();
    }
}

// The file of an upload goes after the transaction: a file without a place is only room, a place without its file a loss.
async fn erase_one(app: &App, row: &Row) -> Result<()> {
    const LEFT: &str =
        "insert into leftovers (document_id, revision, chunk_count) values ($1, $2, $3) on conflict do nothing";
    const FILES: &str = "delete from places where document_id = $1 and source = $2 returning path";
    const IGNORE: &str = "update places set document_id = null, ignored = true where document_id = $1 and source = $2";
    let (id, revision, chunks): (Uuid, i32, i32) = (row.get(0), row.get(1), row.get(2));
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    transaction.batch_execute("set local statement_timeout = 0").await?;
    transaction.execute(LEFT, &[&id, &revision, &chunks]).await?;
    let files = transaction.query(FILES, &[&id, &UPLOADS]).await?;
    transaction.execute(IGNORE, &[&id, &FOLDER]).await?;
    transaction.execute("delete from documents where id = $1", &[&id]).await?;
    transaction.commit().await?;
    for file in files {
        let path: String = file.get(0);
        match tokio::fs::remove_file(app.rag.desk.uploads.join(path)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(error = %error, "an erased upload's file could not be removed");
            }
            _ => {}
        }
    }
    Ok(())
}
