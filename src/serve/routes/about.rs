//! `GET /`: what this is, for whoever opens the port in a browser.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::App;

pub(super) async fn about(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "name": "tars",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": app.mode,
        "links": { "health": "/health", "ready": "/ready" },
    }))
}
