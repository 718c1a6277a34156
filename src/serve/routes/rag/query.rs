//! `POST /rag/query` and `/rag/query/stream`: answers with numbered sources.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::search::{Hit, checked, hits};
use crate::answer::{self, Answer, Prepared, Question, ms};
use crate::app::App;
use crate::auth::User;
use crate::extract::Json;
use crate::problem::Problem;

/// Words that wait for a slow client before the model has to.
const AHEAD: usize = 64;

/// A question, and where its answer is to be looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The question
    #[schema(min_length = 1, max_length = 8000, example = "When does the heating start?")]
    query: String,
    /// Sources at most
    #[schema(minimum = 1, maximum = 50, default = 5)]
    top_k: Option<usize>,
    /// Only from these documents
    #[schema(max_items = 100)]
    #[serde(default)]
    document_ids: Vec<Uuid>,
    /// Only from this folder and those below it
    #[schema(max_length = 1000)]
    folder: Option<String>,
    /// The least similarity of a source, from 0 to 1
    #[schema(minimum = 0, maximum = 1, default = 0)]
    relevance_threshold: Option<f32>,
    /// Whether the sources come with the answer
    #[serde(default = "yes")]
    #[schema(default = true)]
    include_sources: bool,
    /// Goes on with this conversation of yours
    conversation_id: Option<Uuid>,
    /// Whether question and answer are kept, in this conversation or a new one
    #[serde(default = "yes")]
    #[schema(default = true)]
    keep: bool,
    /// Takes the place of the conversation's last question and its answer
    #[serde(default)]
    #[schema(default = false)]
    again: bool,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
struct Answered {
    /// Its words; sources are named by their numbers, like [1]
    answer: String,
    /// Whether the documents support it
    supported: bool,
    /// What it was made of: the passages that the model saw
    sources: Vec<Hit>,
    /// `full`, or `retrieval-only` where no language model could be asked
    mode: &'static str,
    /// Why it is less than it could be
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// The conversation it was kept in
    conversation_id: Option<Uuid>,
    /// Milliseconds of finding the sources
    retrieval_time_ms: f64,
    /// Milliseconds of writing the answer
    generation_time_ms: f64,
    /// Milliseconds of all
    processing_time_ms: f64,
}

const fn yes() -> bool {
    true
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(query)).routes(routes!(stream))
}

/// Ask a question
///
/// The answer is made of the documents alone; a question they do not support is answered as such. Conversations are
/// private to their user.
#[utoipa::path(post, path = "/rag/query", tag = "rag", security(("bearer" = [])), request_body = Asked,
    responses((status = 200, description = "The answer", body = Answered)))]
async fn query(State(app): State<App>, user: User, Json(asked): Json<Asked>) -> Result<Json<Answered>, Problem> {
    let begun = Instant::now();
    let include_sources = asked.include_sources;
    let question = asked.question()?;
    let prepared = answer::prepare(&app, &user, &question).await?;
    let (sources, notice, retrieval_time_ms) = told(&prepared);
    let answer = answer::give(&app, &question, prepared, |_| async { Ok(()) }).await.map_err(failed)?;
    Ok(Json(Answered {
        supported: answer.supported,
        mode: mode(&answer),
        notice: answer.retrieval_only.or(answer.not_kept).or(notice),
        answer: answer.text,
        sources: if include_sources && answer.supported { sources } else { Vec::new() },
        conversation_id: answer.conversation,
        retrieval_time_ms,
        generation_time_ms: answer.generation_ms,
        processing_time_ms: ms(begun),
    }))
}

/// One event of a stream.
#[derive(Serialize, ToSchema)]
struct Heard {
    /// `rag_sources`, `rag_token`, `rag_complete` or `rag_error`.
    event: String,
    /// A JSON document.
    data: String,
}

/// Ask a question, and hear the answer as it is written
///
/// Server-sent events: `rag_sources` once, `rag_token` for every few letters, `rag_complete` at the end; `rag_error`
/// instead of that when the model fails in the middle. A client that leaves stops the model; what was written until
/// then is kept as an unfinished answer.
#[utoipa::path(post, path = "/rag/query/stream", tag = "rag", security(("bearer" = [])), request_body = Asked,
    responses((status = 200, description = "The events", content_type = "text/event-stream", body = Heard)))]
