//! `GET /`: the page for a browser, and for everybody else what this is.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page;
use crate::app::App;
use crate::extract::Json;

/// The same address has two answers.
const VARY: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("accept"));

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
    /// Which page is served: another one means that an open page is of another version.
    page: &'static str,
    /// Where to go from here.
    links: BTreeMap<&'static str, &'static str>,
}

/// What this is, and where to go from here
///
/// A browser, which asks for `text/html`, gets the page.
#[utoipa::path(get, path = "/", tag = "operate", responses((status = 200, body = About)))]
async fn about(State(app): State<App>, headers: HeaderMap) -> Response {
    if wants_a_page(&headers) {
        return ([VARY], page::page(&headers)).into_response();
    }
    let links = [("docs", "/docs"), ("health", "/health"), ("openapi", "/openapi.json"), ("ready", "/ready")];
    let version = env!("CARGO_PKG_VERSION");
    let about =
        About { name: "tars", version, mode: app.config.mode(), page: page::version(), links: BTreeMap::from(links) };
    ([VARY], Json(about)).into_response()
}

// Browsers name it; programs ask for JSON or for anything.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(','));
    kinds.any(|kind| {
        let mut parts = kind.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
        named && !parts.any(|part| matches!(part.trim_end_matches('0'), "q=" | "q=0." | "q=."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_html_gets_the_page() {
        let asked = |accept: &str| wants_a_page(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]));
        assert!(asked("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(asked("application/json;q=0.5, Text/HTML;q=0.1"));
        for other in ["application/json", "*/*", "text/*", "", "text/html;q=0", "text/html; q=0.000"] {
            assert!(!asked(other), "{other}");
        }
        assert!(!wants_a_page(&HeaderMap::new()));
    }
}
