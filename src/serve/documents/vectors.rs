//! Brings Chroma after Postgres: embeds what has no vectors yet, in every generation in use, removes what is left over.
//!
//! One task does all of it, so that nothing is written and erased at the same time. It stops where it cannot go on
//! (the embedder is away, Chroma is) and begins there again; whatever was written twice has the same ids.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::Serving;
use super::embedder::Embedder;
use super::generation::{self, Generation};
use crate::app::App;
use crate::client::chroma::Chroma;
use crate::client::collection::{BATCH_MAX, Record};
use crate::client::ollama::{Ollama, same_model};

/// Chunks that are taken up at once, and of these how many the embedder gets in one request.
const ROUND: i64 = 2048;
const BATCH: usize = 64;
/// Requests to the embedder side by side.
const BATCHES_AT_ONCE: usize = 4;
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

/// What the task remembers between rounds.
#[derive(Default)]
struct Memory {
    collections: HashMap<String, String>,
    embedders: HashMap<String, Arc<Embedder>>,
    compared: bool,
}

/// The id of a chunk, here and in Chroma.
pub(crate) fn chunk_id(document: Uuid, revision: i32, position: i32) -> String {
    format!("{}-{revision}-{position}", document.simple())
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
                let pause = match round(&app, &mut memory).await {
                    Ok(true) => continue,
                    Ok(false) => {
                        app.rag.desk.set_trouble(None);
                        wait = TRY_AGAIN.0;
                        LOOK_AGAIN
                    }
                    Err(error) => {
                        // Whatever was remembered may be the reason.
                        memory = Memory { compared: memory.compared, ..Memory::default() };
                        app.rag.desk.set_trouble(Some(crate::error::causes_of(&error).join(": ")));
                        app.rag.desk.finish();
                        wait = (wait * 2).min(TRY_AGAIN.1);
                        wait
                    }
                };
                tokio::select! { () = app.rag.desk.to_embed.notified() => {} () = tokio::time::sleep(pause) => {} }
            }
        };
        tokio::select! { () = shutdown.cancelled() => {} () = work => {} }
        Ok(())
    });
}

/// One round; true when there may be more to do at once.
async fn round(app: &App, memory: &mut Memory) -> Result<bool> {
    let Some(ollama) = app.ollama()? else { return Ok(false) };
    let chroma = app.chroma()?;
    let mut connection = app.db.get().await?;
    let mut all = generation::in_use(&connection).await?;
    if all.is_empty() {
        let Some(model) = &app.config.embed_model else { bail!("no embedding model is chosen (TARS_EMBED_MODEL)") };
        let embedder = memory.embedder(ollama, model).await?;
        all.push(generation::begin(&connection, model, embedder.dimension).await?);
    }
    drop(connection);
    memory.compare(app, chroma, &all).await?;
    let mut more = false;
    for generation in &all {
        let embedder = memory.embedder(ollama, &generation.model).await?;
        if embedder.dimension != usize::try_from(generation.dimension)? {
            let model = &generation.model;
            bail!(
                "the model {model} gives {} numbers, the index was made with {}: run tars reindex",
                embedder.dimension,
                generation.dimension
            );
        }
        let collection = memory.collection(chroma, &generation.collection).await?;
        if generation.serving {
            let embedder = Arc::clone(&embedder);
            app.rag.desk.set_serving(Serving { collection: collection.clone(), embedder });
        }
        let done = embed(app, ollama, chroma, &embedder, generation, &collection).await?;
        app.rag.desk.finish();
        more |= done > 0;
        if done > 0 && generation.serving {
            // What people ask in goes first; another generation gets its turn when this one is whole.
            return Ok(true);
        }
        if done == 0 && !generation.serving {
            connection = app.db.get().await?;
            if generation::switch(&mut connection, generation.id).await? {
                tracing::info!(model = generation.model, "the new index serves");
                // Questions are asked of the new one before the old one's collection is dropped.
                return Ok(true);
            }
        }
    }
    more |= erase(app, chroma, memory, &all).await?;
    drop_old(app, chroma).await?;
    warn_of_change(app, &all);
    Ok(more)
}

impl Memory {
    async fn embedder(&mut self, ollama: &Ollama, model: &str) -> Result<Arc<Embedder>> {
        if let Some(known) = self.embedders.get(model) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(Embedder::new(ollama, model).await?);
        self.embedders.insert(model.to_owned(), Arc::clone(&new));
        Ok(new)
    }

