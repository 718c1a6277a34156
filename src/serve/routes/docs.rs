//! `GET /docs`: the API to read and to try in a browser, without a network: one page, one script, one style sheet.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Only what stands here itself may run, and it may ask only this API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> OpenApiRouter<App> {
    let part = |kind: &'static str, text: &'static str| get(async move || page(kind, text));
    OpenApiRouter::new()
        .route("/docs", part("text/html; charset=utf-8", include_str!("docs/page.html")))
        .route("/docs/page.js", part("text/javascript; charset=utf-8", include_str!("docs/page.js")))
        .route("/docs/page.css", part("text/css; charset=utf-8", include_str!("docs/page.css")))
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_needs_no_network() {
        for part in [include_str!("docs/page.html"), include_str!("docs/page.js"), include_str!("docs/page.css")] {
            assert!(!part.contains("http://") && !part.contains("https://") && !part.contains("//cdn"));
            assert!(!part.contains("innerHTML"), "texts of the document must stay texts");
        }
    }
}
