//! Thirty days of second thoughts: what is deleted is hidden at once, can be restored, and is erased in the end.

use std::time::Duration;

use anyhow::Result;
use uuid::Uuid;

use super::{FOLDER, UPLOADS, sweep};
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
            erase(&app).await?;
            sweep::sweep(&app).await
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

/// Erases documents at once, their files with them: what a validation has sent.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn erase_now(app: &App, ids: &[Uuid]) -> Result<()> {
    const AGE: &str = "update documents set trashed_at = now() - make_interval(days => $2 + 1), trashed_why = 'deleted'
        where id = any($1)";
    app.db.get().await?.execute(AGE, &[&ids, &KEEP_DAYS]).await?;
    for id in ids {
        erase_one(app, *id).await?;
    }
    Ok(())
}

/// Erases what has been in the trash for [`KEEP_DAYS`].
async fn erase(app: &App) -> Result<()> {
    const OLD: &str = "select id from documents where trashed_at < now() - make_interval(days => $1) and id > $2
        order by id limit 100";
    let mut last = Uuid::nil();
    loop {
        let connection = app.db.get().await?;
        let rows = connection.query(OLD, &[&KEEP_DAYS, &last]).await?;
        drop(connection);
        let mut erased = 0;
        for row in &rows {
            last = row.get(0);
            erased += usize::from(erase_one(app, last).await?);
        }
        if rows.is_empty() {
            return Ok(());
        }
        tracing::info!(erased, "documents left the trash for good");
        app.rag.desk.wake_index();
    }
}

/// Erases one; false when it is not in the trash any more, or is about to be read again. What is true when its rows are
/// held counts, not what was true when somebody looked for old ones.
///
/// The file of an upload goes after the transaction: a file without a place is only room, a place without its file a
/// loss. And it goes while no upload can get a place, since the same content may just be coming in again.
async fn erase_one(app: &App, id: Uuid) -> Result<bool> {
    const PLACES: &str = "select 1 from places where document_id = $1 order by source, path for update";
    const STILL: &str = "select revision, chunk_count from documents where id = $1
        and trashed_at < now() - make_interval(days => $2) and not exists (select 1 from jobs j
            join places p on p.source = j.source and p.path = j.path where p.document_id = $1) for update";
    const LEFT: &str =
        "insert into leftovers (document_id, revision, chunk_count) values ($1, $2, $3) on conflict do nothing";
    const FILES: &str = "delete from places where document_id = $1 and source = $2 returning path";
    const IGNORE: &str = "update places set document_id = null, ignored = true where document_id = $1 and source = $2";
    let _alone = app.rag.desk.keeping.write().await;
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    transaction.batch_execute("set local statement_timeout = 0").await?;
    transaction.query(PLACES, &[&id]).await?;
    let Some(row) = transaction.query_opt(STILL, &[&id, &KEEP_DAYS]).await? else { return Ok(false) };
    let (revision, chunks): (i32, i32) = (row.get(0), row.get(1));
    transaction.execute(LEFT, &[&id, &revision, &chunks]).await?;
    let files = transaction.query(FILES, &[&id, &UPLOADS]).await?;
    transaction.execute(IGNORE, &[&id, &FOLDER]).await?;
    transaction.execute("delete from documents where id = $1", &[&id]).await?;
    transaction.commit().await?;
    for file in files {
        sweep::remove_file(app, file.get(0)).await;
    }
    Ok(true)
}
