//! What stands round every request: an id, security headers, one log line, and an answer even after a panic.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::routes::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ID_MAX_CHARS: usize = 64;
const PATH_MAX_CHARS: usize = 200;

/// For an API without pages: nothing is sniffed, framed, cached or run.
const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The middleware.
pub(super) async fn frame(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path: String = request.uri().path().chars().take(PATH_MAX_CHARS).collect();
    let mut response = answer(request, next, &id).await;
    dress(response.headers_mut(), &id);
    let status = response.status().as_u16();
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(id, %method, path, status, ms, "request");
    response
}

async fn answer(request: Request, next: Next, id: &str) -> Response {
    if let Ok(response) = AssertUnwindSafe(next.run(request)).catch_unwind().await {
        return response;
    }
    tracing::error!(id, "a request panicked");
    let message = "something went wrong; the log has it under this request id";
    Problem(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message).into_response()
}

fn dress(headers: &mut HeaderMap, id: &str) {
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

// A proxy's id is kept if it looks like one, so that both logs can be laid side by side.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !given.is_empty() && given.len() <= ID_MAX_CHARS && given.chars().all(usable) {
        return given.to_owned();
    }
    let mut bytes = [0; 8];
    // Without randomness the id is only less unique.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_id_is_kept_only_if_it_looks_like_one() {
        let with = |value: &str| HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(value).unwrap())]);
        assert_eq!(request_id(&with("abc-1.2_3")), "abc-1.2_3");
        for odd in ["", "a b", "\"}", &"x".repeat(65)] {
            assert_eq!(request_id(&with(odd)).len(), 16, "{odd}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
