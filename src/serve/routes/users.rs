//! `/users`: for administrators who signed in by password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::accounts::users::{self, Account, PasswordFrom};
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::{AdminPerson, Role, User, password};
use crate::extract::{Json, Origin, Path};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, change, remove)).routes(routes!(set_password))
}

/// A user to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// Letters, digits and `. _ @ -`; unique, whatever its case.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
    name: String,
    /// `user`, if missing.
    role: Option<Role>,
    /// Made and shown once, if missing.
    #[schema(min_length = 10, max_length = 256)]
    password: Option<String>,
}

/// What may be changed of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Another role.
    role: Option<Role>,
    /// Keep them out (and sign them out at once), or let them in again.
    disabled: Option<bool>,
}

/// A new password for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// Made and shown once, if missing.
    #[schema(min_length = 10, max_length = 256)]
    password: Option<String>,
}

/// A user who was added.
#[derive(Serialize, ToSchema)]
struct Added {
    #[serde(flatten)]
    user: Account,
    /// The password that was made for them. It cannot be seen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// The password that was made, if none was given.
#[derive(Serialize, ToSchema)]
struct Password {
    /// It cannot be seen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// All users.
#[derive(Serialize, ToSchema)]
struct Users {
    users: Vec<Account>,
}

/// All users
#[utoipa::path(get, path = "/users", tag = "who", security(("bearer" = [])), responses((status = 200, body = Users)))]
async fn list(State(app): State<App>, _admin: AdminPerson) -> Result<Json<Users>, Problem> {
    let users = users::list(&app.db.get().await?).await?;
    Ok(Json(Users { users }))
}

/// Add a user
#[utoipa::path(post, path = "/users", tag = "who", security(("bearer" = [])), request_body = NewUser,
    responses((status = 201, body = Added)))]
async fn add(
    State(app): State<App>,
    origin: Origin,
    AdminPerson(admin): AdminPerson,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    users::check_name("name", &new.name)?;
    let (given, made, from) = given_or_made(new.password, &new.name)?;
    let hash = app.passwords.hash(given).await?;
    let role = new.role.unwrap_or(Role::User);
    let user = users::add(&app.db.get().await?, &new.name, role, &hash, from).await?;
    note(&app, &origin, &admin, "user.add", &user.name).await;
    Ok((StatusCode::CREATED, Json(Added { user, password: made })))
}

/// One user
#[utoipa::path(get, path = "/users/{id}", tag = "who", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The user's id")), responses((status = 200, body = Account)))]
async fn show(State(app): State<App>, _admin: AdminPerson, Path(id): Path<Uuid>) -> Result<Json<Account>, Problem> {
    Ok(Json(users::by_id(&app.db.get().await?, id).await?))
}

/// Change a user's role, keep them out, or let them in again
#[utoipa::path(patch, path = "/users/{id}", tag = "who", security(("bearer" = [])), request_body = Change,
    params(("id" = Uuid, Path, description = "The user's id")), responses((status = 200, body = Account)))]
async fn change(
    State(app): State<App>,
    origin: Origin,
    AdminPerson(admin): AdminPerson,
    Path(id): Path<Uuid>,
    Json(change): Json<Change>,
) -> Result<Json<Account>, Problem> {
    let (before, user) = users::change(&mut app.db.get().await?, id, change.role, change.disabled).await?;
    // A line for each change that there was.
    if user.role != before.role {
        audit::record(&app, &origin, Who::User(&admin), "user.role", &user.name, user.role.name()).await;
    }
    if user.disabled != before.disabled {
        let action = if user.disabled { "user.disable" } else { "user.enable" };
        note(&app, &origin, &admin, action, &user.name).await;
    }
    Ok(Json(user))
}

/// Give somebody a new password; all their sessions end
#[utoipa::path(post, path = "/users/{id}/password", tag = "who", security(("bearer" = [])), request_body = NewPassword,
    params(("id" = Uuid, Path, description = "The user's id")), responses((status = 200, body = Password)))]
async fn set_password(
    State(app): State<App>,
    origin: Origin,
    AdminPerson(admin): AdminPerson,
    Path(id): Path<Uuid>,
    Json(new): Json<NewPassword>,
) -> Result<Json<Password>, Problem> {
    let user = users::by_id(&app.db.get().await?, id).await?;
    let (given, made, from) = given_or_made(new.password, &user.name)?;
    let hash = app.passwords.hash(given).await?;
    users::set_password(&mut app.db.get().await?, id, &hash, from, None).await?;
    note(&app, &origin, &admin, "user.password", &user.name).await;
    Ok(Json(Password { password: made }))
}

/// Remove a user with their sessions, keys and conversations; documents stay
#[utoipa::path(delete, path = "/users/{id}", tag = "who", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The user's id")), responses((status = 204, description = "Removed")))]
async fn remove(
    State(app): State<App>,
    origin: Origin,
    AdminPerson(admin): AdminPerson,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let user = users::remove(&mut app.db.get().await?, id).await?;
    note(&app, &origin, &admin, "user.remove", &user.name).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The password to store, what to show of it, and where it comes from.
fn given_or_made(given: Option<String>, name: &str) -> Result<(String, Option<String>, PasswordFrom), Problem> {
    if let Some(given) = given {
        return password::check("password", &given, name).map(|()| (given, None, PasswordFrom::Own));
    }
    let made = password::generate();
    Ok((made.clone(), Some(made), PasswordFrom::Made))
}

async fn note(app: &App, origin: &Origin, admin: &User, action: &'static str, object: &str) {
    audit::record(app, origin, Who::User(admin), action, object, "ok").await;
}
