//! A question's passages: by meaning from Chroma and by words from Postgres, fused by rank.
//!
//! Both are asked side by side. Where one of them cannot be asked the other answers alone, and the result says so;
//! without Postgres there is no answer, since it alone knows what may be seen.

mod fuse;
mod words;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::app::App;
use crate::client::collection::Near;
use crate::documents::Serving;
use crate::documents::vectors::chunk_id;
use crate::problem::Problem;
pub(crate) use fuse::Key;

/// The least number of candidates that each way gives.
const CANDIDATES: usize = 40;
/// No more neighbours are asked for, however many of them may not be seen.
const NEAR_MAX: usize = 2560;
/// A question's vector is made within this, or the question is answered by words.
const EMBED_WITHIN: Duration = Duration::from_secs(10);
const CHROMA_WITHIN: Duration = Duration::from_secs(5);
/// After a failure the slower way is not tried for so long.
const REST: Duration = Duration::from_secs(5);
/// Vectors of questions that are kept, in memory only.
const CACHE_MAX: usize = 256;
/// A filter that leaves more documents is applied after Chroma instead of in it.
const FILTER_MAX: usize = 500;
/// Searches side by side: more would only share the same processors.
const SEARCHES: usize = 6;
/// Such a share of a question's words in a passage speaks for it.
const WORDS_SUPPORT: f32 = 0.5;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The question.
    pub text: String,
    /// Passages at most.
    pub top_k: usize,
    /// Only of these documents, where some are named.
    pub documents: Vec<Uuid>,
    /// Only of this folder and those below it.
    pub folder: Option<String>,
    /// The least similarity.
    pub threshold: f32,
}

/// A passage that was found.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    /// The document it stands in.
    pub document: Uuid,
    /// Its file's name.
    pub file_name: String,
    /// The folder that lies in.
    pub folder: String,
    /// Its own id.
    pub chunk_id: String,
    /// Where in the document it stands, from 0.
    pub position: i32,
    /// Its text.
    pub content: String,
    /// The cosine of its vector and the question's; where it has none, the share of the question's words in it.
    pub similarity: f32,
    /// Whether it was found by meaning, and whether by words.
    pub by: (bool, bool),
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The best first.
    pub passages: Vec<Passage>,
    /// Why there are no vectors in it.
    pub words_only: Option<String>,
    /// Whether anything in it speaks for an answer.
    pub supported: bool,
}

/// Vectors of questions, by model and text.
type Questions = HashMap<(String, String), Arc<Vec<f32>>>;

/// What is remembered between searches.
pub(crate) struct Searcher {
    /// Searches wait here and not for a connection, so that signing in and everything else still gets one.
    slots: Semaphore,
    questions: Mutex<Questions>,
    resting: Mutex<Option<(Instant, String)>>,
    asking: AtomicUsize,
}

/// A question that waits for its vector.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn of(searcher: &'a Searcher) -> Self {
        searcher.asking.fetch_add(1, Ordering::Relaxed);
        Self(&searcher.asking)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Finds the passages.
///
/// # Errors
/// 503 without Postgres.
pub(crate) async fn search(app: &App, query: &Query) -> Result<Found, Problem> {
    app.note_query();
    // Before the slot: an embedder that takes its time must not keep those waiting who have their vectors.
    let vector = vector(app, &query.text).await;
    let _slot = app.rag.searcher.slots.acquire().await.map_err(|_| Problem::internal())?;
    let allowed = allowed(app, query).await?;
    if allowed.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Found::default());
    }
    let floor = app.rag.desk.serving().map_or(1.0, |serving| serving.embedder.floor);
    let mut count = CANDIDATES.max(query.top_k * 3);
    let (words, mut near) = tokio::join!(
        words::search(app, &query.text, count, allowed.as_deref()),
        by_meaning(app, vector.as_ref(), count, allowed.as_deref()),
    );
    let words = words?;
    loop {
        let ranked = fuse::fuse(near.as_deref().unwrap_or_default(), &words);
        let seen = fetch(app, query, &ranked, allowed.as_deref(), floor).await?;
        // Chroma knows nothing of the trash: where that crowds out what people may see, more of its neighbours are asked for.
        let is_crowded = seen.hidden > 0 && seen.passages.len() < query.top_k;
        let has_more = near.as_ref().is_ok_and(|near| near.len() >= count) && count < NEAR_MAX;
        if !is_crowded || !has_more {
            return Ok(Found { passages: seen.passages, words_only: near.err(), supported: seen.supported });
        }
        count *= 4;
        near = by_meaning(app, vector.as_ref(), count, allowed.as_deref()).await;
    }
}

