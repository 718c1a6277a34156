//! What stands round every request: an id, who asks, security headers, one log line and its numbers, a deadline, and an
//! answer even after a panic. Every refusal leaves as a problem (`application/problem+json`), whoever made it.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::app::App;
use super::auth::{self, Caller};
use super::extract::Origin;
use super::limit;
use super::problem::Problem;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ID_MAX_CHARS: usize = 64;
/// What an ordinary request has; streams and uploads have limits of their own.
const DEADLINE: Duration = Duration::from_secs(30);

/// A database that hangs must not hold up what needs no database.
const IDENTIFY_WITHIN: Duration = Duration::from_secs(5);

/// For an API without pages: nothing is sniffed, framed, cached or run. A page of its own may say otherwise.
const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// The outermost layer.
pub(super) async fn frame(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = method_name(request.method());
    // The pattern, not the path: a path may hold anything, and a log line must not.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let address = super::address::of(&request, &app.config.trusted_proxies);
    let origin = Origin { request_id: Arc::from(id.as_str()), address };
    request.extensions_mut().insert(origin);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(id, route, "a request panicked");
        Problem::internal().into_response()
    });
    let mut response = as_problem(&app, answered, &id);
    dress(response.headers_mut(), &id);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let user = response.extensions().get::<Asked>().map(|asked| asked.0.as_str());
    tracing::info!(id, method, path = route, status, ms, user, %address, "request");
    app.metrics.http.request(method, &route, status, took);
    response
}

/// Who asked, for the log line.
#[derive(Clone)]
struct Asked(String);

/// The layer below: finds out who asks, so that handlers and limits need only look.
pub(super) async fn who(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if limit::is_free(&request) {
        return next.run(request).await;
    }
    if let Some(problem) = limit::is_guessing(&app, &request) {
        return problem.into_response();
    }
    let found = tokio::time::timeout(IDENTIFY_WITHIN, auth::identify(&app, request.headers())).await;
    let caller =
        found.unwrap_or_else(|_| Caller::Refused(Problem::unavailable("the database does not answer in time")));
    limit::note_key(&app, &request, &caller);
    let asked = match &caller {
        Caller::Somebody(user) => Some(Asked(user.id.to_string())),
        Caller::Nobody | Caller::Refused(_) => None,
    };
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(asked) = asked {
        response.extensions_mut().insert(asked);
    }
    response
}

/// For ordinary routes: an answer within [`DEADLINE`], be it 503.
pub(super) async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(format!("no answer within {} s", DEADLINE.as_secs())).into_response(),
    }
}

fn as_problem(app: &App, response: Response, id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        // A report under 503, say: already what was meant.
        None if is_json(response.headers()) => return response,
        None => Problem::of(status),
    };
    if problem.kind == Problem::NO_SCHEMA {
        app.db.lost_schema();
    }
    app.metrics.http.problem(problem.kind);
    let mut told = problem.respond(id);
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told.extensions_mut().extend(response.extensions().clone());
    told
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn dress(headers: &mut HeaderMap, id: &str) {
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

// Anybody may invent a method; a label must be one of a few.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
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
