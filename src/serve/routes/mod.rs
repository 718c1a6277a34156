//! The paths that are answered, and what stands round them. Each file holds one group and hands over its routes.

mod about;
mod auth;
mod docs;
mod health;
mod openapi;
mod ops;
mod page;
mod rag;
mod rag_state;
pub(super) mod ready;
mod users;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, header};
use axum::{Extension, Router, middleware};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::app::App;
use super::frame;
use super::limit;
use super::problem::Problem;

/// The largest body of an ordinary request.
const BODY_MAX_BYTES: usize = 1 << 20;

/// The whole API.
pub(super) fn router(app: &App) -> Router {
    let ordinary = ordinary().layer(middleware::from_fn(frame::deadline));
    let (router, document) =
        OpenApiRouter::with_openapi(openapi::Document::openapi()).merge(ordinary).merge(unhurried()).split_for_parts();
    router
        .layer(Extension(openapi::Text::of(document)))
        .fallback(async || Problem::of(axum::http::StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || Problem::of(axum::http::StatusCode::METHOD_NOT_ALLOWED))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), limit::limit))
        .layer(middleware::from_fn_with_state(app.clone(), frame::who))
        .layer(cors(app))
        .layer(middleware::from_fn_with_state(app.clone(), frame::frame))
        .with_state(app.clone())
}

/// What is answered within the frame's deadline.
fn ordinary() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(about::routes())
        .merge(health::routes())
        .merge(ready::routes())
        .merge(openapi::routes())
        .merge(rag::routes())
        .merge(auth::routes())
        .merge(users::routes())
        .merge(rag_state::routes())
        .merge(ops::routes())
        .merge(docs::routes())
        .merge(page::routes())
}

/// Uploads and streams: no deadline of the frame, so that each sees to its own.
fn unhurried() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(rag::streams())
}

/// Browsers are let in from the configured origins only; with none, no header is sent at all. No cookies are used.
fn cors(app: &App) -> CorsLayer {
    let origins = app.config.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(&origin.0).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([header::RETRY_AFTER, frame::REQUEST_ID])
        .max_age(std::time::Duration::from_mins(10))
}
