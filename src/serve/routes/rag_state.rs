//! `/rag/health` and `/rag/stats`: whether documents can be asked, and how many there are.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ready;
use crate::app::App;
use crate::auth::User;
use crate::client::api::{CheckStatus, Ready, Verdict};
use crate::extract::Json;
use crate::numbers::{self, Numbers};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(stats))
}

/// Whether documents can be asked.
#[derive(Serialize, ToSchema)]
struct RagHealth {
    /// `healthy`, `degraded` (without something that is not required) or `unhealthy`.
    status: &'static str,
    /// `full`, or `retrieval-only`: no language model answers now, or none was chosen.
    mode: &'static str,
    /// Each part, and whether it answers: `ok`, `failed` or `skipped`.
    components: BTreeMap<String, CheckStatus>,
    /// The chat model.
    chat_model: Option<String>,
    /// The embedding model.
    embedding_model: Option<String>,
}

/// Whether documents can be asked
#[utoipa::path(get, path = "/rag/health", tag = "operate", responses(
    (status = 200, body = RagHealth, description = "They can, if less well perhaps"),
    (status = 503, body = RagHealth, description = "A required store does not answer"),
))]
async fn health(State(app): State<App>) -> (StatusCode, Json<RagHealth>) {
    let ready = ready::look(&app).await;
    let (code, status) = match ready.status {
        Verdict::Ready => (StatusCode::OK, "healthy"),
        Verdict::Degraded => (StatusCode::OK, "degraded"),
        Verdict::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    let mode = mode_now(&ready);
    let components = ready.checks.into_iter().map(|(name, check)| (name, check.status)).collect();
    let (chat_model, embedding_model) = (app.config.chat_model.clone(), app.config.embed_model.clone());
    (code, Json(RagHealth { status, mode, components, chat_model, embedding_model }))
}

/// How many documents and chunks there are, and what is still to do
#[utoipa::path(get, path = "/rag/stats", tag = "operate", security(("bearer" = [])),
    responses((status = 200, body = Numbers)))]
async fn stats(State(app): State<App>, _user: User) -> Result<Json<Numbers>, Problem> {
    Ok(Json(numbers::read(&app).await?))
}

/// What questions are answered with now.
pub(super) fn mode_now(ready: &Ready) -> &'static str {
    let answers = ready.checks.get("ollama").is_some_and(|check| check.status == CheckStatus::Ok);
    if answers { "full" } else { "retrieval-only" }
}
