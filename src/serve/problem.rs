//! Errors as the API says them: `application/problem+json` (RFC 9457), each with the request's id.
//!
//! A handler returns a [`Problem`]; the frame adds the id. What a store says goes to the log, never to the client:
//! Postgres quotes values in its messages.

use std::borrow::Cow;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What every error's `type` begins with.
const KIND_PREFIX: &str = "urn:tars:problem:";
/// The media type.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error that a client is told about.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The short name behind `urn:tars:problem:`.
    pub kind: &'static str,
    /// What is wrong this time, and what to do; no secret and no text of a document in it.
    pub detail: Cow<'static, str>,
    /// For 429 and 503: when it is worth another try.
    pub retry_after_s: Option<u64>,
    /// Which parts of the request are wrong.
    pub fields: Vec<FieldProblem>,
}

/// One wrong part of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Its name.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The body of an error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// `urn:tars:problem:` and a short name that stays the same.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time, and what to do.
    detail: &'a str,
    /// The request's id, which the log has too.
    request_id: &'a str,
    /// Which parts of the request are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
}

impl Problem {
    /// The kind that tells the frame: the tables are gone, look at the schema again.
    pub(super) const NO_SCHEMA: &str = "no-schema";

    /// Any problem.
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, kind, detail: detail.into(), retry_after_s: None, fields: Vec::new() }
    }

    /// 400: the request cannot be read.
    pub(crate) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// 401: nobody is signed in, or not with what was sent.
    pub(crate) fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403: signed in, but not permitted.
    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: there is no such thing, or it is somebody else's.
    pub(crate) fn not_found(what: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what}"))
    }

    /// 409: it contradicts what is there.
    pub(crate) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 422: the request can be read, but a value in it cannot be meant.
    pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let said = format!("{field}: {detail}");
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", said);
        problem.fields.push(FieldProblem { field: field.to_owned(), detail });
        problem
    }

    /// 429: too many requests.
    pub(crate) fn too_many(retry_after_s: u64, detail: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail);
        problem.retry_after_s = Some(retry_after_s.max(1));
        problem
    }

    /// 503: something that is needed does not answer now.
    pub(crate) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after_s = Some(5);
        problem
    }

    /// 413: more than this path takes.
    pub(crate) fn of_too_large() -> Self {
        Self::of(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// 500: a fault of ours; the log has the cause.
    pub(crate) fn internal() -> Self {
        let detail = "something went wrong; the log has it under this request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", detail)
    }

    /// What a bare status means, for answers that no handler of ours has made.
    pub(super) fn of(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::BAD_REQUEST => ("bad-request", "the request cannot be read"),
            StatusCode::NOT_FOUND => {
                ("not-found", "there is nothing at this path; GET /openapi.json lists what there is")
            }
            StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this path does not take that method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the request's body is larger than this path takes"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported-media-type", "this path does not take that Content-Type")
            }
            StatusCode::UNPROCESSABLE_ENTITY => ("invalid", "a value in the request cannot be meant"),
            _ if status.is_client_error() => ("bad-request", "the request was refused"),
            _ => return Self { status, ..Self::internal() },
        };
        Self::new(status, kind, detail)
    }

    /// The answer, with the request's id in it.
    pub(super) fn respond(&self, request_id: &str) -> Response {
        let body = Body {
            kind: format!("{KIND_PREFIX}{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            request_id,
            errors: &self.fields,
        };
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], bytes).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

/// The frame finds the problem in the extensions and writes the body, since it knows the request's id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a database error means to a client; its own words go to the log, without the values that it quotes.
impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            tracing::warn!(error = %error, "Postgres was lost");
            return Self::unavailable("the database does not answer");
        };
        let code = said.code().code();
        let at = said.constraint().or(said.table()).unwrap_or_default();
        match &code[..2] {
            // Connection, resources, operator intervention, transaction rollback.
            "08" | "40" | "53" | "57" => {
                tracing::warn!(code, message = said.message(), "Postgres refused");
                Self::unavailable("the database cannot answer now")
            }
            "22" => {
                tracing::info!(code, "Postgres cannot hold a value");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "a value cannot be stored as it is")
            }
            // A restore behind our back: the frame has the schema looked at again.
            "42" if code == "42P01" => {
                tracing::error!(at, message = said.message(), "a table is not there");
                let mut problem = Self::unavailable("the database is being prepared");
                problem.kind = Self::NO_SCHEMA;
                problem
            }
            "23" if code == "23505" => Self::conflict("this exists already"),
            _ => {
                tracing::error!(code, at, "Postgres refused a statement");
                Self::internal()
            }
        }
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>().or_else(|error| error.downcast::<tokio_postgres::Error>().map(Self::from)) {
            Ok(problem) => problem,
            Err(error) => {
                tracing::error!(error = tars_base::error::causes_of(&error).join(": "), "a request failed");
                Self::internal()
            }
        }
    }
}
