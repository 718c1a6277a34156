//! `/rag/set-aside`: files that could not be read, and taking back one of them that was sent.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::User;
use crate::documents::{UPLOADS, sweep};
use crate::extract::{Json, Origin, Path};
use crate::problem::Problem;

/// A file that could not be read.
#[derive(Debug, Serialize, ToSchema)]
struct Aside {
    /// Its name
    file_name: String,
    /// Where it lies below the documents folder; none for an upload
    path: Option<String>,
    /// What an upload is removed by; none for a file of the documents folder
    upload: Option<String>,
    /// Why
    reason: String,
    /// Whether it is tried again by itself
    again: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct SetAside {
    /// One page of them
    files: Vec<Aside>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(set_aside)).routes(routes!(take_back))
}

/// Files that could not be read
#[utoipa::path(get, path = "/rag/set-aside", tag = "rag", security(("bearer" = [])),
    responses((status = 200, description = "The first 500 of them", body = SetAside)))]
async fn set_aside(State(app): State<App>, _user: User) -> Result<Json<SetAside>, Problem> {
    const ASK: &str = "select p.file_name, case when p.source <> $1 then p.path end,
            case when p.source = $1 and p.document_id is null then p.path end, p.reason, j.path is not null
        from places p left join jobs j on j.source = p.source and j.path = p.path
        where p.reason is not null order by p.source, p.path limit 500";
    let connection = app.db.get().await?;
    let of = |row: &Row| Aside {
        file_name: row.get(0),
        path: row.get(1),
        upload: row.get(2),
        reason: row.get(3),
        again: row.get(4),
    };
    Ok(Json(SetAside { files: connection.query(ASK, &[&UPLOADS]).await?.iter().map(of).collect() }))
}

/// Remove an upload that could not be read
///
/// With its file; else that goes after a week. A file of the documents folder is removed there.
#[utoipa::path(delete, path = "/rag/set-aside/{upload}", tag = "rag", security(("bearer" = [])),
    params(("upload" = String, Path, description = "As the list names it")),
    responses((status = 204, description = "It is gone")))]
async fn take_back(
    Path(upload): Path<String>,
    State(app): State<App>,
    origin: Origin,
    user: User,
) -> Result<StatusCode, Problem> {
    // Postgres takes no NUL in a text.
    if upload.contains('\0') || !sweep::take_back(&app, &upload).await? {
        return Err(Problem::not_found("upload that was set aside"));
    }
    audit::record(&app, &origin, Who::User(&user), "document.remove", &upload, "ok").await;
    Ok(StatusCode::NO_CONTENT)
}
