//! Brings Chroma after Postgres: embeds what has no vectors yet, in every generation in use, removes what is left over.
//!
//! One task does all of it, so that nothing is written and erased at the same time. It stops where it cannot go on
//! (the embedder is away, Chroma is) and begins there again; whatever was written twice has the same ids.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::Serving;
use super::embedder::Embedder;
use super::generation::{self, Generation};
use super::memory::Memory;
use super::pace::Pace;
use crate::app::App;
use crate::client::chroma::Chroma;
use crate::client::collection::{BATCH_MAX, Record};
use crate::client::embed::TooSlow;
use crate::client::ollama::{Ollama, same_model};

/// Chunks that are taken up at once.
const ROUND: i64 = 2048;
/// How long it waits without being told, and after something went wrong.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
const TRY_AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
const LEFTOVERS: i64 = 50;

/// A chunk without its vector.
struct Chunk {
    document: Uuid,
    revision: i32,
    position: i32,
    content: String,
}

/// Chunks with what the embedder made of them.
type Group<'a> = (&'a [Chunk], Vec<Option<Vec<f32>>>);

/// How a round ended.
#[derive(Default)]
struct Round {
    /// There may be more to do at once.
    more: bool,
    /// The first of what went wrong; a generation's trouble keeps no other from going on.
    trouble: Option<anyhow::Error>,
}

/// What became of a generation in a round.
enum Step {
    /// It has all its vectors.
    Whole,
    /// It got some.
    Grown,
    /// It serves from now on.
    Switched,
}

/// The id of a chunk, here and in Chroma.
pub(crate) fn chunk_id(document: Uuid, revision: i32, position: i32) -> String {
    format!("{}-{revision}-{position}", document.simple())
}

/// Reads [`chunk_id`]: document, revision, position.
pub(crate) fn read_chunk_id(id: &str) -> Option<(Uuid, i32, i32)> {
    let (rest, position) = id.rsplit_once('-')?;
    let (document, revision) = rest.rsplit_once('-')?;
    Some((Uuid::try_parse(document).ok()?, revision.parse().ok()?, position.parse().ok()?))
}

pub(super) fn start(app: &App) {
    let app = app.clone();
    app.clone().tasks.spawn("index", async move {
        let shutdown = app.tasks.shutdown();
        let work = async {
            app.db.ready().await;
            let mut memory = Memory::default();
            let mut wait = TRY_AGAIN.0;
            loop {
                let ended =
                    round(&app, &mut memory).await.unwrap_or_else(|error| Round { more: false, trouble: Some(error) });
                let trouble = ended.trouble.map(|error| crate::error::causes_of(&error).join(": "));
                let is_well = trouble.is_none();
                app.rag.desk.set_trouble(trouble);
                app.rag.desk.finish();
                if ended.more {
                    continue;
                }
                wait = if is_well { TRY_AGAIN.0 } else { (wait * 2).min(TRY_AGAIN.1) };
                let pause = if is_well { LOOK_AGAIN } else { wait };
                tokio::select! { () = app.rag.desk.to_embed.notified() => {} () = tokio::time::sleep(pause) => {} }
            }
        };
        tokio::select! { () = shutdown.cancelled() => {} () = work => {} }
        Ok(())
    });
}

async fn round(app: &App, memory: &mut Memory) -> Result<Round> {
    let Some(ollama) = app.ollama()? else { return Ok(Round::default()) };
    let chroma = app.chroma()?;
    if app.rag.desk.take_doubt() {
        memory.forget_collections();
    }
    let connection = app.db.get().await?;
    let mut all = generation::in_use(&connection).await?;
    if all.is_empty() {
        let Some(model) = &app.config.embed_model else { bail!("no embedding model is chosen (TARS_EMBED_MODEL)") };
        let embedder = memory.embedder(ollama, model).await?;
        all.push(generation::begin(&connection, model, embedder.dimension).await?);
    }
    drop(connection);
    let mut ended = Round::default();
    match erase(app, chroma, memory, &all).await {
        Ok(more) => ended.more = more,
        Err(error) => ended.trouble = Some(error),
    }
    for generation in &all {
        match advance(app, ollama, chroma, memory, generation).await {
            Ok(Step::Whole) => {}
            // What people ask in goes first; another generation gets its turn when this one is whole.
            Ok(Step::Grown) if generation.serving => return Ok(Round { more: true, ..ended }),
            Ok(Step::Switched) => return Ok(Round { more: true, ..ended }),
            Ok(Step::Grown) => ended.more = true,
            Err(error) => {
                memory.forget(generation);
                ended.trouble.get_or_insert(error);
            }
        }
    }
    // Not before the one that took its place is asked.
    if let Err(error) = drop_old(app, chroma).await {
        ended.trouble.get_or_insert(error);
    }
    warn_of_change(app, &all);
    Ok(ended)
}

