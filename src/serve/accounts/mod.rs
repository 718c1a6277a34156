//! Users, sessions and keys in the database. Routes, the first start and `tars user` come here; nobody else writes
//! these tables.

use anyhow::Result;

use crate::app::App;
use crate::auth::password;
use crate::db::Connection;

pub(crate) mod errand;
pub(crate) mod keys;
pub(crate) mod sessions;
pub(crate) mod users;

/// The administrator of the env file, if there is no user at all yet. From then on the database is right.
///
/// # Errors
/// When Postgres does not answer. A name or password that cannot be taken is logged, not an error: the API goes on.
pub(crate) async fn first_admin(app: &App, client: &Connection) -> Result<()> {
    let (name, secret) = (app.config.admin_user.as_str(), app.config.admin_password.expose());
    if secret.is_empty() {
        return Ok(());
    }
    if users::any(client).await? {
        return Ok(());
    }
    if let Err(problem) =
        users::check_name("TARS_ADMIN_USER", name).and_then(|()| password::check("TARS_ADMIN_PASSWORD", secret, name))
    {
        tracing::error!(why = %problem, "there is no administrator: run tars user add --admin NAME");
        return Ok(());
    }
    let hash = app.passwords.hash(secret.to_owned()).await?;
    users::insert_first(client, name, &hash).await
}

/// Removes sessions that cannot be used any more.
///
/// # Errors
/// When Postgres does not answer.
pub(crate) async fn forget_sessions(app: &App) -> Result<()> {
    app.db.get().await?.execute("delete from sessions where expires_at < now()", &[]).await?;
    Ok(())
}
