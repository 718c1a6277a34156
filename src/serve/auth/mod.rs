//! Who asks: a bearer token of a sign-in, or an API key. Everything a handler needs to say who may.
//!
//! The middleware finds out once per request ([`identify`]); a handler takes [`User`], [`Admin`] or [`Person`] as an
//! argument and so cannot forget to ask. The database is asked every time: who was disabled or signed out is so at once.

pub(crate) mod key;
pub(crate) mod password;
pub(crate) mod token;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::problem::Problem;
use token::Use;

/// What a user may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Everything, users and operation included.
    Admin,
    /// Documents, questions, and their own account.
    User,
}

impl Role {
    /// As the database and the API write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// Reads [`Role::name`].
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Admin, Self::User].into_iter().find(|role| role.name() == name)
    }
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// Signed in by password; the session.
    Session(Uuid),
    /// An API key; its id.
    Key(Uuid),
}

/// Somebody who is signed in, by a person or by a key: any handler that takes this answers 401 to all others.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// Stays the same for good.
    pub id: Uuid,
    /// As it was registered.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// How they proved it.
    pub via: Via,
}

/// An administrator; 403 to others.
#[derive(Clone, Debug)]
pub(crate) struct Admin(pub User);

/// Somebody who signed in by password: accounts and keys are not for keys. 403 to others.
#[derive(Clone, Debug)]
pub(crate) struct Person(pub User);

/// An administrator who signed in by password; 403 to others.
#[derive(Clone, Debug)]
pub(crate) struct AdminPerson(pub User);

/// What the middleware found out.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Nothing was sent.
    Nobody,
    /// What was sent is good.
    Somebody(User),
    /// What was sent is not good, or cannot be looked at now.
    Refused(Problem),
}

impl User {
    /// Whether they are an administrator.
    pub(crate) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Somebody(user)) => Ok(user.clone()),
            Some(Caller::Refused(problem)) => Err(problem.clone()),
            Some(Caller::Nobody) | None => {
                Err(Problem::unauthorized("sign in at POST /auth/token and send Authorization: Bearer TOKEN"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = User::from_request_parts(parts, state).await?;
        if user.is_admin() { Ok(Self(user)) } else { Err(Problem::forbidden("this is for administrators")) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = User::from_request_parts(parts, state).await?;
        match user.via {
            Via::Session(_) => Ok(Self(user)),
            Via::Key(_) => Err(Problem::forbidden("an API key cannot do this: sign in with the password")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AdminPerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Person(user) = Person::from_request_parts(parts, state).await?;
        if user.is_admin() { Ok(Self(user)) } else { Err(Problem::forbidden("this is for administrators")) }
    }
}

/// The API key in these headers, if there is one.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(header::AUTHORIZATION)?.to_str().ok()?).filter(|sent| key::looks_like_one(sent))
}

/// Who sends these headers.
pub(crate) async fn identify(app: &App, headers: &HeaderMap) -> Caller {
    let Some(sent) = headers.get(header::AUTHORIZATION) else { return Caller::Nobody };
    let refused =
        || Caller::Refused(Problem::unauthorized("the token is not good any more, or never was: sign in again"));
    let Some(credential) = sent.to_str().ok().and_then(bearer) else { return refused() };
    let found = if key::looks_like_one(credential) {
        key::owner(app, credential).await
    } else {
        match app.tokens.read(credential, Use::Access) {
            Some(claims) => session_user(app, claims.sid, claims.sub).await,
            None => Ok(None),
        }
    };
    match found {
        Ok(Some(user)) => Caller::Somebody(user),
        Ok(None) => refused(),
        Err(problem) => Caller::Refused(problem),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential.trim())
}

/// The user of a session that still stands.
async fn session_user(app: &App, session: Uuid, user: Uuid) -> Result<Option<User>, Problem> {
    const ASK: &str = "select u.name, u.role from sessions s join users u on u.id = s.user_id
        where s.id = $1 and u.id = $2 and s.expires_at > now() and u.disabled_at is null";
    let connection = app.db.get().await?;
    let ask = connection.prepare_cached(ASK).await?;
    let row = connection.query_opt(&ask, &[&session, &user]).await?;
    Ok(row.and_then(|row| {
        Some(User { id: user, name: row.get(0), role: Role::named(row.get(1))?, via: Via::Session(session) })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_is_taken() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        for odd in ["abc", "Basic abc", "Bearer", ""] {
            assert_eq!(bearer(odd), None, "{odd}");
        }
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in [Role::Admin, Role::User] {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("root"), None);
    }
}
