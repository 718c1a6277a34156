//! `POST /auth/token` and `/auth/refresh`: a name and a password, or a refresh token, for a pair of tokens.
//!
//! The OAuth2 password form and JSON are both taken. A name that nobody has, a wrong password and a user who is kept out
//! get the same answer in the same time.

use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::sessions::{self, Pair, Refreshed};
use crate::accounts::users;
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::password::MAX_CHARS;
use crate::auth::token::{ACCESS_S, REFRESH_S, Use};
use crate::extract::{self, Json, Origin};
use crate::limit;
use crate::problem::Problem;

const FORM: &str = "application/x-www-form-urlencoded";
/// No token of ours is longer.
const TOKEN_MAX_CHARS: usize = 2048;

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// The user's name, whatever its case.
    #[schema(max_length = 64)]
    username: String,
    /// The password.
    #[schema(max_length = 256)]
    password: String,
}

/// The form of OAuth2 (RFC 6749, 4.3 and 6); parameters that are not listed are ignored, as that asks.
#[derive(Deserialize, ToSchema)]
pub(super) struct Form {
    /// `password` (also if missing) or `refresh_token`.
    grant_type: Option<String>,
    /// With `password`.
    username: Option<String>,
    /// With `password`.
    password: Option<String>,
    /// With `refresh_token`.
    refresh_token: Option<String>,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshToken {
    /// The last one that was given.
    #[schema(max_length = 2048)]
    refresh_token: String,
}

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// For `Authorization: Bearer …`.
    access_token: String,
    /// Good once, at `POST /auth/refresh`.
    refresh_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// Seconds that the access token is good.
    expires_in: i64,
    /// Seconds that the refresh token is good.
    refresh_expires_in: i64,
}

/// What was asked for, in either form.
enum Grant {
    Password(Credentials),
    Refresh(String),
}

/// Sign in: by the OAuth2 password form or by JSON
#[utoipa::path(post, path = "/auth/token", tag = "who",
    request_body(content((Credentials = "application/json"), (Form = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Tokens)))]
pub(super) async fn token(State(app): State<App>, origin: Origin, request: Request) -> Result<Json<Tokens>, Problem> {
    match grant(request, &app).await? {
        Grant::Password(credentials) => sign_in(&app, &origin, credentials).await,
        Grant::Refresh(token) => exchange(&app, &origin, &token).await,
    }
}

/// The next pair of tokens; a refresh token that is used twice ends the session
#[utoipa::path(post, path = "/auth/refresh", tag = "who", request_body = RefreshToken,
    responses((status = 200, body = Tokens)))]
pub(super) async fn refresh(
    State(app): State<App>,
    origin: Origin,
    Json(sent): Json<RefreshToken>,
) -> Result<Json<Tokens>, Problem> {
    exchange(&app, &origin, &sent.refresh_token).await
}

async fn grant(request: Request, app: &App) -> Result<Grant, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with(FORM) {
        let Json(credentials) = Json::<Credentials>::from_request(request, app).await?;
        return Ok(Grant::Password(credentials));
    }
    let axum::extract::Form(form) = extract::within(axum::extract::Form::<Form>::from_request(request, app))
        .await?
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::of_too_large(),
            _ => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "the form does not fit"),
        })?;
    let missing = |field| Problem::invalid(field, "is missing");
    match form.grant_type.as_deref() {
        None | Some("" | "password") => Ok(Grant::Password(Credentials {
            username: form.username.ok_or_else(|| missing("username"))?,
            password: form.password.ok_or_else(|| missing("password"))?,
        })),
        Some("refresh_token") => Ok(Grant::Refresh(form.refresh_token.ok_or_else(|| missing("refresh_token"))?)),
        Some(_) => Err(Problem::invalid("grant_type", "is neither password nor refresh_token")),
    }
}

async fn sign_in(app: &App, origin: &Origin, sent: Credentials) -> Result<Json<Tokens>, Problem> {
    limit::sign_in(app, origin, &sent.username).await?;
    // Neither can be right; both would cost.
    let possible = users::check_name("username", &sent.username).is_ok() && sent.password.chars().count() <= MAX_CHARS;
    if !possible {
        return Err(refuse(app, origin, Who::Stranger("(unknown)"), "unknown").await);
    }
    let found = users::for_sign_in(&app.db.get().await?, &sent.username).await?;
    let stored = found.as_ref().map(|user| user.hash.clone());
    let right = app.passwords.verify(sent.password, stored).await?;
    let user = match found {
        Some(user) if right && !user.disabled => user,
        Some(user) => {
            let outcome = if right { "disabled" } else { "wrong-password" };
            return Err(refuse(app, origin, Who::Known(user.id, &user.name), outcome).await);
        }
        // The name itself is not kept: people type passwords into the wrong field.
        None => return Err(refuse(app, origin, Who::Stranger("(unknown)"), "unknown").await),
    };
    let pair = sessions::begin(app, user.id, origin.address).await?;
    audit::record(app, origin, Who::Known(user.id, &user.name), "login", "", "ok").await;
    Ok(tokens(pair))
}

async fn refuse(app: &App, origin: &Origin, who: Who<'_>, outcome: &str) -> Problem {
    app.metrics.http.sign_in_failures.inc();
    audit::record(app, origin, who, "login", "", outcome).await;
    Problem::unauthorized("the name or the password is wrong")
}

async fn exchange(app: &App, origin: &Origin, token: &str) -> Result<Json<Tokens>, Problem> {
    let refused = || Problem::unauthorized("this refresh token is not good any more, or never was: sign in again");
    if token.len() > TOKEN_MAX_CHARS {
        return Err(refused());
    }
    let claims = app.tokens.read(token, Use::Refresh).ok_or_else(refused)?;
    match sessions::refresh(app, &claims).await? {
        Refreshed::Next(pair) => Ok(tokens(pair)),
        Refreshed::Reused(id, name) => {
            audit::record(app, origin, Who::Known(id, &name), "session.end", "", "refresh-token-reused").await;
            Err(refused())
        }
        Refreshed::Ended => Err(refused()),
    }
}

fn tokens(pair: Pair) -> Json<Tokens> {
    Json(Tokens {
        access_token: pair.access,
        refresh_token: pair.refresh,
        token_type: "bearer",
        expires_in: ACCESS_S,
        refresh_expires_in: REFRESH_S,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[tokio::test]
    async fn a_form_is_taken_as_it_was_sent() {
        let app = App::new(crate::config::Config::from_lookup(|_| None).unwrap());
        for (sent, password) in [("ab%23cd", "ab#cd"), ("ab#cd", "ab#cd"), ("<a b>+c%2B", "<a b> c+")] {
            let request = axum::http::Request::post("/auth/token").header(header::CONTENT_TYPE, FORM);
            let request = request.body(Body::from(format!("username=x&password={sent}"))).unwrap();
            let Ok(Grant::Password(given)) = grant(request, &app).await else { panic!("{sent} is refused") };
            assert_eq!(given.password, password);
        }
    }
}
