//! Extractors whose refusals are problems: bodies that take no unknown field (`#[serde(deny_unknown_fields)]` at the
//! type), path and query values, and where a request comes from.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A body of a megabyte at most is here by then.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// A JSON body, in and out.
#[derive(Clone, Debug)]
pub(crate) struct Json<T>(pub T);

/// The query's values.
#[derive(Clone, Debug)]
pub(crate) struct Query<T>(pub T);

/// The path's values.
#[derive(Clone, Debug)]
pub(crate) struct Path<T>(pub T);

/// Where a request comes from; the audit and the log name it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The request's id.
    pub request_id: Arc<str>,
    /// The client's address, seen through trusted proxies.
    pub address: IpAddr,
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let nobody = || Self { request_id: Arc::from(""), address: Ipv4Addr::UNSPECIFIED.into() };
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(nobody))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send the body as Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
        }
        let bytes = body(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// The whole body, within the path's limit.
pub(crate) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let read = within(Bytes::from_request(request, state)).await?;
    read.map_err(|rejection: BytesRejection| Problem::of(rejection.status()))
}

/// Reads a body, but not for ever: the frame gives some paths as long as a model writes.
pub(crate) async fn within<T>(read: impl Future<Output = T>) -> Result<T, Problem> {
    let slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the request's body does not come to its end");
    tokio::time::timeout(BODY_WITHIN, read).await.map_err(slow)
}

/// A JSON text as `T`. The parser's words name places and fields; values are left out.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            format!("the body does not fit: {}", words(&error)),
        ),
        _ => Problem::bad_request(format!("the body is not JSON (line {}, column {})", error.line(), error.column())),
    })
}

// serde quotes what it was given only between quotation marks or backticks after "invalid …:".
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("invalid ") {
        let wanted = text.split(", expected ").nth(1).unwrap_or("something else");
        return format!("a value is of the wrong kind, expected {wanted}");
    }
    text.chars().take(300).collect()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "a value in the query is unknown or of the wrong kind",
            )),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found("thing: its id in the path is none")),
        }
    }
}
