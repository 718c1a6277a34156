//! Conversations: a user's own, sealed at rest, oldest turn first.
//!
//! A turn is there from the moment it was asked: question and sources are not lost when the answer breaks off, because
//! its client left, the model failed or the process ended. Such an answer holds what was written and is *unfinished*.

use deadpool_postgres::GenericClient;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
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
/// Letters round what was looked for.
const FOUND_CHARS: usize = 60;

/// A question with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
}

/// Where an answer is to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// The conversation.
    pub conversation: Uuid,
    position: i32,
    /// Whose writing it is: another one may have taken the place meanwhile.
    turn: Uuid,
}

/// What is kept beside an answer's words.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Detail {
    /// Whether the documents support it.
    pub supported: bool,
    /// `full` or `retrieval-only`.
    pub mode: String,
    /// What it was made of.
    pub sources: Vec<Cited>,
}

/// A source of an answer that was kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = CitedSource)]
pub(crate) struct Cited {
    /// The number by which the answer names it.
    pub number: usize,
    /// The document.
    pub document_id: Uuid,
    /// Its file's name then.
    pub file_name: String,
    /// The folder that lay in.
    pub folder: String,
    /// The passage, for `GET /rag/passages/{chunk_id}`.
    pub chunk_id: String,
    /// Which passage of its document it is, from 0.
    pub position: i32,
    /// How well it fitted.
    pub similarity_score: f32,
    /// Its text, where passages are the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// A conversation in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationSummary)]
pub(crate) struct Summary {
    /// What it is asked by.
    pub id: Uuid,
    /// Its name, or the beginning of its first question; none when it is locked.
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
    /// Where the words that were looked for stand in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
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
    /// An answer that broke off: what was written until then, perhaps nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// Whether the documents support an answer; unknown for older ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// `full` or `retrieval-only`; unknown for older answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What an answer was made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Cited>,
}

const LISTED: &str = "select c.id, c.created_at, c.updated_at, m.key_id, m.sealed,
        (select count(*) from messages n where n.conversation_id = c.id), c.title_key_id, c.title_sealed
    from conversations c join messages m on m.conversation_id = c.id and m.position = 0
    where c.user_id = $1 order by c.updated_at desc, c.id";

/// A user's conversations, the newest first.
///
/// # Errors
/// 503 without Postgres.
pub(crate) async fn list(app: &App, user: &User, limit: i64, offset: i64) -> Result<Vec<Summary>, Problem> {
    let connection = app.db.get().await?;
    let rows = connection.query(&format!("{LISTED} limit $2 offset $3"), &[&user.id, &limit, &offset]).await?;
    Ok(rows.iter().map(|row| summary(app, row)).collect())
}

/// Those of them in which all of `words` stand, anywhere, whatever their case. Only sealed text is stored, so that each
/// is opened for it, one conversation at a time.
///
/// # Errors
/// 503 without Postgres.
pub(crate) async fn find(
    app: &App,
    user: &User,
    words: &str,
    limit: i64,
    offset: i64,
) -> Result<Vec<Summary>, Problem> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let connection = app.db.get().await?;
    let rows = connection.query(LISTED, &[&user.id]).await?;
    let (mut found, mut over) = (Vec::new(), offset);
    for row in &rows {
        let mut summary = summary(app, row);
        let title = summary.title.clone().unwrap_or_default();
        let said = connection.query(MESSAGES, &[&summary.id]).await?;
        let texts = said.iter().filter_map(|row| message(app, summary.id, row).content);
        let Some(place) = place_of(&words, std::iter::once(title).chain(texts)) else { continue };
        if over > 0 {
            over -= 1;
            continue;
        }
        summary.found = Some(place);
        found.push(summary);
        if i64::try_from(found.len()).is_ok_and(|count| count >= limit) {
            break;
        }
    }
    Ok(found)
}

/// The words round the first match, if every word stands in one of the texts.
fn place_of(words: &[String], texts: impl Iterator<Item = String>) -> Option<String> {
    let mut missing: Vec<&String> = words.iter().collect();
    let mut place = None;
    for text in texts {
        let lower = text.to_lowercase();
        missing.retain(|word| !lower.contains(word.as_str()));
        if place.is_none() {
            place = words.iter().find_map(|word| lower.find(word.as_str())).map(|at| around(&text, at));
        }
    }
    if missing.is_empty() { place } else { None }
}