async fn stream(
    State(app): State<App>,
    user: User,
    Json(asked): Json<Asked>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let begun = Instant::now();
    let include_sources = asked.include_sources;
    let question = asked.question()?;
    let prepared = answer::prepare(&app, &user, &question).await?;
    let (events, mut heard) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        // Whoever leaves drops the other end: the answer is dropped with its connection to the model.
        let gone = events.clone();
        let (kept, detail, written) = (prepared.kept, prepared.detail(prepared.supported), Mutex::default());
        let whole = tokio::select! {
            () = gone.closed() => false,
            whole = tell(&app, &question, prepared, include_sources, begun, &events, &written) => whole,
        };
        if !whole {
            tracing::debug!("an answer broke off");
            let written = written.into_inner().unwrap_or_else(PoisonError::into_inner);
            answer::broke_off(&app, kept, &written, &detail).await;
        }
    });
    let stream = futures_util::stream::poll_fn(move |context| heard.poll_recv(context).map(|event| event.map(Ok)));
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// True once the answer is whole; else what there is of it stands in `written`.
async fn tell(
    app: &App,
    question: &Question,
    prepared: Prepared,
    include_sources: bool,
    begun: Instant,
    events: &mpsc::Sender<Event>,
    written: &Mutex<String>,
) -> bool {
    let (sources, notice, retrieval_ms) = told(&prepared);
    let shown = if include_sources { sources } else { Vec::new() };
    let conversation = prepared.kept.map(|kept| kept.conversation);
    let said = json!({
        "sources": shown,
        "total_results": shown.len(),
        "retrieval_time_ms": retrieval_ms,
        "conversation_id": conversation,
        "mode": if prepared.retrieval_only.is_some() { "retrieval-only" } else { "full" },
    });
    let _ = events.send(event("rag_sources", &said)).await;
    let on_token = |token: String| async move {
        written.lock().unwrap_or_else(PoisonError::into_inner).push_str(&token);
        events.send(event("rag_token", &json!({ "token": token }))).await.context("the client left")
    };
    let answered = answer::give(app, question, prepared, on_token).await;
    let whole = answered.is_ok();
    let last = match answered {
        Ok(answer) => event(
            "rag_complete",
            &json!({
                "answer": answer.text,
                "supported": answer.supported,
                "mode": mode(&answer),
                "notice": answer.retrieval_only.or(answer.not_kept).or(notice),
                "conversation_id": answer.conversation,
                "retrieval_time_ms": retrieval_ms,
                "generation_time_ms": answer.generation_ms,
                "processing_time_ms": ms(begun),
            }),
        ),
        Err(error) => event("rag_error", &json!({ "detail": failed(error).to_string() })),
    };
    let _ = events.send(last).await;
    whole
}

impl Asked {
    fn question(self) -> Result<Question, Problem> {
        let query = checked(self.query, self.top_k, self.document_ids, self.folder, self.relevance_threshold)?;
        if self.again && self.conversation_id.is_none() {
            return Err(Problem::invalid("again", "needs the conversation whose last question is meant"));
        }
        Ok(Question { query, conversation: self.conversation_id, keep: self.keep, again: self.again })
    }
}

fn told(prepared: &Prepared) -> (Vec<Hit>, Option<String>, f64) {
    (hits(&prepared.found.passages), prepared.found.words_only.clone(), prepared.retrieval_ms)
}

fn mode(answer: &Answer) -> &'static str {
    if answer.retrieval_only.is_some() { "retrieval-only" } else { "full" }
}

/// A model that fails in the middle is a bad gateway, not a fault of ours.
fn failed(error: anyhow::Error) -> Problem {
    match error.downcast::<Problem>() {
        Ok(problem) => problem,
        Err(error) => {
            let why = crate::error::causes_of(&error).join(": ");
            tracing::warn!(why, "an answer failed");
            Problem::new(
                axum::http::StatusCode::BAD_GATEWAY,
                "model-failed",
                "the language model failed in the middle of its answer; ask again",
            )
        }
    }
}

fn event(name: &'static str, data: &serde_json::Value) -> Event {
    Event::default().event(name).data(data.to_string())
}
