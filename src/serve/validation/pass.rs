//! A validation's own user with its tokens, and its end: nothing of it stays.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

use super::named;
use crate::accounts::sessions;
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::Role;
use crate::auth::token::{Tokens, Use};
use crate::client::validate::{Left, PREFIX, Pass, TICKETS};
use crate::documents::{UPLOADS, trash, vectors};
use crate::extract::Origin;
use crate::secret::Secret;

/// No password has this hash.
const NO_PASSWORD: &str = "!";
/// What is older belongs to a validation that was killed.
const KILLED_AFTER_S: i64 = 3600;
/// Passwords that people and programs choose when nobody insists.
const DEFAULTS: [&str; 14] = [
    "admin",
    "password",
    "changeme",
    "secret",
    "tars",
    "tars-home",
    "admin123",
    "admin1234",
    "password123",
    "changeme123",
    "administrator",
    "1234567890",
    "tars-admin",
    "letmein123",
];
/// Administrators that are looked at.
const ADMINS_MAX: i64 = 5;

/// Sweeps what killed validations left and makes this one's user.
pub(super) async fn begin(app: &App, mark: &str) -> Result<Pass> {
    const ADD: &str = "insert into users (id, name, role, password_hash) values ($1, $2, $3, $4)";
    app.db.prepare().await?;
    ensure!(began(mark).is_some(), "the mark does not say when it was made");
    sweep(app).await.context("what an earlier validation left cannot be removed")?;
    let (user, name) = (Uuid::now_v7(), named(mark));
    let connection = app.db.get().await?;
    connection.execute(ADD, &[&user, &name, &Role::User.name(), &NO_PASSWORD]).await?;
    drop(connection);
    record(app, &name, "begin").await;
    let pair = sessions::begin(app, user, Ipv4Addr::LOCALHOST.into()).await?;
    let session = app.tokens.read(&pair.access, Use::Access).context("the token that was made is not good")?.sid;
    let make =
        |tokens: &Tokens, usage, at| Ok::<_, anyhow::Error>(tokens.make(usage, user, session, Uuid::new_v4(), at)?);
    let now = app.now_s();
    let foreign = Tokens::new(&Secret::new(Uuid::new_v4().to_string()));
    Ok(Pass {
        expired: make(&app.tokens, Use::Access, now - 86_400)?,
        foreign: make(&foreign, Use::Access, now)?,
        tickets: (0..TICKETS).map(|_| make(&app.tokens, Use::Count, now)).collect::<Result<_>>()?,
        token: pair.access,
        refresh: pair.refresh,
    })
}

/// Removes everything of a validation, and says what is left.
pub(super) async fn end(app: &App, mark: &str) -> Result<Left> {
    app.db.prepare().await?;
    let name = named(mark);
    let removed = remove(app, &name).await;
    record(app, &name, "end").await;
    removed?;
    left(app, &name).await
}

/// Removes everything whose name begins so.
async fn remove(app: &App, name: &str) -> Result<()> {
    const SENT: &str = "select id from documents where starts_with(file_name, $1)";
    const NOT_READ: &str =
        "delete from places where source = $2 and document_id is null and starts_with(file_name, $1) returning path";
    const USERS: &str = "delete from users where starts_with(name, $1) and password_hash = $2";
    let connection = app.db.get().await?;
    let documents: Vec<Uuid> = connection.query(SENT, &[&name]).await?.iter().map(|row| row.get(0)).collect();
    let files = connection.query(NOT_READ, &[&name, &UPLOADS]).await?;
    connection.execute(USERS, &[&name, &NO_PASSWORD]).await?;
    drop(connection);
    for row in files {
        // A file without a place is only room.
        let _ = tokio::fs::remove_file(app.rag.desk.uploads.join(row.get::<_, String>(0))).await;
    }
    trash::erase_now(app, &documents).await?;
    let chroma = app.chroma()?;
    for collection in chroma.collections().await?.iter().filter(|collection| collection.name.starts_with(name)) {
        chroma.drop_collection(&collection.name).await?;
    }
    vectors::erase_left(app).await
}

async fn left(app: &App, name: &str) -> Result<Left> {
    const ASK: &str = "select
        (select count(*) from users where starts_with(name, $1)),
        (select count(*) from documents where starts_with(file_name, $1)),
        (select count(*) from places where starts_with(file_name, $1)),
        (select count(*) from leftovers)";
    let row = app.db.get().await?.query_one(ASK, &[&name]).await?;
    let collections = app.chroma()?.collections().await?;
    let collections = collections.iter().filter(|collection| collection.name.starts_with(name)).count();
    Ok(Left {
        users: row.get(0),
        documents: row.get(1),
        places: row.get(2),
        collections: i64::try_from(collections)?,
        vectors: row.get(3),
    })
}

/// What killed validations left, by the time in its name.
async fn sweep(app: &App) -> Result<()> {
    const NAMES: &str = "select name from users where starts_with(name, $1) and password_hash = $2
        union select file_name from documents where starts_with(file_name, $1)";
    let rows = app.db.get().await?.query(NAMES, &[&PREFIX, &NO_PASSWORD]).await?;
    let mut names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    // Without Chroma nothing of it can be swept; the check of Chroma says so.
    let collections = app.chroma()?.collections().await.unwrap_or_default();
    names.extend(collections.into_iter().map(|collection| collection.name));
    for name in &names {
        let Some(mark) = name.strip_prefix(PREFIX) else { continue };
        if began(mark).is_some_and(|began| began + KILLED_AFTER_S < app.now_s()) {
            // A file's name goes on after the mark.
            let mark: String = mark.chars().take_while(char::is_ascii_alphanumeric).collect();
            remove(app, &named(&mark)).await?;
        }
    }
    Ok(())
}

/// When the validation of a mark began: seconds since 1970, then an `x` and random letters.
fn began(mark: &str) -> Option<i64> {
    mark.split_once('x')?.0.parse().ok()
}

/// Which administrators have one of the default passwords; an error names them.
pub(super) async fn default_passwords(app: &App) -> Result<String> {
    const ADMINS: &str = "select name, password_hash from users where role = 'admin' and disabled_at is null order by created_at limit $1";
    app.db.prepare().await?;
    let rows = app.db.get().await?.query(ADMINS, &[&ADMINS_MAX]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let (name, hash): (String, String) = (row.get(0), row.get(1));
        let tries = DEFAULTS.iter().map(|word| (*word).to_owned()).chain([name.clone()]);
        let tries = tries.map(|word| app.passwords.verify(word, Some(hash.clone())));
        if futures_util::future::try_join_all(tries).await?.contains(&true) {
            found.push(name);
        }
    }
    ensure!(found.is_empty(), "the administrator {} has a password that everybody tries first", found.join(", "));
    Ok(format!("{} administrators, {} passwords tried on each", rows.len(), DEFAULTS.len() + 1))
}

async fn record(app: &App, name: &str, outcome: &str) {
    let origin = Origin { request_id: Arc::from("tars-validate"), address: Ipv4Addr::LOCALHOST.into() };
    audit::record(app, &origin, Who::Stranger("(operator)"), "validate", name, outcome).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_when_it_was_made() {
        assert_eq!(began("1795290000xa1b2"), Some(1_795_290_000));
        assert_eq!(began("a1b2"), None);
        assert_eq!(began("1795290000xa1b2.md"), Some(1_795_290_000));
    }
}
