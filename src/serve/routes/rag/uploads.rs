//! `/rag/uploads/{id}` and `/rag/waiting`: what became of a file that was still being read, and which ones are.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::documents::{Indexed, indexed};
use crate::app::App;
use crate::auth::User;
use crate::documents::{UPLOADS, intake};
use crate::extract::{Json, Path};
use crate::problem::Problem;

/// A file that is not read yet.
#[derive(Debug, Serialize, ToSchema)]
struct Waiting {
    /// Its name
    file_name: String,
    /// Where it lies below the documents folder; none for an upload
    path: Option<String>,
    /// Its size
    bytes: i64,
    /// Whether it is being read at this moment
    begun: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct AllWaiting {
    /// The first hundred of them
    files: Vec<Waiting>,
    /// All of them
    total_files: i64,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(waiting))
}

/// What became of an upload
#[utoipa::path(get, path = "/rag/uploads/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = String, Path, description = "The answer's `upload_id`")),
    responses((status = 200, description = "It was read", body = Indexed), (status = 202, description = "It is being read", body = Indexed)))]
async fn show(
    State(app): State<App>,
    _user: User,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Indexed>), Problem> {
    let begun = Instant::now();
    let outcome = intake::outcome(&app, UPLOADS, &id).await?.ok_or_else(|| Problem::not_found("upload"))?;
    let file_name = outcome.file_name.clone();
    let (status, Json(mut answer)) = indexed(&app, Some(outcome).filter(|one| !one.waiting), &file_name, begun).await?;
    answer.upload_id = Some(id);
    Ok((status, Json(answer)))
}

/// Files that wait to be read, or are being read
#[utoipa::path(get, path = "/rag/waiting", tag = "rag", security(("bearer" = [])),
    responses((status = 200, description = "The first hundred of them", body = AllWaiting)))]
async fn waiting(State(app): State<App>, _user: User) -> Result<Json<AllWaiting>, Problem> {
    const ASK: &str = "select p.file_name, case when p.source = $1 then null else p.path end, p.bytes,
            j.begun_at is not null, count(*) over ()
        from jobs j join places p on p.source = j.source and p.path = j.path order by j.begun_at, j.asked_at limit 100";
    let rows = app.db.get().await?.query(ASK, &[&UPLOADS]).await?;
    let total_files = rows.first().map_or(0, |row| row.get(4));
    let of = |row: &tokio_postgres::Row| Waiting {
        file_name: row.get(0),
        path: row.get(1),
        bytes: row.get(2),
        begun: row.get(3),
    };
    Ok(Json(AllWaiting { files: rows.iter().map(of).collect(), total_files }))
}
