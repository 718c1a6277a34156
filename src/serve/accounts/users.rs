//! The table of users. Statements take a connection or a transaction; whoever calls writes the audit.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Role;
use crate::db::Connection;
use crate::problem::Problem;

/// The longest name.
pub(crate) const NAME_MAX_CHARS: usize = 64;

const COLUMNS: &str = "id, name, role, disabled_at is not null as disabled, created_at, signed_in_at, password_from";

/// A user as the API shows one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Stays the same for good.
    pub id: Uuid,
    /// Unique, whatever its case.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// Whether they are kept out.
    pub disabled: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in by password.
    pub signed_in_at: Option<Timestamp>,
    /// `own`: they chose it; `made`: it was made for them and shown once; `first`: it stood in the env file.
    pub password_from: String,
}

/// Where a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordFrom {
    /// Chosen by its user.
    Own,
    /// Made for them and shown once: the page asks for one of their own.
    Made,
    /// The env file's, at the first start.
    First,
}

impl PasswordFrom {
    const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Made => "made",
            Self::First => "first",
        }
    }
}

/// What a sign-in needs to know.
pub(crate) struct SignIn {
    /// The user.
    pub id: Uuid,
    /// As it was registered.
    pub name: String,
    /// The stored password.
    pub hash: String,
    /// Whether they are kept out.
    pub disabled: bool,
}

impl Account {
    fn of(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            // The table's own check admits no other; an unknown one may the least.
            role: Role::named(row.get("role")).unwrap_or(Role::User),
            disabled: row.get("disabled"),
            created_at: row.get("created_at"),
            signed_in_at: row.get("signed_in_at"),
            password_from: row.get("password_from"),
        }
    }
}

/// Whether there is any user.
pub(crate) async fn any(client: &Connection) -> anyhow::Result<bool> {
    Ok(client.query_opt("select 1 from users limit 1", &[]).await?.is_some())
}

/// The first administrator, unless somebody else was faster.
pub(crate) async fn insert_first(client: &Connection, name: &str, hash: &str) -> anyhow::Result<()> {
    const INSERT: &str = "insert into users (id, name, role, password_hash, password_from)
        select $1, $2, $3, $4, $5 where not exists (select from users)";
    let from = PasswordFrom::First.name();
    let made = client.execute(INSERT, &[&Uuid::now_v7(), &name, &Role::Admin.name(), &hash, &from]).await?;
    if made > 0 {
        tracing::info!("the administrator of the env file was made");
    }
    Ok(())
}

