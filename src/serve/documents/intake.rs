//! A file is announced: its place and a job to read it, in one transaction.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Result;
use deadpool_postgres::GenericClient;
use uuid::Uuid;

use crate::app::App;

/// A file as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Relative to its source.
    pub path: String,
    /// What people call it.
    pub file_name: String,
    /// Its size.
    pub bytes: i64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified_ns: i64,
}

impl Seen {
    /// A file of the folder; `None` for a name that is not UTF-8, which no API could say.
    pub(crate) fn new(path: &Path, metadata: &Metadata) -> Option<Self> {
        Some(Self {
            path: path.to_str()?.to_owned(),
            file_name: path.file_name()?.to_str()?.to_owned(),
            bytes: i64::try_from(metadata.len()).ok()?,
            modified_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        })
    }
}

/// Why a file is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A scan found it new or changed.
    Found,
    /// Somebody asked for it.
    Wanted {
        /// Even if nothing changed.
        force: bool,
    },
}

/// What became of a place.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Whether its job is still to be done.
    pub waiting: bool,
    /// The document that lies there.
    pub document: Option<Uuid>,
    /// Why it could not be read.
    pub reason: Option<String>,
    /// What people call it.
    pub file_name: String,
}

const PLACES: &str = "insert into places (source, path, file_name, bytes, modified_ns)
    select $1, * from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
    on conflict (source, path) do update set file_name = excluded.file_name, bytes = excluded.bytes,
        modified_ns = excluded.modified_ns, ignored = false, reason = null";
const JOBS: &str = "insert into jobs (source, path, force, wanted) select $1, *, $3, $4 from unnest($2::text[])
    on conflict (source, path) do update set asked_at = clock_timestamp(), due_at = clock_timestamp(),
        force = jobs.force or excluded.force, wanted = jobs.wanted or excluded.wanted, attempts = 0, failures = 0";

/// Announces files of one source; the reader is told once the transaction is through.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn announce(app: &App, source: i16, files: &[Seen], why: Why) -> Result<()> {
    let mut connection = app.db.get().await?;
    for files in files.chunks(1000) {
        let transaction = connection.transaction().await?;
        announce_in(&transaction, source, files, why).await?;
        transaction.commit().await?;
        app.rag.desk.to_read.notify_waiters();
        app.rag.desk.to_read.notify_one();
    }
    Ok(())
}

async fn announce_in(client: &impl GenericClient, source: i16, files: &[Seen], why: Why) -> Result<()> {
    let (force, wanted) = (why == Why::Wanted { force: true }, why != Why::Found);
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let names: Vec<&str> = files.iter().map(|file| file.file_name.as_str()).collect();
    let bytes: Vec<i64> = files.iter().map(|file| file.bytes).collect();
    let times: Vec<i64> = files.iter().map(|file| file.modified_ns).collect();
    client.execute(PLACES, &[&source, &paths, &names, &bytes, &times]).await?;
    client.execute(JOBS, &[&source, &paths, &force, &wanted]).await?;
    Ok(())
}

/// What became of an announced file so far.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn outcome(app: &App, source: i16, path: &str) -> Result<Option<Outcome>> {
    const ASK: &str = "select p.document_id, p.reason, j.path is not null, p.file_name from places p
        left join jobs j on j.source = p.source and j.path = p.path where p.source = $1 and p.path = $2";
    let connection = app.db.get().await?;
    let row = connection.query_opt(ASK, &[&source, &path]).await?;
    Ok(row.map(|row| Outcome { document: row.get(0), reason: row.get(1), waiting: row.get(2), file_name: row.get(3) }))
}

/// Waits until an announced file has been read, or set aside; `None` when that takes longer than `within`.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn settled(
    app: &App,
    source: i16,
    path: &str,
    within: std::time::Duration,
) -> Result<Option<Outcome>> {
    let mut finished = app.rag.desk.finished.subscribe();
    let wait = async {
        loop {
            finished.borrow_and_update();
            match outcome(app, source, path).await? {
                Some(outcome) if outcome.waiting => {}
                other => return Ok(other),
            }
            finished.changed().await?;
        }
    };
    tokio::time::timeout(within, wait).await.unwrap_or(Ok(None))
}
