//! What a job leaves behind, each in one transaction: a document with all its chunks, or the reason why not.

use anyhow::Result;
use deadpool_postgres::Transaction;
use uuid::Uuid;

use super::reader::{Content, Job};
use crate::app::App;

/// Chunks per statement.
const ROWS: usize = 500;
/// How long a file whose disk says no is left alone at first; each time twice as long, up to an hour.
const AGAIN_AFTER_S: f64 = 60.0;

/// A document by its content, or by where it lies.
struct Known {
    id: Uuid,
    revision: i32,
    chunk_count: i32,
    places: i64,
}

/// The same content is there already: the place is its as well. Not when it shall be read again anyhow.
///
/// # Errors
/// What Postgres says.
pub(super) async fn known(app: &App, job: &Job, content: &Content) -> Result<bool> {
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    own(&transaction, job).await?;
    let Some(same) = by_content(&transaction, content).await? else { return Ok(false) };
    if job.force || same.revision == 0 {
        return Ok(false);
    }
    settle(&transaction, job, same.id, job.wanted).await?;
    transaction.commit().await?;
    app.rag.desk.wake_index();
    Ok(true)
}

/// Writes a document: a new one, or the next revision of what lay there or had the same content.
///
/// # Errors
/// What Postgres says; then nothing has changed.
pub(super) async fn document(app: &App, job: &Job, content: &Content, pieces: &[(String, i32)]) -> Result<()> {
    const SEEN: &str =
        "update documents set revision = $2, chunk_count = $3, indexed_at = now(), reason = null where id = $1";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    transaction.batch_execute("set local statement_timeout = 0").await?;
    own(&transaction, job).await?;
    let same = by_content(&transaction, content).await?;
    let is_news = same.is_none();
    let before = match same {
        Some(same) => Some(same),
        // A changed file keeps its document, unless that lies elsewhere too.
        None => by_place(&transaction, job).await?.filter(|there| there.places == 1),
    };
    let id = before.as_ref().map_or_else(|| new_id(content), |known| known.id);
    let revision = before.as_ref().map_or(0, |known| known.revision) + 1;
    let id = put_document(&transaction, job, content, id, before.is_none()).await?;
    put_chunks(&transaction, id, revision, pieces).await?;
    transaction.execute(SEEN, &[&id, &revision, &i32::try_from(pieces.len())?]).await?;
    if let Some(old) = before.filter(|known| known.revision > 0) {
        replace(&transaction, &old).await?;
    }
    settle(&transaction, job, id, is_news || job.wanted).await?;
    transaction.commit().await?;
    app.rag.desk.wake_index();
    app.metrics.rag.documents.inc();
    tracing::info!(document = %id, kind = content.kind.name(), chunks = pieces.len(), "a document was read");
    Ok(())
}

/// The file cannot be read: it is set aside with the reason, and what was indexed of it before stays.
///
/// # Errors
/// What Postgres says.
pub(super) async fn set_aside(app: &App, job: &Job, why: &str) -> Result<()> {
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    tell(&transaction, job, why).await?;
    end(&transaction, job).await?;
    transaction.commit().await?;
    app.metrics.rag.set_aside.inc();
    tracing::warn!(source = job.source, "a file was set aside");
    Ok(())
}

/// The disk or the network says no: the same again after a while, for ever longer.
///
/// # Errors
/// What Postgres says.
pub(super) async fn later(app: &App, job: &Job, why: &str) -> Result<()> {
    const LATER: &str = "update jobs set begun_at = null, failures = least(failures + 1, 100),
        due_at = clock_timestamp() + make_interval(secs => least(3600, $3 * power(2, least(failures, 10))))
        where source = $1 and path = $2";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    tell(&transaction, job, why).await?;
    transaction.execute(LATER, &[&job.source, &job.path, &AGAIN_AFTER_S]).await?;
    transaction.commit().await?;
    Ok(())
}

/// The file is not there any more. A place that never had a document goes; of others the next scan decides. What was
/// announced of such a place was never read: whatever lies there when the folder is back is news.
///
/// # Errors
/// What Postgres says.
pub(super) async fn forget(app: &App, job: &Job) -> Result<()> {
    const GONE: &str = "delete from places where source = $1 and path = $2 and document_id is null";
    const UNREAD: &str = "update places set modified_ns = 0 where source = $1 and path = $2";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    own(&transaction, job).await?;
    end(&transaction, job).await?;
    transaction.execute(GONE, &[&job.source, &job.path]).await?;
    transaction.execute(UNREAD, &[&job.source, &job.path]).await?;
    transaction.commit().await?;
    Ok(())
}

/// The place first, then documents, everywhere: two that lock in different orders wait for each other.
async fn own(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    const OWN: &str = "select 1 from places where source = $1 and path = $2 for update";
    transaction.query_opt(OWN, &[&job.source, &job.path]).await?;
    Ok(())
}

const KNOWN: &str = "select d.id, d.revision, d.chunk_count, (select count(*) from places p where p.document_id = d.id)
    from documents d";

async fn by_content(transaction: &Transaction<'_>, content: &Content) -> Result<Option<Known>> {
    let ask = transaction.prepare_cached(&format!("{KNOWN} where d.sha256 = $1 for update")).await?;
    Ok(transaction.query_opt(&ask, &[&content.sha256]).await?.map(|row| of(&row)))
}

