//! `/rag/conversations`: a user's own, and nobody else's.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::conversation::{self, Message, Summary};
use crate::app::App;
use crate::auth::User;
use crate::extract::{Json, Path, Query};
use crate::problem::Problem;

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// How many at most
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// How many to pass over
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    offset: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Conversations {
    /// The newest first
    conversations: Vec<Summary>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Conversation {
    /// Which one it is
    id: Uuid,
    /// What was said, in its order
    messages: Vec<Message>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, remove))
}

/// Your conversations
#[utoipa::path(get, path = "/rag/conversations", tag = "rag", security(("bearer" = [])), params(Page),
    responses((status = 200, description = "The newest first", body = Conversations)))]
async fn list(State(app): State<App>, user: User, Query(page): Query<Page>) -> Result<Json<Conversations>, Problem> {
    let (limit, offset) = super::bounds(page.limit, page.offset)?;
    Ok(Json(Conversations { conversations: conversation::list(&app, &user, limit, offset).await? }))
}

/// One of your conversations
#[utoipa::path(get, path = "/rag/conversations/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, description = "What was said", body = Conversation)))]
async fn show(State(app): State<App>, user: User, Path(id): Path<Uuid>) -> Result<Json<Conversation>, Problem> {
    Ok(Json(Conversation { id, messages: conversation::messages(&app, &user, id).await? }))
}

/// Remove one of your conversations for good
#[utoipa::path(delete, path = "/rag/conversations/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 204, description = "It is gone")))]
async fn remove(State(app): State<App>, user: User, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    if conversation::remove(&app, &user, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("conversation"))
    }
}
