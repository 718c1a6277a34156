//! One's own API keys: for scripts and dashboards. A key may what its user may, except change accounts and keys.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::keys::{self, ApiKey};
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::Person;
use crate::extract::{Json, Origin, Path};
use crate::problem::Problem;

const NAME_MAX_CHARS: usize = 64;
const DAYS: std::ops::RangeInclusive<i32> = 1..=3650;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f]*$")]
    name: String,
    /// Days until it ends; never, if missing.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<i32>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The key itself, for `Authorization: Bearer …`. It cannot be seen again.
    api_key: String,
}

/// One's own keys.
#[derive(Serialize, ToSchema)]
pub(super) struct Keys {
    keys: Vec<ApiKey>,
}

/// One's own API keys, without the keys themselves
#[utoipa::path(get, path = "/auth/keys", tag = "who", security(("bearer" = [])), responses((status = 200, body = Keys)))]
pub(super) async fn list(State(app): State<App>, Person(user): Person) -> Result<Json<Keys>, Problem> {
    let keys = keys::list(&app.db.get().await?, user.id).await?;
    Ok(Json(Keys { keys }))
}

/// Make an API key; it is shown once
#[utoipa::path(post, path = "/auth/keys", tag = "who", security(("bearer" = [])), request_body = NewKey,
    responses((status = 201, body = MadeKey)))]
pub(super) async fn add(
    State(app): State<App>,
    origin: Origin,
    Person(user): Person,
    Json(new): Json<NewKey>,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let chars = new.name.chars().count();
    if chars == 0 || chars > NAME_MAX_CHARS || new.name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", "is empty, longer than 64 characters, or holds control characters"));
    }
    if new.expires_in_days.is_some_and(|days| !DAYS.contains(&days)) {
        return Err(Problem::invalid("expires_in_days", "is not between 1 and 3650"));
    }
    let (key, api_key) = keys::add(&app.db.get().await?, user.id, &new.name, new.expires_in_days).await?;
    audit::record(&app, &origin, Who::User(&user), "key.add", &key.id.to_string(), "ok").await;
    Ok((StatusCode::CREATED, Json(MadeKey { key, api_key })))
}

/// Remove one of one's own keys
#[utoipa::path(delete, path = "/auth/keys/{id}", tag = "who", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The key's id")), responses((status = 204, description = "Removed")))]
pub(super) async fn remove(
    State(app): State<App>,
    origin: Origin,
    Person(user): Person,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    keys::remove(&app.db.get().await?, user.id, id).await?;
    audit::record(&app, &origin, Who::User(&user), "key.remove", &id.to_string(), "ok").await;
    Ok(StatusCode::NO_CONTENT)
}
