//! The table of API keys.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::key;
use crate::db::Connection;
use crate::problem::Problem;

/// More than these belong to nobody's home.
const PER_USER_MAX: i64 = 50;
const COLUMNS: &str = "id, name, created_at, expires_at, used_at";

/// A key as it is listed: without the key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    /// Its id, for its removal.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; never, if missing.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

impl ApiKey {
    fn of(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
            used_at: row.get("used_at"),
        }
    }
}

/// A new key of a user; the second part is the key itself, which nobody can see again.
///
/// # Errors
/// 409 when the user has too many.
pub(crate) async fn add(
    client: &Connection,
    user: Uuid,
    name: &str,
    days: Option<i32>,
) -> Result<(ApiKey, String), Problem> {
    let insert = format!(
        "insert into api_keys (id, user_id, name, hash, expires_at)
         select $1, $2, $3, $4, now() + make_interval(days => $5)
         where (select count(*) from api_keys where user_id = $2) < {PER_USER_MAX} returning {COLUMNS}"
    );
    let secret = key::generate();
    let row = client.query_opt(&insert, &[&Uuid::now_v7(), &user, &name, &key::hash(&secret), &days]).await?;
    let row =
        row.ok_or_else(|| Problem::conflict(format!("there are {PER_USER_MAX} keys already: remove one first")))?;
    Ok((ApiKey::of(&row), secret))
}

/// The keys of a user, the newest first.
pub(crate) async fn list(client: &Connection, user: Uuid) -> Result<Vec<ApiKey>, Problem> {
    let ask = format!("select {COLUMNS} from api_keys where user_id = $1 order by id desc");
    Ok(client.query(&ask, &[&user]).await?.iter().map(ApiKey::of).collect())
}

/// Removes a key of a user.
///
/// # Errors
/// 404 when the user has no such key.
pub(crate) async fn remove(client: &Connection, user: Uuid, id: Uuid) -> Result<(), Problem> {
    match client.execute("delete from api_keys where id = $1 and user_id = $2", &[&id, &user]).await? {
        0 => Err(Problem::not_found("key")),
        _ => Ok(()),
    }
}
