//! The backend as its callers see it: started on a free port, asked over TCP, stopped by its shutdown.
//!
//! Needs no Docker: the stores are fakes. The one test against real stores is ignored unless it is asked for
//!, and says what it needs.

#![expect(clippy::unwrap_used, reason = "a test's helpers end the test")]

mod fakes;
mod who;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use tars::client::api::{Api, CheckStatus, Ready, Verdict};
use tars::error::{exit_of, hints_of};
use tars::serve::{self, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running backend.
struct Backend {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<anyhow::Result<()>>,
}

/// Where each store is; a port alone.
struct Ports {
    postgres: u16,
    redis: u16,
    chroma: u16,
    ollama: u16,
}

impl Ports {
    async fn all_well() -> Self {
        let (postgres, redis) = (fakes::postgres().await.port, fakes::redis().await.port);
        Self { postgres, redis, chroma: fakes::http().await.port, ollama: fakes::http().await.port }
    }

    fn config(&self, more: &[(&str, &str)]) -> Config {
        Config::from_lookup(|key| {
            if let Some((_, value)) = more.iter().find(|(name, _)| *name == key) {
                return Some((*value).to_owned());
            }
            Some(match key {
                "TARS_LISTEN" => "127.0.0.1:0".to_owned(),
                "TARS_POSTGRES_HOST" | "TARS_REDIS_HOST" => "127.0.0.1".to_owned(),
                "TARS_POSTGRES_PORT" => self.postgres.to_string(),
                "TARS_REDIS_PORT" => self.redis.to_string(),
                "TARS_CHROMA_URL" => format!("127.0.0.1:{}", self.chroma),
                "TARS_OLLAMA_URL" => format!("127.0.0.1:{}", self.ollama),
                "TARS_POSTGRES_PASSWORD" => "geheim-pg".to_owned(),
                "TARS_REDIS_PASSWORD" => "geheim-redis".to_owned(),
                _ => return None,
            })
        })
        .unwrap()
    }
}

impl Backend {
    async fn start(config: Config) -> Self {
        let listener = serve::bind(&config).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(serve::run_on(listener, config, async { stopped.await.unwrap_or_default() }));
        Self { address, stop: Some(stop), ended }
    }

    async fn ready(&self) -> Ready {
        Api::new(&self.address.to_string()).unwrap().ready().await.unwrap()
    }

    async fn get(&self, path: &str) -> String {
        ask(self.address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.take().unwrap().send(()).unwrap();
        self.ended.await.unwrap()
    }
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

fn error_of(ready: &Ready, name: &str) -> String {
    ready.checks[name].error.clone().unwrap_or_default()
}

#[tokio::test]
async fn it_is_healthy_at_once_without_any_store() {
    let closed = fakes::closed();
    let ports = Ports { postgres: closed, redis: closed, chroma: closed, ollama: closed };
    let begun = Instant::now();
    let backend = Backend::start(ports.config(&[])).await;
    let health = Api::new(&backend.address.to_string()).unwrap().health().await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!((health.status.as_str(), health.service.as_str()), ("healthy", "tars"));
    serve::probe(backend.address).await.unwrap();
    assert!(backend.get("/ready").await.starts_with("HTTP/1.1 503 "));
    let ready = backend.ready().await;
    assert_eq!(ready.status, Verdict::Unavailable);
    for name in ["postgres", "redis", "chromadb", "ollama"] {
        assert_eq!(error_of(&ready, name), format!("connection refused by 127.0.0.1:{closed}"));
    }
}

#[tokio::test]
async fn with_every_store_it_is_ready_and_keeps_its_connections() {
    let ports = Ports::all_well().await;
    let (postgres, redis) = (fakes::postgres().await, fakes::redis().await);
    let ports = Ports { postgres: postgres.port, redis: redis.port, ..ports };
    let backend = Backend::start(ports.config(&[("OLLAMA_MODEL", "llama3.2")])).await;
    for _ in 0..3 {
        let ready = backend.ready().await;
        assert_eq!(ready.status, Verdict::Ready, "{ready:?}");
    }
    let made = (postgres.connections.load(Ordering::SeqCst), redis.connections.load(Ordering::SeqCst));
    // Postgres' are those of the pool, which the work in the background shares; asking makes no new ones.
    assert!(made.0 <= 16 && made.1 == 1, "{made:?}");
}

#[tokio::test]
async fn a_store_that_restarted_is_found_again_in_the_same_request() {
    let ports = Ports { postgres: fakes::postgres_that_forgets().await.port, ..Ports::all_well().await };
    let backend = Backend::start(ports.config(&[])).await;
    for _ in 0..3 {
        assert_eq!(backend.ready().await.status, Verdict::Ready);
    }
}

#[tokio::test]
async fn hanging_stores_are_given_up_on_together() {
    let hanging = fakes::hanging().await.port;
    let ports = Ports { postgres: hanging, redis: hanging, chroma: hanging, ollama: hanging };
    let backend = Backend::start(ports.config(&[])).await;
    let begun = Instant::now();
    let ready = backend.ready().await;
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    for name in ["postgres", "redis", "chromadb", "ollama"] {
        assert_eq!(error_of(&ready, name), format!("no answer from 127.0.0.1:{hanging} within 2 s"));
    }
}

#[tokio::test]
async fn without_redis_or_ollama_it_is_degraded_and_names_the_missing_model() {
    let ports = Ports { redis: fakes::closed(), ..Ports::all_well().await };
    let backend = Backend::start(ports.config(&[("TARS_EMBED_MODEL", "all-minilm")])).await;
    assert!(backend.get("/ready").await.starts_with("HTTP/1.1 200 "));
    let ready = backend.ready().await;
    assert_eq!(ready.status, Verdict::Degraded);
    assert_eq!(ready.checks["postgres"].status, CheckStatus::Ok);
    assert!(error_of(&ready, "ollama").ends_with("does not have the model all-minilm"), "{ready:?}");
}

#[tokio::test]
async fn choosing_no_language_model_is_ready_with_a_warning() {
    let ports = Ports { ollama: fakes::closed(), ..Ports::all_well().await };
    let backend = Backend::start(ports.config(&[("TARS_LLM", "none")])).await;
    let ready = backend.ready().await;
    assert_eq!(ready.status, Verdict::Ready);
    assert_eq!(ready.checks["ollama"].status, CheckStatus::Skipped);
    assert!(ready.checks["ollama"].warning.is_some());
    assert!(backend.get("/").await.contains(r#""mode":"retrieval-only""#));
}

#[tokio::test]
async fn a_refused_login_is_told_without_the_password() {
    let ports = Ports { postgres: fakes::postgres_that_refuses().await.port, ..Ports::all_well().await };
    let backend = Backend::start(ports.config(&[("TARS_REDIS_PASSWORD", "falsch")])).await;
    let ready = backend.ready().await;
    let place = format!("127.0.0.1:{}", ports.postgres);
    let said = "says: password [REDACTED] authentication failed for user \"tars\"";
    assert_eq!(error_of(&ready, "postgres"), format!("{place} {said}"));
    assert!(error_of(&ready, "redis").contains("says: WRONGPASS invalid username-password pair"), "{ready:?}");
    assert!(!backend.get("/ready").await.contains("falsch"));
}

#[tokio::test]
async fn something_else_on_a_stores_port_is_no_store() {
    let Ports { postgres, redis, chroma, .. } = Ports::all_well().await;
    let ports = Ports { postgres: redis, redis: chroma, chroma: postgres, ollama: redis };
    let ready = Backend::start(ports.config(&[])).await.ready().await;
    assert!(
        ready.checks.values().all(|check| check.status == CheckStatus::Failed && check.error.is_some()),
        "{ready:?}"
    );
}

#[tokio::test]
async fn every_answer_is_dressed_and_what_is_not_there_says_so_in_json() {
    let backend = Backend::start(Ports::all_well().await.config(&[])).await;
    for path in ["/", "/health", "/ready", "/nowhere?q=geheim"] {
        let answer = backend.get(path).await;
        for header in
            ["x-content-type-options: nosniff", "x-frame-options: DENY", "x-request-id: ", "content-security-policy: "]
        {
            assert!(answer.contains(header), "{path} lacks {header}");
        }
    }
    let missing = backend.get("/nowhere").await;
    assert!(missing.contains("content-type: application/problem+json"), "{missing}");
    assert!(
        missing.starts_with("HTTP/1.1 404 ") && missing.contains(r#"{"type":"urn:tars:problem:not-found","#),
        "{missing}"
    );
    let request =
        "POST /health HTTP/1.1\r\nhost: x\r\nx-request-id: mine-1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let refused = ask(backend.address, request).await;
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("allow: GET,HEAD"), "{refused}");
    assert!(
        refused.contains(r#"{"type":"urn:tars:problem:method-not-allowed","#)
            && refused.contains("x-request-id: mine-1"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let ports = Ports { chroma: fakes::hanging().await.port, ..Ports::all_well().await };
    let backend = Backend::start(ports.config(&[])).await;
    let address = backend.address;
    let idle = TcpStream::connect(address).await.unwrap();
    let asking = tokio::spawn(ask(address, "GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    backend.stop().await.unwrap();
    assert!(asking.await.unwrap().starts_with("HTTP/1.1 503 "), "the answer came although it was stopping");
    assert!(begun.elapsed() < Duration::from_secs(3), "an idle connection does not hold it up");
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
    drop(idle);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let ports = Ports { chroma: fakes::hanging().await.port, ..Ports::all_well().await };
    let mut config = ports.config(&[]);
    config.stop_within = Duration::from_millis(100);
    let backend = Backend::start(config).await;
    tokio::spawn(ask(backend.address, "GET /ready HTTP/1.1\r\nhost: x\r\n\r\n"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    backend.stop().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_taken_port_is_a_failure_with_a_hint() {
    let backend = Backend::start(Ports::all_well().await.config(&[])).await;
    let mut config = Ports::all_well().await.config(&[]);
    config.listen = backend.address;
    let error = serve::run(config, std::future::pending()).await.unwrap_err();
    assert_eq!(exit_of(&error).code(), 1);
    assert!(hints_of(&error)[0].contains("TARS_LISTEN"), "{error:?}");
}

#[tokio::test]
async fn the_probe_fails_where_nothing_or_something_else_answers() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], fakes::closed()));
    assert!(serve::probe(nobody).await.unwrap_err().to_string().starts_with("connection refused"));
    let other = SocketAddr::from(([127, 0, 0, 1], fakes::http().await.port));
    assert!(serve::probe(other).await.is_err());
}

#[test]
fn the_binary_logs_a_json_line_per_request_and_ends_well_on_sigterm() {
    let mut backend = Command::new(env!("CARGO_BIN_EXE_tars"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env_clear()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(backend.stdout.take().unwrap()).lines();
    // Work in the background says its own lines in between.
    let mut line = |key: &str| loop {
        let line = serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
        if line.get(key).is_some() {
            break line;
        }
    };
    let listen: SocketAddr = line("listen")["listen"].as_str().unwrap().parse().unwrap();
    let mut socket = std::net::TcpStream::connect(listen).unwrap();
    socket.write_all(b"GET /health?token=geheim HTTP/1.1\r\nhost: x\r\nx-request-id: r1\r\n\r\n").unwrap();
    let request = line("path");
    assert_eq!((request["id"].as_str(), request["path"].as_str()), (Some("r1"), Some("/health")));
    assert_eq!((request["method"].as_str(), request["status"].as_u64()), (Some("GET"), Some(200)));
    assert!(request["ms"].is_u64() && !request.to_string().contains("geheim"), "{request}");
    let id = rustix::process::Pid::from_child(&backend);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(backend.wait().unwrap().code(), Some(0));
}

#[tokio::test]
#[ignore = "needs real stores: start them, export TARS_POSTGRES_*, TARS_REDIS_*, TARS_CHROMA_URL and TARS_LLM=none"]
async fn real_stores_are_ready_and_a_wrong_password_is_refused() {
    let mut config = Config::from_env().unwrap();
    config.listen = "127.0.0.1:0".parse().unwrap();
    let ready = Backend::start(config.clone()).await.ready().await;
    assert_eq!(ready.status, Verdict::Ready, "{ready:?}");
    let wrong = serve::secret::Secret::new("falsch".to_owned());
    config.postgres.password = wrong.clone();
    config.redis.password = wrong;
    let ready = Backend::start(config).await.ready().await;
    assert_eq!(ready.status, Verdict::Unavailable);
    assert!(error_of(&ready, "postgres").contains("says: password authentication failed for user"), "{ready:?}");
    assert!(error_of(&ready, "redis").contains("says: WRONGPASS"), "{ready:?}");
    assert_eq!(ready.checks["chromadb"].status, CheckStatus::Ok);
}