/// Brings one generation forward.
async fn advance(
    app: &App,
    ollama: &Ollama,
    chroma: &Chroma,
    memory: &mut Memory,
    generation: &Generation,
) -> Result<Step> {
    memory.compare(app, chroma, generation).await?;
    let embedder = memory.embedder(ollama, &generation.model).await?;
    if embedder.dimension != usize::try_from(generation.dimension)? {
        bail!(
            "the model {} gives {} numbers, the index was made with {}: run tars reindex",
            generation.model,
            embedder.dimension,
            generation.dimension
        );
    }
    let collection = memory.collection(chroma, generation).await?;
    if generation.serving {
        let embedder = Arc::clone(&embedder);
        app.rag.desk.set_serving(Serving { collection: collection.clone(), embedder });
    }
    if embed(app, ollama, chroma, &embedder, generation, &collection, &mut memory.pace).await? > 0 {
        return Ok(Step::Grown);
    }
    if generation.serving {
        return Ok(Step::Whole);
    }
    let mut connection = app.db.get().await?;
    if !generation::switch(&mut connection, generation.id).await? {
        return Ok(Step::Whole);
    }
    tracing::info!(model = generation.model, "the new index serves");
    Ok(Step::Switched)
}

/// Embeds the next chunks of a generation; returns how many. Each group is remembered as soon as Chroma has it, so that
/// what fails or takes long costs no more than a group.
async fn embed(
    app: &App,
    ollama: &Ollama,
    chroma: &Chroma,
    embedder: &Embedder,
    generation: &Generation,
    collection: &str,
    pace: &mut Pace,
) -> Result<usize> {
    let chunks = pending(app, generation.id).await?;
    let mut rest = &chunks[..];
    // While Chroma writes one group, the embedder has the next.
    let mut ready: Option<Group<'_>> = None;
    while !rest.is_empty() {
        let (group, after) = rest.split_at(pace.group(app.rag.searcher.is_asking()).min(rest.len()));
        let begun = Instant::now();
        let (vectors, kept) = tokio::join!(
            vectors_of(ollama, embedder, group, pace.batch),
            keep(app, chroma, generation.id, collection, ready.take())
        );
        kept?;
        let vectors = vectors.inspect_err(|error| {
            if error.is::<TooSlow>() {
                pace.slower();
            }
        })?;
        // A few that went between two questions say nothing about many.
        if group.len() >= pace.batch {
            pace.took(begun.elapsed());
        }
        ready = Some((group, vectors));
        rest = after;
    }
    keep(app, chroma, generation.id, collection, ready).await?;
    Ok(chunks.len())
}

async fn vectors_of(
    ollama: &Ollama,
    embedder: &Embedder,
    chunks: &[Chunk],
    batch: usize,
) -> Result<Vec<Option<Vec<f32>>>> {
    let texts: Vec<String> = chunks.iter().map(|chunk| chunk.content.clone()).collect();
    let batches: Vec<_> = texts.chunks(batch).map(|batch| embedder.texts(ollama, batch)).collect();
    Ok(try_join_all(batches).await.context("Ollama")?.into_iter().flatten().collect())
}

/// Into Chroma, and then into Postgres that it is there.
async fn keep(app: &App, chroma: &Chroma, generation: i32, collection: &str, ready: Option<Group<'_>>) -> Result<()> {
    let Some((chunks, vectors)) = ready else { return Ok(()) };
    put(chroma, collection, chunks, &vectors).await?;
    remember(app, generation, chunks, &vectors).await?;
    let skipped = vectors.iter().filter(|vector| vector.is_none()).count();
    if skipped > 0 {
        tracing::warn!(skipped, "the embedding model refuses some texts: they are found by words only");
    }
    app.metrics.rag.vectors.inc_by((chunks.len() - skipped) as u64);
    app.rag.desk.finish();
    Ok(())
}

