//! The running services, each asked its own real question from inside its own container, side by side: whether it
//! answers, and what it says of its data. Nobody logs in to the live API here.
//!
//! The question that brings data is asked first. Only when it fails is the service's own probe asked, so that "it does
//! not answer" is told from "it answers, but not this".

use super::data::{self, Chroma, Postgres, Redis};
use super::fact::Fact;
use super::models::{self, Models};
use crate::docker::{Container, Docker};
use crate::stack::Stack;
use crate::stack::service::{self, Service};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// After so long a service's own probe is asked as well, and may take as long again: both together stay within the
/// deadline of a fact, and a machine under load gets all of it.
const FIRST: Duration = Duration::from_millis(2500);
const THEN: Duration = Duration::from_millis(2300);

/// How one running service answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The service.
    pub service: String,
    /// How.
    pub how: How,
}

/// How a service answered its own question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// As it should.
    Well,
    /// Its probe failed, with these words.
    Failed(String),
    /// It took the question and said nothing in time.
    Silent,
}

/// What came of asking all of them.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) answers: Vec<Answered>,
    pub(super) postgres: Fact<Postgres>,
    pub(super) redis: Fact<Redis>,
    pub(super) chroma: Fact<Chroma>,
    pub(super) models: Fact<Models>,
}

/// Asks every service that runs.
pub(super) async fn look(docker: &Docker, stack: &Stack, containers: &[Container], gpu: bool) -> Live {
    let of = |name: &str| containers.iter().find(|container| container.service() == name && container.runs());
    let (postgres, redis, chroma, ollama, backend) =
        (of("postgres"), of("redis"), of("chromadb"), of("ollama"), of("backend"));
    let secret = |key: &str| stack.env.as_ref().map(|_| stack.setting(key).to_owned());
    let (postgres, redis, chroma, models, backend) = tokio::join!(
        asked(docker, "postgres", postgres, async |it| data::postgres(
            docker,
            it,
            stack,
            secret("TARS_POSTGRES_PASSWORD")
        )
        .await),
        asked(docker, "redis", redis, async |it| data::redis(docker, it, secret("TARS_REDIS_PASSWORD")).await),
        asked(docker, "chromadb", chroma, async |it| data::chroma(docker, it).await),
        asked(docker, "ollama", ollama, async |it| models::look(docker, it, gpu).await),
        probed(docker, "backend", backend),
    );
    let answers = [postgres.0, redis.0, chroma.0, models.0, backend].into_iter().flatten().collect();
    Live { answers, postgres: postgres.1, redis: redis.1, chroma: chroma.1, models: models.1 }
}

/// Asks for data; if that fails, whether the service answers at all.
async fn asked<T>(
    docker: &Docker,
    name: &str,
    container: Option<&Container>,
    look: impl AsyncFnOnce(&Container) -> Result<T>,
) -> (Option<Answered>, Fact<T>) {
    let Some(container) = container else { return (None, Fact::Unknown(format!("{name} does not run"))) };
    let mut data = std::pin::pin!(look(container));
    let (asked, probe) = match tokio::time::timeout(FIRST, &mut data).await {
        Ok(asked) => (Some(asked), None),
        Err(_) => {
            let (late, probe) = tokio::join!(tokio::time::timeout(THEN, data), probed(docker, name, Some(container)));
            (late.ok(), probe)
        }
    };
    let why = match asked {
        Some(Ok(value)) => return (Some(Answered { service: name.to_owned(), how: How::Well }), Fact::Known(value)),
        Some(Err(error)) => format!("{error:#}"),
        None => format!("{name} did not answer within {} s", (FIRST + THEN).as_secs_f32()),
    };
    match probe {
        Some(probe) => (Some(probe), Fact::Unknown(why)),
        None => (probed(docker, name, Some(container)).await, Fact::Unknown(why)),
    }
}

/// The service's own probe, as its row has it: not the one that its container was made with.
async fn probed(docker: &Docker, name: &str, container: Option<&Container>) -> Option<Answered> {
    let (container, service): (_, &Service) = (container?, service::named(name)?);
    let how = match tokio::time::timeout(THEN, docker.exec(&container.id, service.probe.command)).await {
        Ok(Ok(output)) if output.ok() => How::Well,
        Ok(Ok(output)) => {
            let words = format!("{} {}", output.stdout.trim(), output.stderr.trim());
            let last: Vec<_> = words.trim().lines().rev().take(3).collect();
            How::Failed(last.into_iter().rev().collect::<Vec<_>>().join("; "))
        }
        Ok(Err(error)) => How::Failed(format!("{error:#}")),
        Err(_) => How::Silent,
    };
    Some(Answered { service: name.to_owned(), how })
}
