//! One's own account: who am I, sign out, change the password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::accounts::sessions;
use crate::accounts::users::{self, PasswordFrom};
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::password::{self, MAX_CHARS};
use crate::auth::{Person, Role, User, Via};
use crate::extract::{Json, Origin, Query};
use crate::limit;
use crate::problem::Problem;

/// Who is asking.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    id: Uuid,
    name: String,
    role: Role,
    /// `password` or `key`.
    signed_in_by: &'static str,
    /// `own`, `made` (shown once by an administrator) or `first` (of the env file): the latter two should be changed.
    password_from: String,
}

/// How to sign out.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Logout {
    /// End all of one's sessions, not only this one.
    #[serde(default)]
    everywhere: bool,
}

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    /// The one that is good now.
    #[schema(max_length = 256)]
    current_password: String,
    /// The one that shall be; not the user's name, not one character repeated.
    #[schema(min_length = 10, max_length = 256)]
    new_password: String,
}

/// Who is asking
#[utoipa::path(get, path = "/auth/me", tag = "who", security(("bearer" = [])), responses((status = 200, body = Me)))]
pub(super) async fn me(State(app): State<App>, user: User) -> Result<Json<Me>, Problem> {
    let signed_in_by = match user.via {
        Via::Session(_) => "password",
        Via::Key(_) => "key",
    };
    let account = users::by_id(&app.db.get().await?, user.id).await?;
    Ok(Json(Me { id: user.id, name: user.name, role: user.role, signed_in_by, password_from: account.password_from }))
}

/// Sign out: the session's tokens are good for nothing at once
#[utoipa::path(post, path = "/auth/logout", tag = "who", security(("bearer" = [])), params(Logout),
    responses((status = 204, description = "Signed out")))]
pub(super) async fn logout(
    State(app): State<App>,
    origin: Origin,
    Person(user): Person,
    Query(how): Query<Logout>,
) -> Result<StatusCode, Problem> {
    let session = session_of(&user).filter(|_| !how.everywhere);
    sessions::end(&app, user.id, session).await?;
    let object = if how.everywhere { "everywhere" } else { "" };
    audit::record(&app, &origin, Who::User(&user), "logout", object, "ok").await;
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's own password; all other sessions end
#[utoipa::path(post, path = "/auth/password", tag = "who", security(("bearer" = [])), request_body = ChangePassword,
    responses((status = 204, description = "Changed")))]
pub(super) async fn change_password(
    State(app): State<App>,
    origin: Origin,
    Person(user): Person,
    Json(sent): Json<ChangePassword>,
) -> Result<StatusCode, Problem> {
    // A stolen session must not be a way to guess the password.
    limit::sign_in(&app, &origin, &user.name).await?;
    password::check("new_password", &sent.new_password, &user.name)?;
    if sent.current_password.chars().count() > MAX_CHARS {
        return Err(Problem::invalid("current_password", "is longer than any password"));
    }
    let stored = users::hash_of(&app.db.get().await?, user.id).await?;
    if !app.passwords.verify(sent.current_password, Some(stored)).await? {
        audit::record(&app, &origin, Who::User(&user), "user.password", &user.name, "wrong-password").await;
        return Err(Problem::forbidden("the current password is wrong"));
    }
    let hash = app.passwords.hash(sent.new_password).await?;
    users::set_password(&mut app.db.get().await?, user.id, &hash, PasswordFrom::Own, session_of(&user)).await?;
    audit::record(&app, &origin, Who::User(&user), "user.password", &user.name, "ok").await;
    Ok(StatusCode::NO_CONTENT)
}

fn session_of(user: &User) -> Option<Uuid> {
    match user.via {
        Via::Session(id) => Some(id),
        Via::Key(_) => None,
    }
}
