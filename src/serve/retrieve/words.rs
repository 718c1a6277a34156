//! Passages by words: all of a question's words first, any of them where that finds too little.

use anyhow::Result;
use uuid::Uuid;

use super::Key;
use crate::app::App;
use crate::db::Connection;
use crate::problem::Problem;

/// The ranked chunks that hold the words, those in the trash left out. `{}` is the query, made once and not for every row.
const ASK: &str = "with q as materialized (select {} as q)
    select c.document_id, c.revision, c.position from q, chunks c
    where c.search @@ q.q and ($2::uuid[] is null or c.document_id = any($2))
        and c.document_id not in (select id from documents where trashed_at is not null)
    order by ts_rank(c.search, q.q, 1) desc, c.document_id, c.position limit $3";
const ALL: &str = "plainto_tsquery('english', $1)";
const ANY: &str = "replace(plainto_tsquery('english', $1)::text, ' & ', ' | ')::tsquery";

pub(super) async fn search(app: &App, text: &str, count: usize, allowed: Option<&[Uuid]>) -> Result<Vec<Key>, Problem> {
    let connection = app.db.get().await?;
    let mut found = ask(&connection, ALL, text, count, allowed).await?;
    if found.len() < count.min(super::CANDIDATES / 4) {
        for key in ask(&connection, ANY, text, count, allowed).await? {
            if !found.contains(&key) {
                found.push(key);
            }
        }
        found.truncate(count);
    }
    Ok(found)
}

async fn ask(
    connection: &Connection,
    query: &str,
    text: &str,
    count: usize,
    allowed: Option<&[Uuid]>,
) -> Result<Vec<Key>, Problem> {
    let statement = connection.prepare_cached(&ASK.replace("{}", query)).await?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = connection.query(&statement, &[&text, &allowed, &count]).await?;
    Ok(rows.iter().map(|row| Key { document: row.get(0), revision: row.get(1), position: row.get(2) }).collect())
}
