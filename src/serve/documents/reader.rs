//! Takes jobs, one at a time each: open, hash, read, cut, write. What goes wrong with a file is that file's trouble.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use ring::digest;

use super::beneath::{self, Refusal};
use super::embedder::Embedder;
use super::{Serving, UPLOADS, write};
use crate::app::App;
use crate::reading::{Kind, Unreadable};

const WORKERS: usize = 2;
/// And beside these some that read uploads only: a documents folder that hangs may keep all the others.
const WORKERS_FOR_UPLOADS: usize = 1;
/// How long a worker without work waits before it looks for jobs that have become due.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// How long a text waits for the embedder to be known.
const EMBEDDER_WITHIN: Duration = Duration::from_secs(5);
/// Larger files are read one at a time: each may hold some hundreds of megabytes of memory meanwhile.
const LARGE_BYTES: i64 = 8 << 20;
/// A job that was under way this often when the process died takes it down: its file is set aside.
const ATTEMPTS_MAX: i16 = 3;

/// A job that was taken.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) source: i16,
    pub(super) path: String,
    pub(super) file_name: String,
    pub(super) force: bool,
    /// Somebody asked for it, and not only a scan.
    pub(super) wanted: bool,
    pub(super) attempts: i16,
    /// When it was asked for: a job that was asked for again meanwhile stays.
    pub(super) asked_at: jiff::Timestamp,
}

/// What a job's file holds.
pub(super) struct Content {
    pub(super) sha256: Vec<u8>,
    pub(super) bytes: i64,
    pub(super) kind: Kind,
}

/// Why a job has no document at its end.
enum Trouble {
    /// The file is the reason: it is set aside until it changes.
    File(String),
    /// The disk or the network is: it is tried again.
    Again(String),
    /// It is not there any more: the next scan sees to it.
    Gone,
}

pub(super) fn start(app: &App) {
    let owner = app.clone();
    app.tasks.spawn("reader", async move {
        let shutdown = owner.tasks.shutdown();
        tokio::select! { () = owner.db.ready() => {} () = shutdown.cancelled() => return Ok(()) }
        // What was begun by a process that is dead is begun again. There is only one of us on a database.
        while let Err(error) = recover(&owner).await {
            tracing::warn!(error = %error, "the jobs could not be looked at");
            tokio::select! { () = tokio::time::sleep(Duration::from_secs(1)) => {} () = shutdown.cancelled() => return Ok(()) }
        }
        let workers = [(WORKERS, None), (WORKERS_FOR_UPLOADS, Some(UPLOADS))];
        for source in workers.into_iter().flat_map(|(count, source)| std::iter::repeat_n(source, count)) {
            let app = owner.clone();
            owner.tasks.spawn("reader", async move { work(&app, source).await });
        }
        Ok(())
    });
}

// Only here an attempt is counted: whoever ends in order, or is told no by the database, gives its jobs back.
async fn recover(app: &App) -> Result<()> {
    const AGAIN: &str = "update jobs set begun_at = null, attempts = attempts + 1 where begun_at is not null";
    let connection = app.db.get().await?;
    let again = connection.execute(AGAIN, &[]).await?;
    if again > 0 {
        tracing::info!(again, "documents were being read when the backend ended: they are read again");
    }
    Ok(())
}

async fn work(app: &App, source: Option<i16>) -> Result<()> {
    let shutdown = app.tasks.shutdown();
    loop {
        let woken = app.rag.desk.to_read.notified();
        let taken = match take(app, source).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::debug!(error = %error, "no jobs can be taken now");
                None
            }
        };
        let Some(job) = taken else {
            let pause = next_due(app, source).await.unwrap_or(LOOK_AGAIN);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = woken => {}
                () = tokio::time::sleep(pause) => {}
            }
            continue;
        };
        let begun = Instant::now();
        tokio::select! {
            () = shutdown.cancelled() => return give_back(app, &job).await,
            ended = read(app, &job) => {
                if let Err(error) = ended {
                    tokio::select! { () = shutdown.cancelled() => return Ok(()), () = not_written(app, &job, &error) => {} }
                }
            }
        }
        app.metrics.rag.ingest.observe(begun.elapsed().as_secs_f64());
        app.rag.desk.finish();
    }
}

async fn take(app: &App, source: Option<i16>) -> Result<Option<Job>> {
    const TAKE: &str = "update jobs j set begun_at = clock_timestamp() from places p
        where p.source = j.source and p.path = j.path and (j.source, j.path) =
            (select source, path from jobs where begun_at is null and due_at <= clock_timestamp()
                and ($1::smallint is null or source = $1)
             order by asked_at limit 1 for update skip locked)
        returning j.source, j.path, p.file_name, j.force, j.wanted, j.attempts, j.asked_at";
    let connection = app.db.get().await?;
    let statement = connection.prepare_cached(TAKE).await?;
    let row = connection.query_opt(&statement, &[&source]).await?;
    Ok(row.map(|row| Job {
        source: row.get(0),
        path: row.get(1),
        file_name: row.get(2),
        force: row.get(3),
        wanted: row.get(4),
        attempts: row.get(5),
        asked_at: row.get(6),
    }))
}

/// When the next job becomes due, within [`LOOK_AGAIN`].
async fn next_due(app: &App, source: Option<i16>) -> Option<Duration> {
    const NEXT: &str = "select extract(epoch from min(due_at) - clock_timestamp())::float8 from jobs
        where begun_at is null and ($1::smallint is null or source = $1)";
    let connection = app.db.get().await.ok()?;
    let next = connection.prepare_cached(NEXT).await.ok()?;
    let seconds: f64 = connection.query_one(&next, &[&source]).await.ok()?.get::<_, Option<f64>>(0)?;
    Some(Duration::from_secs_f64(seconds.clamp(0.1, LOOK_AGAIN.as_secs_f64())))
}

