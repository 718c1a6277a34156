//! Sign-ins. A session has one refresh token at a time; an older one that comes back has been stolen by somebody, so
//! that the whole session ends.

use std::net::IpAddr;

use uuid::Uuid;

use crate::app::App;
use crate::auth::token::{self, Claims, Use};
use crate::problem::Problem;

/// The two tokens of a session.
pub(crate) struct Pair {
    /// For every request.
    pub access: String,
    /// For the next pair.
    pub refresh: String,
}

/// What came of a refresh token.
pub(crate) enum Refreshed {
    /// The next pair, and whose.
    Next(Pair),
    /// It was used before: the session of this user is ended.
    Reused(Uuid, String),
    /// The session has ended.
    Ended,
}

/// Begins a session.
pub(crate) async fn begin(app: &App, user: Uuid, address: IpAddr) -> Result<Pair, Problem> {
    const INSERT: &str = "with signed as (update users set signed_in_at = now() where id = $2)
        insert into sessions (id, user_id, refresh_id, expires_at, address)
        values ($1, $2, $3, now() + make_interval(secs => $4), $5)";
    let (session, refresh) = (Uuid::new_v4(), Uuid::new_v4());
    let connection = app.db.get().await?;
    let (good_for, address) = (good_for(), address.to_string());
    connection.execute(INSERT, &[&session, &user, &refresh, &good_for, &address]).await?;
    pair(app, user, session, refresh)
}

/// Takes a refresh token in exchange for the next pair.
pub(crate) async fn refresh(app: &App, claims: &Claims) -> Result<Refreshed, Problem> {
    // One statement, so that of two that come at once only one is first.
    const TURN: &str =
        "update sessions s set refresh_id = $3, used_at = now(), expires_at = now() + make_interval(secs => $4)
        from users u where u.id = s.user_id and s.id = $1 and s.refresh_id = $2
        and s.expires_at > now() and u.disabled_at is null";
    const END: &str =
        "delete from sessions s using users u where u.id = s.user_id and s.id = $1 and s.expires_at > now()
        returning u.id, u.name";
    let next = Uuid::new_v4();
    let connection = app.db.get().await?;
    if connection.execute(TURN, &[&claims.sid, &claims.jti, &next, &good_for()]).await? == 1 {
        return Ok(Refreshed::Next(pair(app, claims.sub, claims.sid, next)?));
    }
    let ended = connection.query_opt(END, &[&claims.sid]).await?;
    Ok(ended.map_or(Refreshed::Ended, |row| Refreshed::Reused(row.get(0), row.get(1))))
}

/// Ends one session, or with `None` all of a user.
pub(crate) async fn end(app: &App, user: Uuid, session: Option<Uuid>) -> Result<(), Problem> {
    const END: &str = "delete from sessions where user_id = $1 and ($2::uuid is null or id = $2)";
    app.db.get().await?.execute(END, &[&user, &session]).await?;
    Ok(())
}

fn pair(app: &App, user: Uuid, session: Uuid, refresh: Uuid) -> Result<Pair, Problem> {
    let make = |usage, id| {
        app.tokens.make(usage, user, session, id, app.now_s()).map_err(|error| {
            tracing::error!(%error, "a token could not be made");
            Problem::internal()
        })
    };
    Ok(Pair { access: make(Use::Access, Uuid::new_v4())?, refresh: make(Use::Refresh, refresh)? })
}

#[expect(clippy::cast_precision_loss, reason = "a week in seconds is exact")]
fn good_for() -> f64 {
    token::REFRESH_S as f64
}
