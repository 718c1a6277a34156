//! Who may, without a database: nothing is answered to nobody, and the document says what is.

use super::{Backend, Ports, ask, fakes};
use serde_json::Value;

/// The operations that need no token. Whatever else the document names must refuse.
const PUBLIC: [&str; 7] = [
    "get /",
    "get /health",
    "get /ready",
    "get /rag/health",
    "get /openapi.json",
    "post /auth/token",
    "post /auth/refresh",
];

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn send(backend: &Backend, method: &str, path: &str, headers: &str, body: &str) -> String {
    let method = method.to_uppercase();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}");
    ask(backend.address, &format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await
}

async fn lonely(more: &[(&str, &str)]) -> Backend {
    let closed = fakes::closed();
    let ports = Ports { postgres: closed, redis: closed, chroma: closed, ollama: closed };
    Backend::start(ports.config(more)).await
}

#[tokio::test]
async fn every_operation_that_is_not_public_says_so_and_refuses_nobody() {
    let backend = lonely(&[]).await;
    let document = body(&backend.get("/openapi.json").await);
    let (mut asked, mut open) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            if operation.get("security").is_none() {
                open.push(name);
                continue;
            }
            let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
            assert!(!PUBLIC.contains(&name.as_str()), "{name} asks for a token");
            let answer = send(&backend, method, &path, "content-type: application/json\r\n", "{}").await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{name}: {answer}");
            assert!(answer.contains("www-authenticate: Bearer"), "{name}: {answer}");
            asked += 1;
        }
    }
    open.sort();
    let mut public = PUBLIC.map(str::to_owned).to_vec();
    public.sort();
    assert_eq!(open, public);
    assert!(asked > 10, "only {asked} operations refuse nobody");
}

#[tokio::test]
async fn without_postgres_signing_in_is_503_and_says_when_to_come_back() {
    let backend = lonely(&[]).await;
    let credentials = r#"{"username":"admin","password":"whatever it is"}"#;
    let answer = send(&backend, "POST", "/auth/token", "content-type: application/json\r\n", credentials).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5"), "{answer}");
    assert_eq!(body(&answer)["type"], "urn:tars:problem:unavailable");
    assert!(!answer.contains("geheim"), "{answer}");
}

#[tokio::test]
async fn limits_hold_without_redis_and_by_the_address_that_a_trusted_proxy_tells() {
    let backend = lonely(&[("TARS_RATE_LIMIT", "3"), ("TARS_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let get = async |client: &str, path: &str| {
        let answer = send(&backend, "GET", path, &format!("x-forwarded-for: {client}\r\n"), "").await;
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for _ in 0..3 {
        assert_eq!(get("10.0.0.1", "/").await, "200");
    }
    assert_eq!(get("10.0.0.1", "/").await, "429");
    assert_eq!(get("10.0.0.2, 10.0.0.1", "/").await, "429", "what a client writes itself does not count");
    assert_eq!(get("10.0.0.2", "/").await, "200");
    assert_eq!(get("10.0.0.1", "/health").await, "200");
    let stranger = lonely(&[("TARS_RATE_LIMIT", "3")]).await;
    for client in ["1.1.1.1", "2.2.2.2", "3.3.3.3"] {
        send(&stranger, "GET", "/", &format!("x-forwarded-for: {client}\r\n"), "").await;
    }
    let answer = send(&stranger, "GET", "/", "x-forwarded-for: 4.4.4.4\r\n", "").await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("retry-after: "), "{answer}");
}

#[tokio::test]
async fn refusals_are_problems_whoever_makes_them() {
    let backend = lonely(&[]).await;
    let json = "content-type: application/json\r\n";
    let large = "x".repeat((1 << 20) + 1);
    for (path, headers, sent, status, kind) in [
        ("/auth/token", json, "{", 400, "bad-request"),
        ("/auth/token", json, r#"{"username":"a","password":"b","admin":true}"#, 422, "invalid"),
        ("/auth/token", json, r#"{"username":7,"password":"b"}"#, 422, "invalid"),
        ("/auth/token", "content-type: text/html\r\n", "x", 415, "unsupported-media-type"),
        ("/auth/token", "content-type: application/x-www-form-urlencoded\r\n", "username=a", 422, "invalid"),
        ("/auth/token", json, large.as_str(), 413, "too-large"),
        ("/nowhere", json, "{}", 404, "not-found"),
        ("/health", json, "{}", 405, "method-not-allowed"),
    ] {
        let answer = send(&backend, "POST", path, &format!("{headers}x-request-id: r-1\r\n"), sent).await;
        let said = body(&answer);
        assert_eq!(
            (said["status"].as_u64(), said["type"].as_str()),
            (Some(status), Some(format!("urn:tars:problem:{kind}").as_str())),
            "{answer}"
        );
        assert_eq!(said["request_id"], "r-1");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    }
}

#[tokio::test]
async fn only_configured_origins_and_the_docs_page_get_other_headers() {
    let backend = lonely(&[("TARS_CORS_ORIGINS", "https://chat.example")]).await;
    let with = async |origin: &str| send(&backend, "GET", "/health", &format!("origin: {origin}\r\n"), "").await;
    assert!(with("https://chat.example").await.contains("access-control-allow-origin: https://chat.example"));
    assert!(!with("https://evil.example").await.contains("access-control-allow-origin"));
    let page = backend.get("/docs").await;
    assert!(page.contains("script-src 'self'") && page.contains("content-type: text/html"), "{page}");
    assert!(backend.get("/docs/page.js").await.contains("content-type: text/javascript"));
}
