//! The audit: who did what, when, and from where. Never a text, a question or a secret; kept for 90 days.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::User;
use crate::extract::Origin;
use crate::problem::Problem;

/// How long a line is kept, for the documents and for the statement below.
pub(crate) const KEEP_DAYS: u32 = 90;

/// Who did it, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// Somebody who is signed in.
    User(&'a User),
    /// A user whose sign-in this is about.
    Known(Uuid, &'a str),
    /// Nobody is signed in; the name that was given, if any.
    Stranger(&'a str),
}

/// Writes one line. `action` is a word from `docs/API.md` (`login`, `user.add`, `document.delete`, …); `object` is an id
/// or a user's name; `outcome` is `ok` or the reason in a word.
///
/// A line that cannot be written is logged instead and does not stop what it is about.
pub(crate) async fn record(
    app: &App,
    origin: &Origin,
    who: Who<'_>,
    action: &'static str,
    object: &str,
    outcome: &str,
) {
    let (id, name) = match who {
        Who::User(user) => (Some(user.id), user.name.as_str()),
        Who::Known(id, name) => (Some(id), name),
        Who::Stranger(name) => (None, name),
    };
    let (name, object) = (cut(name), cut(object));
    if let Err(why) = write(app, origin, id, &name, action, &object, outcome).await {
        tracing::error!(id = %origin.request_id, action, object, outcome, why, "the audit could not be written");
    }
}

async fn write(
    app: &App,
    origin: &Origin,
    id: Option<Uuid>,
    name: &str,
    action: &str,
    object: &str,
    outcome: &str,
) -> Result<(), String> {
    const WRITE: &str = "insert into audit (user_id, who, action, object, outcome, address, request_id)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let connection = app.db.get().await.map_err(|problem| problem.to_string())?;
    let write = connection.prepare_cached(WRITE).await.map_err(|error| error.to_string())?;
    let (address, request) = (origin.address.to_string(), &*origin.request_id);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&id, &name, &action, &object, &outcome, &address, &request];
    connection.execute(&write, &values).await.map(drop).map_err(|error| error.to_string())
}

/// One line, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// Rises with time.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: the user's id, unless nobody was signed in or the name was unknown.
    pub user_id: Option<Uuid>,
    /// Who, by the name they had then.
    pub who: String,
    /// What was done (`docs/API.md` lists the words).
    pub action: String,
    /// To what: an id, a user's name, a path.
    pub object: String,
    /// `ok`, or why not in a word.
    pub outcome: String,
    /// From where.
    pub address: String,
    /// The request, as the log has it.
    pub request_id: String,
}

/// The newest lines, or those before one.
///
/// # Errors
/// 503 when the database does not answer.
pub(crate) async fn lines(app: &App, before: Option<i64>, limit: i64) -> Result<Vec<Line>, Problem> {
    const ASK: &str = "select id, at, user_id, who, action, object, outcome, address, request_id from audit
        where $1::bigint is null or id < $1 order by id desc limit $2";
    let connection = app.db.get().await?;
    let rows = connection.query(&connection.prepare_cached(ASK).await?, &[&before, &limit]).await?;
    let line = |row: &tokio_postgres::Row| Line {
        id: row.get(0),
        at: row.get(1),
        user_id: row.get(2),
        who: row.get(3),
        action: row.get(4),
        object: row.get(5),
        outcome: row.get(6),
        address: row.get(7),
        request_id: row.get(8),
    };
    Ok(rows.iter().map(line).collect())
}

/// An operator's look at something: one line in ten minutes for a user and a path, since dashboards look all the time.
pub(crate) async fn look(app: &App, origin: &Origin, user: &User, path: &'static str) {
    const SEEN: &str = "select 1 from audit where user_id = $1 and action = 'ops.read' and object = $2
        and at > now() - interval '10 minutes' limit 1";
    let seen = async {
        let connection = app.db.get().await.ok()?;
        let ask = connection.prepare_cached(SEEN).await.ok()?;
        connection.query_opt(&ask, &[&user.id, &path]).await.ok()?
    };
    if seen.await.is_none() {
        record(app, origin, Who::User(user), "ops.read", path, "ok").await;
    }
}

/// Removes what is older than [`KEEP_DAYS`]; a task calls it once a day.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn forget(app: &App) -> anyhow::Result<()> {
    let connection = app.db.get().await?;
    let days = i32::try_from(KEEP_DAYS)?;
    connection.execute("delete from audit where at < now() - make_interval(days => $1)", &[&days]).await?;
    Ok(())
}

// A name that a stranger gave may be anything: short, and without what a terminal would act upon.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_are_short_and_harmless() {
        assert_eq!(cut("a\0b\u{1b}[31mc"), "ab[31mc");
        assert_eq!(cut(&"x".repeat(100_000)).len(), 64);
    }
}
