//! `/rag/sources`: how the documents folder is, and what an administrator says about it.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::{Admin, User};
use crate::documents::scan::{self, Source};
use crate::extract::{Json, Origin};
use crate::problem::Problem;

#[derive(Debug, Serialize, ToSchema)]
struct Sources {
    /// All of them
    sources: Vec<Source>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(confirm)).routes(routes!(look))
}

/// Where documents come from, and whether it is there
#[utoipa::path(get, path = "/rag/sources", tag = "rag", security(("bearer" = [])),
    responses((status = 200, description = "The sources", body = Sources)))]
async fn list(State(app): State<App>, _user: User) -> Result<Json<Sources>, Problem> {
    Ok(Json(Sources { sources: scan::sources(&app).await? }))
}

/// Say that what is missing from the documents folder is gone
///
/// The next whole scan then moves it to the trash. For administrators.
#[utoipa::path(post, path = "/rag/sources/documents/confirm", tag = "rag", security(("bearer" = [])),
    responses((status = 202, description = "The folder is scanned")))]
async fn confirm(State(app): State<App>, Admin(user): Admin, origin: Origin) -> Result<StatusCode, Problem> {
    scan::confirm(&app, &user.name).await?;
    audit::record(&app, &origin, Who::User(&user), "source.confirm", "documents", "ok").await;
    Ok(StatusCode::ACCEPTED)
}

/// Scan the documents folder now
#[utoipa::path(post, path = "/rag/sources/documents/scan", tag = "rag", security(("bearer" = [])),
    responses((status = 202, description = "The folder is scanned")))]
async fn look(State(app): State<App>, _user: User) -> Result<StatusCode, Problem> {
    // Without the database there is nothing to compare with.
    drop(app.db.get().await?);
    app.rag.desk.wake_scan();
    Ok(StatusCode::ACCEPTED)
}