/// The documents that a filter leaves; `None` without a filter.
async fn allowed(app: &App, query: &Query) -> Result<Option<Vec<Uuid>>, Problem> {
    const ASK: &str = "select id from documents where trashed_at is null
        and (cardinality($1::uuid[]) = 0 or id = any($1))
        and ($2::text is null or folder = $2 or starts_with(folder, $2 || '/'))";
    if query.documents.is_empty() && query.folder.is_none() {
        return Ok(None);
    }
    let folder =
        query.folder.as_ref().map(|folder| folder.trim_matches('/').to_owned()).filter(|folder| !folder.is_empty());
    let connection = app.db.get().await?;
    let rows = connection.query(ASK, &[&query.documents, &folder]).await?;
    Ok(Some(rows.iter().map(|row| row.get(0)).collect()))
}

/// The index that serves with a question's vector for it, or why there is none in words for people.
async fn vector(app: &App, text: &str) -> Result<(Arc<Serving>, Arc<Vec<f32>>), String> {
    let Ok(Some(_)) = app.ollama() else { return Err("no language model was chosen".to_owned()) };
    let Some(serving) = app.rag.desk.serving() else {
        return Err(app.rag.desk.trouble().unwrap_or_else(|| "the index is not ready yet".to_owned()));
    };
    if let Some(why) = app.rag.searcher.resting() {
        return Err(why);
    }
    let vector = question(app, &serving, text).await.map_err(|error| failed(app, &error))?;
    Ok((serving, vector))
}

/// The nearest vectors, or why there are none.
async fn by_meaning(
    app: &App,
    vector: Result<&(Arc<Serving>, Arc<Vec<f32>>), &String>,
    count: usize,
    allowed: Option<&[Uuid]>,
) -> Result<Vec<Near>, String> {
    let (serving, vector) = vector.map_err(Clone::clone)?;
    ask_index(app, serving, vector, count, allowed).await.map_err(|error| failed(app, &error))
}

fn failed(app: &App, error: &anyhow::Error) -> String {
    let why = crate::error::causes_of(error).join(": ");
    tracing::warn!(why, "a question is answered by words only");
    app.rag.searcher.rest(&why);
    app.rag.desk.doubt();
    why
}

async fn ask_index(
    app: &App,
    serving: &Serving,
    vector: &[f32],
    count: usize,
    allowed: Option<&[Uuid]>,
) -> Result<Vec<Near>> {
    let filter = allowed.filter(|allowed| allowed.len() <= FILTER_MAX);
    let filter: Option<Vec<String>> = filter.map(|allowed| allowed.iter().map(|id| id.simple().to_string()).collect());
    let asked = app.chroma()?.query(&serving.collection, vector, count, filter.as_deref());
    timeout(CHROMA_WITHIN, asked)
        .await
        .map_err(|_| anyhow!("no answer of Chroma within {} s", CHROMA_WITHIN.as_secs()))?
}

async fn question(app: &App, serving: &Serving, text: &str) -> Result<Arc<Vec<f32>>> {
    let searcher = &app.rag.searcher;
    let key = (serving.embedder.model.clone(), text.to_owned());
    if let Some(vector) = searcher.questions.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Arc::clone(vector));
    }
    let ollama = app.ollama()?.ok_or_else(|| anyhow!("no language model was chosen"))?;
    let _asking = Asking::of(searcher);
    let asked = serving.embedder.question(ollama, text);
    let asked = timeout(EMBED_WITHIN, asked).await;
    let vector = Arc::new(asked.map_err(|_| anyhow!("no vector of Ollama within {} s", EMBED_WITHIN.as_secs()))??);
    let mut questions = searcher.questions.lock().unwrap_or_else(PoisonError::into_inner);
    if questions.len() >= CACHE_MAX {
        questions.clear();
    }
    questions.insert(key, Arc::clone(&vector));
    Ok(vector)
}