// Small letters may be longer than large ones: the place is near enough.
fn around(text: &str, at: usize) -> String {
    let from = text.floor_char_boundary(at.saturating_sub(FOUND_CHARS).min(text.len()));
    let short: String = text[from..].chars().take(3 * FOUND_CHARS).collect();
    let short = short.split_whitespace().collect::<Vec<_>>().join(" ");
    if from > 0 { format!("…{short}") } else { short }
}

fn summary(app: &App, row: &Row) -> Summary {
    let id: Uuid = row.get(0);
    let named = row.get::<_, Option<String>>(6).zip(row.get::<_, Option<Vec<u8>>>(7));
    let named = named.and_then(|(key_id, bytes)| open(app, id, -1, "title", key_id, bytes));
    let first = open(app, id, 0, "user", row.get(3), row.get(4));
    Summary {
        id,
        locked: first.is_none(),
        title: named.or_else(|| first.map(|text| text.chars().take(TITLE_CHARS).collect())),
        created_at: row.get(1),
        updated_at: row.get(2),
        messages: row.get(5),
        found: None,
    }
}

const MESSAGES: &str = "select position, role, key_id, sealed, created_at, detail, finished from messages
    where conversation_id = $1 order by position";

/// All that was said in one.
///
/// # Errors
/// 404 when it is none of this user's.
pub(crate) async fn messages(app: &App, user: &User, id: Uuid) -> Result<Vec<Message>, Problem> {
    let connection = app.db.get().await?;
    owned(&connection, user, id).await?;
    let rows = connection.query(MESSAGES, &[&id]).await?;
    Ok(rows.iter().map(|row| message(app, id, row)).collect())
}

fn message(app: &App, id: Uuid, row: &Row) -> Message {
    let (position, role): (i32, String) = (row.get(0), row.get(1));
    let key_id: String = row.get(2);
    let detail = row.get::<_, Option<Vec<u8>>>(5);
    let detail = detail.and_then(|bytes| open(app, id, position, "detail", key_id.clone(), bytes));
    let detail = detail.and_then(|text| serde_json::from_str::<Detail>(&text).ok());
    let content = open(app, id, position, &role, key_id, row.get(3));
    Message {
        role,
        locked: content.is_none(),
        content,
        created_at: row.get(4),
        unfinished: !row.get::<_, bool>(6),
        supported: detail.as_ref().map(|detail| detail.supported),
        mode: detail.as_ref().map(|detail| detail.mode.clone()),
        sources: detail.map(|detail| detail.sources).unwrap_or_default(),
    }
}

/// The last turns of one, for the next question. What is locked is left out, and so is what was never answered; the
/// last turn as well when it is asked `again`.
///
/// # Errors
/// 404 when it is none of this user's.
pub(super) async fn history(app: &App, user: &User, id: Uuid, again: bool) -> Result<Vec<Turn>, Problem> {
    const ASK: &str = "select q.position, q.key_id, q.sealed, a.position, a.key_id, a.sealed from messages q
        join messages a on a.conversation_id = q.conversation_id and a.position = q.position + 1
        where q.conversation_id = $1 and q.role = 'user' order by q.position desc limit $2 offset $3";
    let connection = app.db.get().await?;
    owned(&connection, user, id).await?;
    let rows = connection.query(ASK, &[&id, &TURNS, &i64::from(again)]).await?;
    let of = |row: &Row| {
        Some(Turn {
            question: open(app, id, row.get(0), "user", row.get(1), row.get(2))?,
            answer: open(app, id, row.get(3), "assistant", row.get(4), row.get(5))?,
        })
    };
    Ok(rows.iter().rev().filter_map(of).filter(|turn| !turn.answer.is_empty()).collect())
}

