//! Gathering and asking on this machine: `cargo test --release --lib live -- --ignored`.

use super::*;
use crate::docker::Docker;
use crate::facts::{Sources, gather};
use crate::stack::{Stack, home::Home};
use std::time::{Duration, Instant};

#[tokio::test]
#[ignore = "needs a Docker engine"]
async fn an_engine_is_asked_quickly_and_every_check_answers() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tars-home.env"), "TARS_POSTGRES_PASSWORD=x\nTARS_PORT_API=65017\n").unwrap();
    let stack = Stack::read(Home::at(dir.path()));
    let docker = Docker::connect().await.expect("a Docker engine");
    let mut times = Vec::new();
    let mut facts = Facts::default();
    for _ in 0..5 {
        let started = Instant::now();
        facts = gather(&Sources::new(&stack, Ok(&docker))).await;
        times.push(started.elapsed());
    }
    times.sort();
    let outcomes = run(ALL, &facts);
    assert!(outcomes.iter().all(|outcome| !matches!(outcome.answer, Answer::Unknown(_))), "{outcomes:#?}");
    assert!(times[2] < Duration::from_millis(500), "gathering took {times:?}");
}
