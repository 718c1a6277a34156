//! The paths that are answered, and the answer to all others.

mod about;
mod health;
mod ready;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::json;

use super::frame::frame;
use super::stores::Stores;

/// What every handler may use.
#[derive(Clone)]
pub(super) struct App {
    stores: Arc<Stores>,
    mode: &'static str,
}

/// An error as the API says it: `{"error": NAME, "message": TEXT}`.
pub(super) struct Problem(pub StatusCode, pub &'static str, pub &'static str);

/// The whole API.
pub(super) fn router(stores: Arc<Stores>, mode: &'static str) -> Router {
    Router::new()
        .route("/", get(about::about))
        .route("/health", get(health::health))
        .route("/ready", get(ready::ready))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn(frame))
        .with_state(App { stores, mode })
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, error, message) = self;
        (status, Json(json!({ "error": error, "message": message }))).into_response()
    }
}

async fn not_found() -> Problem {
    Problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path; GET / lists what there is")
}

async fn not_allowed() -> Problem {
    Problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take that method")
}