/// Keeps a question, in a new conversation where none is named, with room for its answer. Asked `again`, it takes the
/// place of the last one.
///
/// # Errors
/// 503 without Postgres or a key, 404 when the conversation has gone meanwhile.
pub(super) async fn begin(
    app: &App,
    user: &User,
    conversation: Option<Uuid>,
    question: &str,
    again: bool,
) -> Result<Kept, Problem> {
    const PUT: &str = "insert into messages (conversation_id, position, role, key_id, sealed, finished, turn)
        values ($1, $2, $3, $4, $5, $6, $7)";
    const NEW: &str = "insert into conversations (id, user_id) values ($1, $2)";
    const TOUCH: &str = "update conversations set updated_at = now() where id = $1 and user_id = $2";
    const LAST: &str = "delete from messages where conversation_id = $1 and position >=
        (select max(position) from messages where conversation_id = $1 and role = 'user')";
    const NEXT: &str = "select coalesce(max(position) + 1, 0) from messages where conversation_id = $1";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    let id = conversation.unwrap_or_else(Uuid::new_v4);
    if conversation.is_none() {
        transaction.execute(NEW, &[&id, &user.id]).await?;
    } else if transaction.execute(TOUCH, &[&id, &user.id]).await? == 0 {
        return Err(Problem::not_found("conversation"));
    }
    if again {
        transaction.execute(LAST, &[&id]).await?;
    }
    // The update above holds the row: two turns at once get two places.
    let next: i32 = transaction.query_one(NEXT, &[&id]).await?.get(0);
    let turn = Uuid::new_v4();
    for (position, role, text, finished) in [(next, "user", question, true), (next + 1, "assistant", "", false)] {
        let sealed = app.rag.vault.seal(&place(id, position, role), text.as_bytes())?;
        transaction.execute(PUT, &[&id, &position, &role, &sealed.key_id, &sealed.bytes, &finished, &turn]).await?;
    }
    transaction.commit().await?;
    Ok(Kept { conversation: id, position: next + 1, turn })
}

/// Keeps an answer, or with `finished` false what there is of it.
///
/// # Errors
/// 503 without Postgres or a key, 404 when the conversation has gone meanwhile.
pub(super) async fn end(app: &App, kept: Kept, answer: &str, detail: &Detail, finished: bool) -> Result<(), Problem> {
    const SET: &str = "update messages set key_id = $4, sealed = $5, detail = $6, finished = $7, created_at = now()
        where conversation_id = $1 and position = $2 and turn = $3 and not finished";
    let Kept { conversation: id, position, turn } = kept;
    let words = app.rag.vault.seal(&place(id, position, "assistant"), answer.as_bytes())?;
    let detail = serde_json::to_vec(detail).map_err(|_| Problem::internal())?;
    let detail = app.rag.vault.seal(&place(id, position, "detail"), &detail)?;
    let connection = app.db.get().await?;
    let set = connection
        .execute(SET, &[&id, &position, &turn, &words.key_id, &words.bytes, &detail.bytes, &finished])
        .await?;
    if set == 0 { Err(Problem::not_found("conversation")) } else { Ok(()) }
}

/// Gives one another name; false when it is none of this user's.
///
/// # Errors
/// 503 without Postgres or a key.
pub(crate) async fn rename(app: &App, user: &User, id: Uuid, title: &str) -> Result<bool, Problem> {
    const SET: &str = "update conversations set title_key_id = $3, title_sealed = $4 where id = $1 and user_id = $2";
    let sealed = app.rag.vault.seal(&place(id, -1, "title"), title.as_bytes())?;
    let connection = app.db.get().await?;
    Ok(connection.execute(SET, &[&id, &user.id, &sealed.key_id, &sealed.bytes]).await? > 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &str, texts: &[&str]) -> Option<String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        place_of(&words, texts.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn a_conversation_is_found_by_all_words_wherever_they_stand() {
        let said = ["When does the Heating start?", "On the first of October."];
        assert_eq!(found("heating october", &said).unwrap(), said[0]);
        assert_eq!(found("OCTOBER", &said).unwrap(), said[1]);
        assert_eq!(found("heating november", &said), None);
    }

    #[test]
    fn what_is_shown_of_it_is_cut_between_letters() {
        let long = "ÄÖÜ ".repeat(100) + "İstanbul" + &" ßß".repeat(200);
        let shown = found("stanbul", &[&long]).unwrap();
        assert!(shown.starts_with('…') && shown.contains("stanbul") && shown.chars().count() <= 181, "{shown}");
    }
}
