//! `GET /health`: the process lives. Asks no store, so a store's trouble never restarts the backend.

use axum::Json;
use jiff::{Timestamp, Unit};

use crate::client::api::Health;

pub(super) async fn health() -> Json<Health> {
    let now = Timestamp::now();
    Json(Health {
        status: "healthy".to_owned(),
        service: "tars".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        timestamp: now.round(Unit::Millisecond).unwrap_or(now).to_string(),
    })
}
