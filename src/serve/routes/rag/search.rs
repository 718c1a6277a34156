//! `POST /rag/search`: the passages that fit a question best.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use axum::extract::State;

use crate::answer::ms;
use crate::app::App;
use crate::auth::User;
use crate::extract::Json;
use crate::problem::Problem;
use crate::retrieve::{self, Passage, Query};

/// Letters of a question at most; what is longer is a document.
pub(super) const QUERY_MAX_CHARS: usize = 8000;
const TOP_K_MAX: usize = 50;
const TOP_K: usize = 5;

/// What to look for, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The question, or some words
    #[schema(min_length = 1, max_length = 8000, example = "When does the heating start?")]
    query: String,
    /// Passages at most
    #[schema(minimum = 1, maximum = 50, default = 5)]
    top_k: Option<usize>,
    /// Only in these documents
    #[schema(max_items = 100)]
    #[serde(default)]
    document_ids: Vec<Uuid>,
    /// Only in this folder and those below it
    #[schema(max_length = 1000)]
    folder: Option<String>,
    /// The least similarity, from 0 to 1
    #[schema(minimum = 0, maximum = 1, default = 0)]
    relevance_threshold: Option<f32>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
struct Results {
    /// The best first
    results: Vec<Hit>,
    /// How many these are
    total_results: usize,
    /// `hybrid`, or `words` where no vectors could be asked
    mode: &'static str,
    /// Why there are no vectors in it
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// Milliseconds it took
    search_time_ms: f64,
}

/// A passage with where it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Hit {
    /// The number by which an answer names it, from 1
    number: usize,
    /// The document
    document_id: Uuid,
    /// Its file's name
    file_name: String,
    /// The folder that lies in
    folder: String,
    /// The passage
    chunk_id: String,
    /// Which passage of its document it is, from 0
    position: i32,
    /// Its text
    content: String,
    /// How well it fits, from 0 to 1: a cosine, or the share of the question's words in it
    similarity_score: f32,
    /// Found by its `meaning`, by its `words`, or both
    matched: Vec<&'static str>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Find passages
///
/// By meaning and by words, fused. Documents are common to all users.
#[utoipa::path(post, path = "/rag/search", tag = "rag", security(("bearer" = [])), request_body = Wanted,
    responses((status = 200, description = "The passages", body = Results)))]
async fn search(State(app): State<App>, _user: User, Json(wanted): Json<Wanted>) -> Result<Json<Results>, Problem> {
    let begun = Instant::now();
    let query = wanted.query()?;
    let found = retrieve::search(&app, &query).await?;
    app.metrics.rag.retrieval.observe(begun.elapsed().as_secs_f64());
    let results = hits(&found.passages);
    Ok(Json(Results {
        total_results: results.len(),
        results,
        mode: if found.words_only.is_some() { "words" } else { "hybrid" },
        notice: found.words_only,
        search_time_ms: ms(begun),
    }))
}

impl Wanted {
    /// As it is looked for.
    ///
    /// # Errors
    /// 422 with the field that cannot be meant.
    pub(super) fn query(self) -> Result<Query, Problem> {
        checked(self.query, self.top_k, self.document_ids, self.folder, self.relevance_threshold)
    }
}

/// Values from outside as a query.
///
/// # Errors
/// 422 with the field that cannot be meant.
pub(super) fn checked(
    text: String,
    top_k: Option<usize>,
    documents: Vec<Uuid>,
    folder: Option<String>,
    threshold: Option<f32>,
) -> Result<Query, Problem> {
    if text.is_empty() || text.chars().count() > QUERY_MAX_CHARS {
        return Err(Problem::invalid("query", format!("1 to {QUERY_MAX_CHARS} letters")));
    }
    if text.contains('\0') || folder.as_ref().is_some_and(|folder| folder.contains('\0')) {
        return Err(Problem::invalid("query", "no NUL can be looked for"));
    }
    let top_k = top_k.unwrap_or(TOP_K);
    if !(1..=TOP_K_MAX).contains(&top_k) {
        return Err(Problem::invalid("top_k", format!("1 to {TOP_K_MAX}")));
    }
    if documents.len() > 100 {
        return Err(Problem::invalid("document_ids", "100 at most"));
    }
    if folder.as_ref().is_some_and(|folder| folder.chars().count() > 1000) {
        return Err(Problem::invalid("folder", "1000 letters at most"));
    }
    let threshold = threshold.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Problem::invalid("relevance_threshold", "0 to 1"));
    }
    Ok(Query { text, top_k, documents, folder, threshold })
}

/// Passages as the API says them.
pub(super) fn hits(passages: &[Passage]) -> Vec<Hit> {
    let hit = |(number, passage): (usize, &Passage)| Hit {
        number,
        document_id: passage.document,
        file_name: passage.file_name.clone(),
        folder: passage.folder.clone(),
        chunk_id: passage.chunk_id.clone(),
        position: passage.position,
        content: passage.content.clone(),
        similarity_score: passage.similarity,
        matched: [(passage.by.0, "meaning"), (passage.by.1, "words")]
            .into_iter()
            .filter(|by| by.0)
            .map(|by| by.1)
            .collect(),
    };
    (1..).zip(passages).map(hit).collect()
}
