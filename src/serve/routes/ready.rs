//! `GET /ready`: whether questions can be answered now, asked of every store. 503 only without a required one.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::client::api::{CheckStatus, Ready, Verdict};
use crate::extract::Json;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ready))
}

/// Whether questions can be answered now, asked of every store
#[utoipa::path(get, path = "/ready", tag = "operate", responses(
    (status = 200, body = Ready, description = "Ready, or degraded by something that is not required"),
    (status = 503, body = Ready, description = "A required store does not answer"),
))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Ready>) {
    let report = look(&app).await;
    let status = match report.status {
        Verdict::Ready | Verdict::Degraded => StatusCode::OK,
        Verdict::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}

/// Asks every store and keeps what they say as numbers.
pub(super) async fn look(app: &App) -> Ready {
    let report = app.stores.ready(&app.db).await;
    for (name, check) in &report.checks {
        app.metrics.http.service(name, check.status == CheckStatus::Ok);
    }
    report
}
