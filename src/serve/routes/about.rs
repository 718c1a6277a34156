//! `GET /`: what this is, for whoever opens the port in a browser.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::Json;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(about))
}

/// What this is.
#[derive(Serialize, ToSchema)]
struct About {
    /// `tars`.
    name: &'static str,
    /// The binary's version.
    version: &'static str,
    /// `full`, or `retrieval-only` where no language model was chosen.
    mode: &'static str,
    /// Where to go from here.
    links: BTreeMap<&'static str, &'static str>,
}

/// What this is, and where to go from here
#[utoipa::path(get, path = "/", tag = "operate", responses((status = 200, body = About)))]
async fn about(State(app): State<App>) -> Json<About> {
    let links = [("docs", "/docs"), ("health", "/health"), ("openapi", "/openapi.json"), ("ready", "/ready")];
    let version = env!("CARGO_PKG_VERSION");
    Json(About { name: "tars", version, mode: app.config.mode(), links: BTreeMap::from(links) })
}
