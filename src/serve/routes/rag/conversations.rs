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
use crate::audit::{self, Who};
use crate::auth::User;
use crate::extract::{Json, Origin, Path, Query};
use crate::problem::Problem;

/// Letters that may be looked for.
const WORDS_MAX_CHARS: usize = 200;
const TITLE_MAX_CHARS: usize = 120;

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
    /// Only those in which all of these words stand
    #[param(max_length = 200)]
    query: Option<String>,
}

/// What may be changed of a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Its name in the list
    #[schema(min_length = 1, max_length = 120)]
    title: String,
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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, rename, remove))
}

/// Your conversations
#[utoipa::path(get, path = "/rag/conversations", tag = "rag", security(("bearer" = [])), params(Page),
    responses((status = 200, description = "The newest first", body = Conversations)))]
async fn list(State(app): State<App>, user: User, Query(page): Query<Page>) -> Result<Json<Conversations>, Problem> {
    let (limit, offset) = super::bounds(page.limit, page.offset)?;
    let words = page.query.unwrap_or_default();
    if words.chars().count() > WORDS_MAX_CHARS {
        return Err(Problem::invalid("query", format!("{WORDS_MAX_CHARS} letters at most")));
    }
    let conversations = match words.trim() {
        "" => conversation::list(&app, &user, limit, offset).await?,
        words => conversation::find(&app, &user, words, limit, offset).await?,
    };
    Ok(Json(Conversations { conversations }))
}

/// One of your conversations
#[utoipa::path(get, path = "/rag/conversations/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, description = "What was said", body = Conversation)))]
async fn show(State(app): State<App>, user: User, Path(id): Path<Uuid>) -> Result<Json<Conversation>, Problem> {
    Ok(Json(Conversation { id, messages: conversation::messages(&app, &user, id).await? }))
}

/// Give one of your conversations another name
#[utoipa::path(patch, path = "/rag/conversations/{id}", tag = "rag", security(("bearer" = [])), request_body = Change,
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 204, description = "It has it")))]
async fn rename(
    State(app): State<App>,
    user: User,
    Path(id): Path<Uuid>,
    Json(change): Json<Change>,
) -> Result<StatusCode, Problem> {
    let title = change.title.trim();
    if title.is_empty() || title.chars().count() > TITLE_MAX_CHARS || title.chars().any(char::is_control) {
        return Err(Problem::invalid("title", format!("1 to {TITLE_MAX_CHARS} letters in one line")));
    }
    if conversation::rename(&app, &user, id, title).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("conversation"))
    }
}

/// Remove one of your conversations for good
#[utoipa::path(delete, path = "/rag/conversations/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    user: User,
    State(app): State<App>,
    Path(id): Path<Uuid>,
    origin: Origin,
) -> Result<StatusCode, Problem> {
    if !conversation::remove(&app, &user, id).await? {
        return Err(Problem::not_found("conversation"));
    }
    audit::record(&app, &origin, Who::User(&user), "conversation.delete", &id.to_string(), "ok").await;
    Ok(StatusCode::NO_CONTENT)
}