/// What is left of the candidates.
struct Seen {
    passages: Vec<Passage>,
    supported: bool,
    /// Candidates that nobody may see: in the trash, not in the filter, or left over.
    hidden: usize,
}

/// The texts of the best, as far as they may be seen.
async fn fetch(
    app: &App,
    query: &Query,
    ranked: &[fuse::Ranked],
    allowed: Option<&[Uuid]>,
    floor: f32,
) -> Result<Seen, Problem> {
    // Only chunks of the revision that is seen exist; what is in the trash is not seen.
    const FETCH: &str = "select c.document_id, c.revision, c.position, c.content, d.file_name, d.folder,
            case when cardinality(q.w) = 0 then 0::real else (select count(*) from unnest(q.w) w
                where w = any(tsvector_to_array(c.search)))::real / cardinality(q.w)::real end
        from unnest($1::uuid[], $2::integer[], $3::integer[]) as k (d, r, p)
        join chunks c on c.document_id = k.d and c.revision = k.r and c.position = k.p
        join documents d on d.id = c.document_id and d.trashed_at is null
        cross join (select tsvector_to_array(to_tsvector('english', $4)) as w) q";
    let connection = app.db.get().await?;
    let statement = connection.prepare_cached(FETCH).await?;
    let is_allowed = |ranked: &&fuse::Ranked| allowed.is_none_or(|allowed| allowed.contains(&ranked.key.document));
    let wanted: Vec<&fuse::Ranked> = ranked.iter().filter(is_allowed).collect();
    let mut seen = Seen { passages: Vec::new(), supported: false, hidden: ranked.len() - wanted.len() };
    // The best few are nearly always enough; more are looked at where some may not be seen or are too far.
    for some in wanted.chunks((query.top_k + 5).max(10)) {
        let documents: Vec<Uuid> = some.iter().map(|ranked| ranked.key.document).collect();
        let revisions: Vec<i32> = some.iter().map(|ranked| ranked.key.revision).collect();
        let positions: Vec<i32> = some.iter().map(|ranked| ranked.key.position).collect();
        let rows = connection.query(&statement, &[&documents, &revisions, &positions, &query.text]).await?;
        let rows: HashMap<Key, &Row> = rows.iter().map(|row| (key_of(row), row)).collect();
        for ranked in some {
            let Some(row) = rows.get(&ranked.key) else {
                seen.hidden += 1;
                continue;
            };
            let share: f32 = row.get(6);
            let near = ranked.similarity.map(|cosine| cosine.clamp(0.0, 1.0));
            seen.supported |= share >= WORDS_SUPPORT || near.is_some_and(|cosine| cosine >= floor);
            if near.unwrap_or_default().max(share) >= query.threshold {
                seen.passages.push(passage(row, near.unwrap_or(share), (near.is_some(), ranked.by_words)));
            }
            if seen.passages.len() == query.top_k {
                return Ok(seen);
            }
        }
    }
    Ok(seen)
}

fn key_of(row: &Row) -> Key {
    Key { document: row.get(0), revision: row.get(1), position: row.get(2) }
}

fn passage(row: &Row, similarity: f32, by: (bool, bool)) -> Passage {
    let key = key_of(row);
    Passage {
        document: key.document,
        file_name: row.get(4),
        folder: row.get(5),
        chunk_id: chunk_id(key.document, key.revision, key.position),
        position: key.position,
        content: row.get(3),
        similarity,
        by,
    }
}

impl Default for Searcher {
    fn default() -> Self {
        Self {
            slots: Semaphore::new(SEARCHES),
            questions: Mutex::default(),
            resting: Mutex::default(),
            asking: AtomicUsize::new(0),
        }
    }
}

impl Searcher {
    /// Whether a question waits for its vector: the embedder takes its work in turn.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed) > 0
    }

    fn resting(&self) -> Option<String> {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.as_ref().filter(|(since, _)| since.elapsed() < REST).map(|(_, why)| why.clone())
    }

    fn rest(&self, why: &str) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why.to_owned()));
    }
}