/// Adds one.
///
/// # Errors
/// 409 when somebody has the name.
pub(crate) async fn add(
    client: &Connection,
    name: &str,
    role: Role,
    hash: &str,
    from: PasswordFrom,
) -> Result<Account, Problem> {
    let insert = format!(
        "insert into users (id, name, role, password_hash, password_from) values ($1, $2, $3, $4, $5) returning {COLUMNS}"
    );
    let added = client.query_one(&insert, &[&Uuid::now_v7(), &name, &role.name(), &hash, &from.name()]).await;
    match added {
        Ok(row) => Ok(Account::of(&row)),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            Err(Problem::conflict("a user of this name exists already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// All of them, by name.
pub(crate) async fn list(client: &Connection) -> Result<Vec<Account>, Problem> {
    let rows = client.query(&format!("select {COLUMNS} from users order by lower(name)"), &[]).await?;
    Ok(rows.iter().map(Account::of).collect())
}

/// One by id.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn by_id(client: &impl GenericClient, id: Uuid) -> Result<Account, Problem> {
    let row = client.query_opt(&format!("select {COLUMNS} from users where id = $1"), &[&id]).await?;
    row.as_ref().map(Account::of).ok_or_else(|| Problem::not_found("user"))
}

/// One by name, whatever its case.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn by_name(client: &Connection, name: &str) -> Result<Account, Problem> {
    let ask = format!("select {COLUMNS} from users where lower(name) = lower($1)");
    let row = client.query_opt(&ask, &[&name]).await?;
    row.as_ref().map(Account::of).ok_or_else(|| Problem::not_found("user"))
}

/// What a sign-in needs; `None` for a name that nobody has.
pub(crate) async fn for_sign_in(client: &Connection, name: &str) -> Result<Option<SignIn>, Problem> {
    const ASK: &str =
        "select id, name, password_hash, disabled_at is not null from users where lower(name) = lower($1)";
    let row = client.query_opt(ASK, &[&name]).await?;
    Ok(row.map(|row| SignIn { id: row.get(0), name: row.get(1), hash: row.get(2), disabled: row.get(3) }))
}

/// The stored password.
///
/// # Errors
/// 404 when there is no such user.
pub(crate) async fn hash_of(client: &Connection, id: Uuid) -> Result<String, Problem> {
    let row = client.query_opt("select password_hash from users where id = $1", &[&id]).await?;
    row.map(|row| row.get(0)).ok_or_else(|| Problem::not_found("user"))
}

/// Another role, or kept out, or let in again. Who is kept out is signed out at once. Answers what was before, and what is.
///
/// # Errors
/// 409 when no administrator would be left; 404 when there is no such user.
pub(crate) async fn change(
    client: &mut Connection,
    id: Uuid,
    role: Option<Role>,
    disabled: Option<bool>,
) -> Result<(Account, Account), Problem> {
    let transaction = client.transaction().await?;
    if role == Some(Role::User) || disabled == Some(true) {
        keep_an_admin(&transaction, id).await?;
    }
    transaction.query_opt("select 1 from users where id = $1 for update", &[&id]).await?;
    let before = by_id(&transaction, id).await?;
    if let Some(role) = role {
        transaction.execute("update users set role = $2 where id = $1", &[&id, &role.name()]).await?;
    }
    if let Some(disabled) = disabled {
        const SET: &str =
            "update users set disabled_at = case when $2 then coalesce(disabled_at, now()) end where id = $1";
        transaction.execute(SET, &[&id, &disabled]).await?;
        if disabled {
            transaction.execute("delete from sessions where user_id = $1", &[&id]).await?;
        }
    }
    let account = by_id(&transaction, id).await?;
    transaction.commit().await?;
    Ok((before, account))
}

/// A new password. All sessions end but `kept`, which is the one that asked.
///
/// # Errors
/// 404 when there is no such user.
pub(crate) async fn set_password(
    client: &mut Connection,
    id: Uuid,
    hash: &str,
    from: PasswordFrom,
    kept: Option<Uuid>,
) -> Result<(), Problem> {
    const SET: &str = "update users set password_hash = $2, password_from = $3 where id = $1";
    const END: &str = "delete from sessions where user_id = $1 and id is distinct from $2";
    let transaction = client.transaction().await?;
    if transaction.execute(SET, &[&id, &hash, &from.name()]).await? == 0 {
        return Err(Problem::not_found("user"));
    }
    transaction.execute(END, &[&id, &kept]).await?;
    transaction.commit().await?;
    Ok(())
}

/// Removes one with sessions, keys and conversations.
///
/// # Errors
/// 409 when no administrator would be left; 404 when there is no such user.
pub(crate) async fn remove(client: &mut Connection, id: Uuid) -> Result<Account, Problem> {
    let transaction = client.transaction().await?;
    keep_an_admin(&transaction, id).await?;
    let account = by_id(&transaction, id).await?;
    transaction.execute("delete from users where id = $1", &[&id]).await?;
    transaction.commit().await?;
    Ok(account)
}

// The rows are locked, so that two administrators cannot remove each other.
async fn keep_an_admin(client: &impl GenericClient, id: Uuid) -> Result<(), Problem> {
    const ASK: &str = "select id from users where role = 'admin' and disabled_at is null order by id for update";
    let admins: Vec<Uuid> = client.query(ASK, &[]).await?.iter().map(|row| row.get(0)).collect();
    if admins == [id] {
        return Err(Problem::conflict("this is the last administrator: make another one first"));
    }
    Ok(())
}

/// Whether a name can be taken: letters, digits and `. _ @ -`, beginning with a letter or digit.
///
/// # Errors
/// 422 with what is wrong with it.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Problem> {
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
    let begins = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if begins && name.len() <= NAME_MAX_CHARS && name.chars().all(usable) {
        return Ok(());
    }
    Err(Problem::invalid(
        field,
        "is no user name: up to 64 letters, digits and . _ @ -, beginning with a letter or a digit",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "Anna", "anna.b-c_d@example.org", "7"] {
            assert!(check_name("name", good).is_ok(), "{good}");
        }
        for odd in ["", "-a", "a b", "a\0", "<b>", "x'; drop table users", "ä", &"x".repeat(65)] {
            assert!(check_name("name", odd).is_err(), "{odd}");
        }
    }
}