async fn put(chroma: &Chroma, collection: &str, chunks: &[Chunk], vectors: &[Option<Vec<f32>>]) -> Result<()> {
    let mut records = Vec::with_capacity(chunks.len());
    for (chunk, vector) in chunks.iter().zip(vectors) {
        let Some(vector) = vector else { continue };
        let id = chunk_id(chunk.document, chunk.revision, chunk.position);
        records.push(Record { id, vector, document: chunk.document.simple().to_string() });
    }
    if records.is_empty() { Ok(()) } else { chroma.upsert(collection, &records).await.context("Chroma") }
}

async fn pending(app: &App, generation: i32) -> Result<Vec<Chunk>> {
    const NEXT: &str = "with next as materialized (
            select d.id, d.revision, d.indexed_at, case when v.revision = d.revision then v.done else 0 end as done
            from documents d left join vectors v on v.generation = $1 and v.document_id = d.id
            where d.revision > 0 and (v.done is null or v.revision <> d.revision or v.done < d.chunk_count)
            order by d.indexed_at, d.id limit $2)
        select c.document_id, c.revision, c.position, c.content from next n
        join lateral (select * from chunks c where c.document_id = n.id and c.revision = n.revision
            and c.position >= coalesce(n.done, 0) order by c.position limit $2) c on true
        order by n.indexed_at, n.id, c.position limit $2";
    let connection = app.db.get().await?;
    let next = connection.prepare_cached(NEXT).await?;
    let of = |row: &tokio_postgres::Row| Chunk {
        document: row.get(0),
        revision: row.get(1),
        position: row.get(2),
        content: row.get(3),
    };
    Ok(connection.query(&next, &[&generation, &ROUND]).await?.iter().map(of).collect())
}

async fn remember(app: &App, generation: i32, chunks: &[Chunk], vectors: &[Option<Vec<f32>>]) -> Result<()> {
    // A document that went meanwhile is not remembered; its vectors are among the leftovers.
    const DONE: &str = "insert into vectors as v (generation, document_id, revision, done, skipped)
        select $1, u.d, u.r, u.n, u.s from unnest($2::uuid[], $3::integer[], $4::integer[], $5::integer[]) as u (d, r, n, s)
        where exists (select 1 from documents where id = u.d)
        on conflict (generation, document_id) do update set revision = excluded.revision, done = excluded.done,
            skipped = excluded.skipped + case when v.revision = excluded.revision then v.skipped else 0 end";
    let mut ends: HashMap<Uuid, (i32, i32, i32)> = HashMap::new();
    for (chunk, vector) in chunks.iter().zip(vectors) {
        let end = ends.entry(chunk.document).or_default();
        *end = (chunk.revision, chunk.position + 1, end.2 + i32::from(vector.is_none()));
    }
    let documents: Vec<Uuid> = ends.keys().copied().collect();
    let revisions: Vec<i32> = ends.values().map(|(revision, ..)| *revision).collect();
    let counts: Vec<i32> = ends.values().map(|(_, count, _)| *count).collect();
    let skipped: Vec<i32> = ends.values().map(|(.., skipped)| *skipped).collect();
    let connection = app.db.get().await?;
    connection.execute(DONE, &[&generation, &documents, &revisions, &counts, &skipped]).await?;
    Ok(())
}

/// Erases vectors whose chunks are gone; true when there were any.
async fn erase(app: &App, chroma: &Chroma, memory: &mut Memory, all: &[Generation]) -> Result<bool> {
    let connection = app.db.get().await?;
    let rows =
        connection.query("select document_id, revision, chunk_count from leftovers limit $1", &[&LEFTOVERS]).await?;
    for row in &rows {
        let (document, revision, count): (Uuid, i32, i32) = (row.get(0), row.get(1), row.get(2));
        let ids: Vec<String> = (0..count).map(|position| chunk_id(document, revision, position)).collect();
        for generation in all {
            let collection = memory.collection(chroma, generation).await?;
            for ids in ids.chunks(BATCH_MAX) {
                chroma.delete(&collection, ids).await.context("Chroma")?;
            }
        }
        connection
            .execute("delete from leftovers where document_id = $1 and revision = $2", &[&document, &revision])
            .await?;
    }
    Ok(!rows.is_empty())
}

