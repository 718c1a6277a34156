//! `GET /health`: the process lives. Asks no store, so a store's trouble never restarts the backend.

use jiff::{Timestamp, Unit};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::client::api::Health;
use crate::extract::Json;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health))
}

/// The process lives; says nothing about its stores
#[utoipa::path(get, path = "/health", tag = "operate", responses((status = 200, body = Health)))]
async fn health() -> Json<Health> {
    let now = Timestamp::now();
    Json(Health {
        status: "healthy".to_owned(),
        service: "tars".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        timestamp: now.round(Unit::Millisecond).unwrap_or(now).to_string(),
    })
}