async fn by_place(transaction: &Transaction<'_>, job: &Job) -> Result<Option<Known>> {
    let ask =
        format!("{KNOWN} where d.id = (select document_id from places where source = $1 and path = $2) for update");
    let ask = transaction.prepare_cached(&ask).await?;
    Ok(transaction.query_opt(&ask, &[&job.source, &job.path]).await?.map(|row| of(&row)))
}

fn of(row: &tokio_postgres::Row) -> Known {
    Known { id: row.get(0), revision: row.get(1), chunk_count: row.get(2), places: row.get(3) }
}

// The id comes from the content, so that the same upload after a crash is the same document.
fn new_id(content: &Content) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&content.sha256[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

// Another reader may have written the same content in this moment; then its document is the one.
async fn put_document(
    transaction: &Transaction<'_>,
    job: &Job,
    content: &Content,
    id: Uuid,
    is_new: bool,
) -> Result<Uuid> {
    const NEW: &str =
        "insert into documents (id, sha256, file_name, folder, kind, bytes) values ($1, $2, $3, $4, $5, $6)
        on conflict (sha256) do update set bytes = excluded.bytes returning id";
    const CHANGED: &str = "update documents set sha256 = $2, file_name = $3, folder = $4, kind = $5, bytes = $6
        where id = $1 returning id";
    let folder = if job.source == super::FOLDER { parent(&job.path) } else { "" };
    // A document whose content changed has left its id behind, which came from the old content.
    let taken = is_new
        && transaction
            .query_opt("select 1 from documents where id = $1 and sha256 <> $2", &[&id, &content.sha256])
            .await?
            .is_some();
    let id = if taken { Uuid::new_v4() } else { id };
    let statement = transaction.prepare_cached(if is_new { NEW } else { CHANGED }).await?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&id, &content.sha256, &job.file_name, &folder, &content.kind.name(), &content.bytes];
    Ok(transaction.query_one(&statement, &values).await?.get(0))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

async fn put_chunks(transaction: &Transaction<'_>, id: Uuid, revision: i32, pieces: &[(String, i32)]) -> Result<()> {
    const PUT: &str = "insert into chunks (document_id, revision, position, tokens, content)
        select $1, $2, u.p, u.t, u.c from unnest($3::integer[], $4::integer[], $5::text[]) as u (p, t, c)
        on conflict do nothing";
    let put = transaction.prepare_cached(PUT).await?;
    for (index, rows) in pieces.chunks(ROWS).enumerate() {
        let first = i32::try_from(index * ROWS)?;
        let positions: Vec<i32> = (first..).take(rows.len()).collect();
        let tokens: Vec<i32> = rows.iter().map(|(_, tokens)| *tokens).collect();
        let texts: Vec<&str> = rows.iter().map(|(text, _)| text.as_str()).collect();
        transaction.execute(&put, &[&id, &revision, &positions, &tokens, &texts]).await?;
    }
    Ok(())
}

// The old chunks go with the transaction that shows the new; their vectors are left over.
async fn replace(transaction: &Transaction<'_>, old: &Known) -> Result<()> {
    const LEFT: &str =
        "insert into leftovers (document_id, revision, chunk_count) values ($1, $2, $3) on conflict do nothing";
    transaction
        .execute("delete from chunks where document_id = $1 and revision = $2", &[&old.id, &old.revision])
        .await?;
    transaction.execute(LEFT, &[&old.id, &old.revision, &old.chunk_count]).await?;
    Ok(())
}

/// The place is this document's from now on; one that lay there before and nowhere else goes to the trash. What
/// somebody deleted comes back only if it is `wanted`: a scan that meets the same content again is no reason.
async fn settle(transaction: &Transaction<'_>, job: &Job, id: Uuid, wanted: bool) -> Result<()> {
    const BEFORE: &str = "select document_id from places where source = $1 and path = $2";
    const NOW: &str = "update places set document_id = $3, reason = null where source = $1 and path = $2";
    const BACK: &str =
        "update documents set trashed_at = null, trashed_why = null where id = $1 and trashed_at is not null
        and (trashed_why <> 'deleted' or $2)";
    const OVER: &str = "update documents d set trashed_at = now(), trashed_why = 'replaced' where id = $1
        and trashed_at is null and not exists (select 1 from places p where p.document_id = d.id)";
    let before: Option<Uuid> = transaction.query_one(BEFORE, &[&job.source, &job.path]).await?.get(0);
    transaction.execute(NOW, &[&job.source, &job.path, &id]).await?;
    transaction.execute(BACK, &[&id, &wanted]).await?;
    if let Some(before) = before.filter(|before| *before != id) {
        transaction.execute(OVER, &[&before]).await?;
    }
    end(transaction, job).await
}

async fn tell(transaction: &Transaction<'_>, job: &Job, why: &str) -> Result<()> {
    const PLACE: &str = "update places set reason = $3 where source = $1 and path = $2 returning document_id";
    let row = transaction.query_opt(PLACE, &[&job.source, &job.path, &why]).await?;
    if let Some(id) = row.and_then(|row| row.get::<_, Option<Uuid>>(0)) {
        transaction.execute("update documents set reason = $2 where id = $1", &[&id, &why]).await?;
    }
    Ok(())
}

// A file that was announced again meanwhile is read again.
async fn end(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    const DONE: &str = "delete from jobs where source = $1 and path = $2 and asked_at = $3";
    const AGAIN: &str = "update jobs set begun_at = null, attempts = 0, failures = 0 where source = $1 and path = $2";
    if transaction.execute(DONE, &[&job.source, &job.path, &job.asked_at]).await? == 0 {
        transaction.execute(AGAIN, &[&job.source, &job.path]).await?;
    }
    Ok(())
}