/// Erases vectors whose chunks are gone now, without waiting for the task.
///
/// # Errors
/// What the stores say.
pub(crate) async fn erase_left(app: &App) -> Result<()> {
    let all = generation::in_use(&app.db.get().await?).await?;
    let mut memory = Memory::default();
    while erase(app, app.chroma()?, &mut memory, &all).await? {}
    Ok(())
}

async fn drop_old(app: &App, chroma: &Chroma) -> Result<()> {
    let connection = app.db.get().await?;
    for row in connection.query("select id, collection from generations where state = 'dropped'", &[]).await? {
        let (id, collection): (i32, String) = (row.get(0), row.get(1));
        chroma.drop_collection(&collection).await.context("Chroma")?;
        connection.execute("delete from generations where id = $1", &[&id]).await?;
    }
    Ok(())
}

fn warn_of_change(app: &App, all: &[Generation]) {
    let Some(serving) = all.iter().find(|generation| generation.serving) else { return };
    if let Some(why) = changed_model(app.config.embed_model.as_deref(), serving) {
        tracing::debug!(why, "the index keeps its model");
    }
}

/// What to say when another model is configured than the one the index was made with.
pub(crate) fn changed_model(wanted: Option<&str>, serving: &Generation) -> Option<String> {
    let wanted = wanted.filter(|wanted| !same_model(wanted, &serving.model))?;
    Some(format!(
        "TARS_EMBED_MODEL is {wanted}, but the index was made with {} and goes on with it: run tars reindex to change over",
        serving.model
    ))
}

/// Waits until a document has its vectors in the index that serves, while they can be made at all.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn embedded(app: &App, document: Uuid, within: Duration) -> Result<bool> {
    const ASK: &str = "select v.revision = d.revision and v.done >= d.chunk_count from documents d
        join generations g on g.state = 'serving'
        join vectors v on v.generation = g.id and v.document_id = d.id where d.id = $1";
    let mut finished = app.rag.desk.finished.subscribe();
    let wait = async {
        loop {
            finished.borrow_and_update();
            let row = app.db.get().await?.query_opt(ASK, &[&document]).await?;
            if row.is_some_and(|row| row.get(0)) {
                return Ok(true);
            }
            if app.rag.desk.trouble().is_some() || !matches!(app.ollama(), Ok(Some(_))) {
                return Ok(false);
            }
            finished.changed().await?;
        }
    };
    tokio::time::timeout(within, wait).await.unwrap_or(Ok(false))
}

/// Begins to make the index anew, with this model or the configured one.
///
/// # Errors
/// When the model cannot be used, or what the stores say.
pub(crate) async fn reindex(app: &App, model: Option<&str>) -> Result<Generation> {
    let ollama = app.ollama()?.ok_or_else(|| anyhow!("no language model was chosen (TARS_LLM=none)"))?;
    let model = model
        .or(app.config.embed_model.as_deref())
        .ok_or_else(|| anyhow!("name a model: TARS_EMBED_MODEL is empty"))?;
    let embedder = Embedder::new(ollama, model).await?;
    let connection = app.db.get().await?;
    let begun = generation::begin(&connection, model, embedder.dimension).await?;
    app.rag.desk.wake_index();
    Ok(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_model_is_said_with_the_command() {
        let serving = Generation {
            id: 1,
            collection: "c".into(),
            model: "nomic-embed-text".into(),
            dimension: 768,
            serving: true,
        };
        assert_eq!(changed_model(Some("nomic-embed-text:latest"), &serving), None);
        assert_eq!(changed_model(None, &serving), None);
        assert!(changed_model(Some("all-minilm"), &serving).unwrap().contains("tars reindex"));
    }

    #[test]
    fn a_chunk_has_one_id() {
        assert_eq!(chunk_id(Uuid::nil(), 2, 7), "00000000000000000000000000000000-2-7");
    }
}