    async fn collection(&mut self, chroma: &Chroma, name: &str) -> Result<String> {
        if let Some(id) = self.collections.get(name) {
            return Ok(id.clone());
        }
        let id = chroma.collection(name).await.context("Chroma")?.id;
        self.collections.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    /// Once per start: a Chroma that holds fewer vectors than Postgres knows of was restored or replaced. What it lacks
    /// is made again.
    async fn compare(&mut self, app: &App, chroma: &Chroma, all: &[Generation]) -> Result<()> {
        if self.compared {
            return Ok(());
        }
        let connection = app.db.get().await?;
        for generation in all {
            let id = self.collection(chroma, &generation.collection).await?;
            let there = i64::try_from(chroma.count(&id).await.context("Chroma")?)?;
            let known = generation::progress(&connection, generation.id).await?.done;
            if there < known {
                tracing::warn!(there, known, "Chroma holds fewer vectors than the database knows: they are made again");
                connection.execute("delete from vectors where generation = $1", &[&generation.id]).await?;
            }
        }
        self.compared = true;
        Ok(())
    }
}

/// Embeds the next chunks of a generation; returns how many.
async fn embed(
    app: &App,
    ollama: &Ollama,
    chroma: &Chroma,
    embedder: &Embedder,
    generation: &Generation,
    collection: &str,
) -> Result<usize> {
    let chunks = pending(app, generation.id).await?;
    if chunks.is_empty() {
        return Ok(0);
    }
    // While Chroma writes one group, the embedder has the next.
    let mut ready: Option<(&[Chunk], Vec<Vec<f32>>)> = None;
    for group in chunks.chunks(BATCH * BATCHES_AT_ONCE) {
        let (vectors, ()) =
            tokio::try_join!(vectors_of(ollama, embedder, group), put(chroma, collection, ready.take()))?;
        ready = Some((group, vectors));
    }
    put(chroma, collection, ready).await?;
    remember(app, generation.id, &chunks).await?;
    app.metrics.rag.vectors.inc_by(chunks.len() as u64);
    Ok(chunks.len())
}

async fn vectors_of(ollama: &Ollama, embedder: &Embedder, chunks: &[Chunk]) -> Result<Vec<Vec<f32>>> {
    let texts: Vec<String> = chunks.iter().map(|chunk| chunk.content.clone()).collect();
    let batches: Vec<_> = texts.chunks(BATCH).map(|batch| embedder.texts(ollama, batch)).collect();
    Ok(try_join_all(batches).await.context("Ollama")?.into_iter().flatten().collect())
}

async fn put(chroma: &Chroma, collection: &str, ready: Option<(&[Chunk], Vec<Vec<f32>>)>) -> Result<()> {
    let Some((chunks, vectors)) = ready else { return Ok(()) };
    let name =
        |chunk: &Chunk| (chunk_id(chunk.document, chunk.revision, chunk.position), chunk.document.simple().to_string());
    let names = chunks.iter().map(name);
    let records: Vec<Record<'_>> =
        names.zip(&vectors).map(|((id, document), vector)| Record { id, vector, document }).collect();
    chroma.upsert(collection, &records).await.context("Chroma")
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

async fn remember(app: &App, generation: i32, chunks: &[Chunk]) -> Result<()> {
    // A document that went meanwhile is not remembered; its vectors are among the leftovers.
    const DONE: &str = "insert into vectors (generation, document_id, revision, done)
        select $1, u.d, u.r, u.n from unnest($2::uuid[], $3::integer[], $4::integer[]) as u (d, r, n)
        where exists (select 1 from documents where id = u.d)
        on conflict (generation, document_id) do update set revision = excluded.revision, done = excluded.done";
    let mut ends: HashMap<Uuid, (i32, i32)> = HashMap::new();
    for chunk in chunks {
        ends.insert(chunk.document, (chunk.revision, chunk.position + 1));
    }
    let documents: Vec<Uuid> = ends.keys().copied().collect();
    let revisions: Vec<i32> = ends.values().map(|(revision, _)| *revision).collect();
    let counts: Vec<i32> = ends.values().map(|(_, count)| *count).collect();
    let connection = app.db.get().await?;
    connection.execute(DONE, &[&generation, &documents, &revisions, &counts]).await?;
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
            let collection = memory.collection(chroma, &generation.collection).await?;
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
