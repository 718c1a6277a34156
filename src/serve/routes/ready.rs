//! `GET /ready`: whether questions can be answered now, asked of every store. 503 only without a required one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::App;
use crate::client::api::{Ready, Verdict};

pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Ready>) {
    let report = app.stores.ready().await;
    let status = match report.status {
        Verdict::Ready | Verdict::Degraded => StatusCode::OK,
        Verdict::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}
