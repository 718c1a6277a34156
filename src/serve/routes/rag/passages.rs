//! `GET /rag/passages/{chunk_id}`: what a source's number stands for, with what stands round it in its document.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::auth::User;
use crate::documents::vectors;
use crate::extract::{Json, Path};
use crate::problem::Problem;

/// A passage in its place.
#[derive(Debug, Serialize, ToSchema)]
struct InPlace {
    /// The passage
    chunk_id: String,
    /// Its document
    document_id: Uuid,
    /// That one's file name
    file_name: String,
    /// The folder that lies in
    folder: String,
    /// Which passage it is, from 0
    position: i32,
    /// How many its document has
    total_chunks: i32,
    /// Its text
    content: String,
    /// The passage before it
    before: Option<String>,
    /// The passage after it
    after: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// A passage, and what stands before and after it
///
/// Passages that follow each other share some words. 410 once its document was changed, deleted or erased.
#[utoipa::path(get, path = "/rag/passages/{chunk_id}", tag = "rag", security(("bearer" = [])),
    params(("chunk_id" = String, Path, description = "As a source names it")),
    responses((status = 200, description = "The passage", body = InPlace)))]
async fn show(State(app): State<App>, _user: User, Path(chunk_id): Path<String>) -> Result<Json<InPlace>, Problem> {
    const ASK: &str = "select d.file_name, d.folder, d.chunk_count, c.content, b.content, a.content
        from documents d join chunks c on c.document_id = d.id and c.revision = d.revision
        left join chunks b on b.document_id = d.id and b.revision = d.revision and b.position = c.position - 1
        left join chunks a on a.document_id = d.id and a.revision = d.revision and a.position = c.position + 1
        where d.id = $1 and d.revision = $2 and c.position = $3 and d.trashed_at is null";
    let (document, revision, position) =
        vectors::read_chunk_id(&chunk_id).ok_or_else(|| Problem::not_found("passage"))?;
    let connection = app.db.get().await?;
    let row = connection.query_opt(ASK, &[&document, &revision, &position]).await?;
    let row = row.ok_or_else(|| {
        let detail = "its document was changed, deleted or erased since: ask again to see what it says now";
        Problem::new(StatusCode::GONE, "gone", detail)
    })?;
    Ok(Json(InPlace {
        chunk_id,
        document_id: document,
        file_name: row.get(0),
        folder: row.get(1),
        position,
        total_chunks: row.get(2),
        content: row.get(3),
        before: row.get(4),
        after: row.get(5),
    }))
}