/// The process ends: the next one begins the job again, and it is not the file's fault.
async fn give_back(app: &App, job: &Job) -> Result<()> {
    const BACK: &str = "update jobs set begun_at = null where source = $1 and path = $2";
    app.db.get().await?.execute(BACK, &[&job.source, &job.path]).await?;
    Ok(())
}

/// Postgres said no. To this text: then it is set aside. Else the same again later, and for ever longer.
async fn not_written(app: &App, job: &Job, error: &anyhow::Error) {
    const BACK: &str = "update jobs set begun_at = null, failures = least(failures + 1, 100),
        due_at = clock_timestamp() + make_interval(secs => least(300, power(2, least(failures, 10))))
        where source = $1 and path = $2";
    tracing::warn!(error = crate::error::causes_of(error).join(": "), "a document could not be written");
    loop {
        let done = match refused_text(error) {
            Some(code) => {
                let why = format!("the database does not take its text ({code})");
                write::set_aside(app, job, &why).await.is_ok()
            }
            None => match app.db.get().await {
                Ok(connection) => connection.execute(BACK, &[&job.source, &job.path]).await.is_ok(),
                Err(_) => false,
            },
        };
        if done {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The code of a refusal that the same text would get again (classes 22 and 54: data, and more than fits).
fn refused_text(error: &anyhow::Error) -> Option<&str> {
    let code = error.downcast_ref::<tokio_postgres::Error>()?.code()?.code();
    (code.starts_with("22") || code.starts_with("54")).then_some(code)
}

async fn read(app: &App, job: &Job) -> Result<()> {
    if job.attempts >= ATTEMPTS_MAX {
        let why = format!("reading it took the backend down {ATTEMPTS_MAX} times");
        return write::set_aside(app, job, &why).await;
    }
    match content(app, job).await {
        Ok((content, file)) => {
            if write::known(app, job, &content).await? {
                return Ok(());
            }
            match pieces(app, &content, file).await {
                Ok(pieces) => write::document(app, job, &content, &pieces).await,
                Err(why) => write::set_aside(app, job, &why.0).await,
            }
        }
        Err(Trouble::File(why)) => write::set_aside(app, job, &why).await,
        Err(Trouble::Again(why)) => write::later(app, job, &why).await,
        Err(Trouble::Gone) => write::forget(app, job).await,
    }
}

async fn content(app: &App, job: &Job) -> Result<(Content, File), Trouble> {
    let folder = if job.source == UPLOADS { &app.rag.desk.uploads } else { &app.rag.desk.folder };
    let kind = Kind::of(Path::new(&job.path)).ok_or_else(|| Trouble::File("its format is not read".to_owned()))?;
    let (folder, path) = (folder.clone(), job.path.clone());
    let opened = tokio::task::spawn_blocking(move || open_and_hash(&folder, Path::new(&path))).await;
    let (sha256, bytes, file) = opened.map_err(|_| Trouble::Again("its reader failed".to_owned()))??;
    Ok((Content { sha256, bytes, kind }, file))
}

fn open_and_hash(folder: &Path, path: &Path) -> Result<(Vec<u8>, i64, File), Trouble> {
    let mut file = beneath::open(folder, path).map_err(|refusal| match refusal {
        Refusal::Outside => Trouble::File(refusal.to_string()),
        Refusal::Missing => Trouble::Gone,
        Refusal::Io(_) => Trouble::Again(refusal.to_string()),
    })?;
    let again = |error: std::io::Error| Trouble::Again(format!("it cannot be read: {error}"));
    let (mut hash, mut buffer, mut bytes) = (digest::Context::new(&digest::SHA256), vec![0; 1 << 16], 0i64);
    loop {
        let count = file.read(&mut buffer).map_err(again)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        bytes = bytes.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    }
    file.rewind().map_err(again)?;
    Ok((hash.finish().as_ref().to_vec(), bytes, file))
}

async fn pieces(app: &App, content: &Content, file: File) -> Result<Vec<(String, i32)>, Unreadable> {
    let kind = content.kind;
    let _alone = if content.bytes > LARGE_BYTES { Some(app.rag.desk.large.lock().await) } else { None };
    let text = app.rag.desk.extractor.text(kind, file).await?;
    let serving = known_embedder(app).await;
    let cut = tokio::task::spawn_blocking(move || {
        let unknown = Embedder::unknown_chunker();
        let chunker = serving.as_ref().map_or(&unknown, |serving| &serving.embedder.chunker);
        let piece = |piece: crate::chunk::Piece<'_>| {
            // Postgres takes no NUL in a text.
            (piece.content.replace('\0', " "), i32::try_from(piece.tokens).unwrap_or(i32::MAX))
        };
        chunker.pieces(&text).into_iter().map(piece).collect::<Vec<_>>()
    });
    let pieces = cut.await.map_err(|_| Unreadable("its text could not be cut into pieces".to_owned()))?;
    if pieces.is_empty() { Err(Unreadable("it holds no text".to_owned())) } else { Ok(pieces) }
}

// Right after a start the embedder may not have been asked yet: worth a moment, since the pieces are cut by its tokens.
async fn known_embedder(app: &App) -> Option<Arc<Serving>> {
    let desk = &app.rag.desk;
    if app.config.embed_model.is_none() || !matches!(app.ollama(), Ok(Some(_))) {
        return None;
    }
    let mut finished = desk.finished.subscribe();
    let known = async {
        while desk.serving().is_none() && desk.trouble().is_none() {
            finished.changed().await.ok()?;
        }
        desk.serving()
    };
    tokio::time::timeout(EMBEDDER_WITHIN, known).await.ok()?
}
