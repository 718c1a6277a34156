//! Conversations: a user's own, sealed at rest, oldest turn first.

use deadpool_postgres::GenericClient;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::vault::Sealed;
use crate::app::App;
use crate::auth::User;
use crate::problem::Problem;

/// Turns that are read back for the next question.
const TURNS: i64 = 10;
/// Letters of the first question that a list shows.
const TITLE_CHARS: usize = 80;

/// A question with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
}

/// A conversation in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationSummary)]
pub(crate) struct Summary {
    /// What it is asked by.
    pub id: Uuid,
    /// The beginning of its first question; none when it is locked.
    pub title: Option<String>,
    /// Sealed by a key that is not here any more.
    pub locked: bool,
    /// Questions and answers.
    pub messages: i64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: jiff::Timestamp,
    /// When something was said last.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: jiff::Timestamp,
}

/// One thing that was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    /// `user` or `assistant`.
    pub role: String,
    /// The words; none when it is locked.
    pub content: Option<String>,
    /// Sealed by a key that is not here any more.
    pub locked: bool,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: jiff::Timestamp,
}

/// A user's conversations, the newest first.
///
/// # Errors
/// 503 without Postgres.
pub(crate) async fn list(app: &App, user: &User, limit: i64, offset: i64) -> Result<Vec<Summary>, Problem> {
    const ASK: &str = "select c.id, c.created_at, c.updated_at, m.key_id, m.sealed,
            (select count(*) from messages n where n.conversation_id = c.id)
        from conversations c join messages m on m.conversation_id = c.id and m.position = 0
        where c.user_id = $1 order by c.updated_at desc, c.id limit $2 offset $3";
    let connection = app.db.get().await?;
    let rows = connection.query(ASK, &[&user.id, &limit, &offset]).await?;
    let of = |row: &tokio_postgres::Row| {
        let id: Uuid = row.get(0);
        let title = open(app, id, 0, "user", row.get(3), row.get(4));
        let title = title.map(|text| text.chars().take(TITLE_CHARS).collect());
        Summary {
            id,
            locked: title.is_none(),
            title,
            created_at: row.get(1),
            updated_at: row.get(2),
            messages: row.get(5),
        }
    };
    Ok(rows.iter().map(of).collect())
}

/// All that was said in one.
///
/// # Errors
/// 404 when it is none of this user's.
pub(crate) async fn messages(app: &App, user: &User, id: Uuid) -> Result<Vec<Message>, Problem> {
    const ASK: &str =
        "select position, role, key_id, sealed, created_at from messages where conversation_id = $1 order by position";
    let connection = app.db.get().await?;
    owned(&connection, user, id).await?;
    let rows = connection.query(ASK, &[&id]).await?;
    let of = |row: &tokio_postgres::Row| {
        let role: String = row.get(1);
        let content = open(app, id, row.get(0), &role, row.get(2), row.get(3));
        Message { role, locked: content.is_none(), content, created_at: row.get(4) }
    };
    Ok(rows.iter().map(of).collect())
}

/// The last turns of one, for the next question. What is locked is left out.
///
/// # Errors
/// 404 when it is none of this user's.
pub(super) async fn history(app: &App, user: &User, id: Uuid) -> Result<Vec<Turn>, Problem> {
    const ASK: &str = "select q.position, q.key_id, q.sealed, a.position, a.key_id, a.sealed from messages q
        join messages a on a.conversation_id = q.conversation_id and a.position = q.position + 1
        where q.conversation_id = $1 and q.role = 'user' order by q.position desc limit $2";
    let connection = app.db.get().await?;
    owned(&connection, user, id).await?;
    let rows = connection.query(ASK, &[&id, &TURNS]).await?;
    let of = |row: &tokio_postgres::Row| {
        Some(Turn {
            question: open(app, id, row.get(0), "user", row.get(1), row.get(2))?,
            answer: open(app, id, row.get(3), "assistant", row.get(4), row.get(5))?,
        })
    };
    Ok(rows.iter().rev().filter_map(of).collect())
}

/// Keeps a turn, in a new conversation where none is named.
///
/// # Errors
/// 503 without Postgres or a key, 404 when the conversation has gone meanwhile.
pub(super) async fn keep(
    app: &App,
    user: &User,
    conversation: Option<Uuid>,
    question: &str,
    answer: &str,
) -> Result<Uuid, Problem> {
    const PUT: &str =
        "insert into messages (conversation_id, position, role, key_id, sealed) values ($1, $2, $3, $4, $5)";
    const NEW: &str = "insert into conversations (id, user_id) values ($1, $2)";
    const TOUCH: &str = "update conversations set updated_at = now() where id = $1 and user_id = $2";
    const NEXT: &str = "select coalesce(max(position) + 1, 0) from messages where conversation_id = $1";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    let id = conversation.unwrap_or_else(Uuid::new_v4);
    if conversation.is_none() {
        transaction.execute(NEW, &[&id, &user.id]).await?;
    } else if transaction.execute(TOUCH, &[&id, &user.id]).await? == 0 {
        return Err(Problem::not_found("conversation"));
    }
    // The update above holds the row: two turns at once get two places.
    let next: i32 = transaction.query_one(NEXT, &[&id]).await?.get(0);
    for (position, role, text) in [(next, "user", question), (next + 1, "assistant", answer)] {
        let sealed = app.rag.vault.seal(&place(id, position, role), text.as_bytes())?;
        transaction.execute(PUT, &[&id, &position, &role, &sealed.key_id, &sealed.bytes]).await?;
    }
    transaction.commit().await?;
    Ok(id)
}

/// Removes one for good; false when it is none of this user's.
///
/// # Errors
/// 503 without Postgres.
pub(crate) async fn remove(app: &App, user: &User, id: Uuid) -> Result<bool, Problem> {
    let connection = app.db.get().await?;
    Ok(connection.execute("delete from conversations where id = $1 and user_id = $2", &[&id, &user.id]).await? > 0)
}

async fn owned(client: &impl GenericClient, user: &User, id: Uuid) -> Result<(), Problem> {
    const ASK: &str = "select 1 from conversations where id = $1 and user_id = $2";
    match client.query_opt(ASK, &[&id, &user.id]).await? {
        Some(_) => Ok(()),
        None => Err(Problem::not_found("conversation")),
    }
}

fn open(app: &App, id: Uuid, position: i32, role: &str, key_id: String, bytes: Vec<u8>) -> Option<String> {
    let text = app.rag.vault.open(&place(id, position, role), &Sealed { key_id, bytes })?;
    String::from_utf8(text).ok()
}

fn place(id: Uuid, position: i32, role: &str) -> String {
    format!("{id}/{position}/{role}")
}
