//! Gathering as a whole, on the machine that runs the tests.

use super::*;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::{Stack, home::Home};
use std::path::Path;
use std::time::{Duration, Instant};

fn stack(dir: &Path) -> Stack {
    std::fs::write(dir.join("tars-home.env"), "TARS_POSTGRES_PASSWORD=hunter2hunter2\nTARS_PORT_API=65017\n").unwrap();
    Stack::read(Home::at(dir))
}

#[tokio::test]
async fn without_an_engine_the_rest_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let stack = stack(dir.path());
    let error = Failure::new(Exit::Unavailable, "no Docker engine runs on this machine").into();
    let facts = gather(&Sources { ollama: "", ..Sources::new(&stack, Err(&error)) }).await;
    assert!(facts.host.known().is_ok() && facts.memory.known().is_ok() && facts.ports.known().is_ok());
    assert_eq!(facts.home_disk.known().unwrap().write, Written::Well);
    assert_eq!(facts.images, Fact::Unknown("no Docker engine runs on this machine".into()));
    assert_eq!(facts.registry, Fact::Known(Registry::NotAsked));
    let json = serde_json::to_string(&facts).unwrap();
    assert!(!json.contains("hunter"), "a secret is in the facts");
    serde_json::from_str::<Facts>(&json).unwrap();
}

#[tokio::test]
async fn a_settings_file_that_cannot_be_read_leaves_the_ports_unknown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tars-home.env")).unwrap();
    let stack = Stack::read(Home::at(dir.path()));
    let error = Failure::new(Exit::Unavailable, "none").into();
    let facts = gather(&Sources { ollama: "", ..Sources::new(&stack, Err(&error)) }).await;
    assert!(facts.env.known().is_err() && facts.ports.known().is_err());
}

#[tokio::test]
async fn a_registry_that_hangs_costs_its_own_deadline_only() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let stack = stack(dir.path());
    let error = Failure::new(Exit::Unavailable, "none").into();
    let started = Instant::now();
    let registry = Some((url.as_str(), Duration::from_millis(300)));
    let facts = gather(&Sources { registry, ollama: "", ..Sources::new(&stack, Err(&error)) }).await;
    assert!(
        matches!(facts.registry, Fact::Known(Registry::Unreachable { timed_out: true, .. })),
        "{:?}",
        facts.registry
    );
    assert!(facts.host.known().is_ok() && started.elapsed() < Duration::from_secs(20));
}
