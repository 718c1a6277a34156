//! Waiting until services answer: each asked by its own real request, side by side, under one deadline.
//!
//! Compose's health is for people; it may probe first after a whole interval. On failure the answer is not just a
//! timeout: the failing probe's words and the service's last log lines come with it.

use crate::client::api::Api;
use crate::context::Context;
use crate::docker::{Docker, LogRange, Status};
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::Stack;
use crate::stack::service::Service;
use crate::ui;
use anyhow::{Result, anyhow};
use futures_util::{TryStreamExt, future::join_all};
use std::time::{Duration, Instant};

/// How many of a failing service's last log lines are shown.
const LOG_LINES: u32 = 15;
/// How long one question to a service may take.
const PROBE: Duration = Duration::from_secs(5);
/// A container that the engine has restarted this often will not come up by waiting.
const RESTARTS: i64 = 3;

/// One service's result.
#[derive(Debug)]
pub struct Answered {
    /// Whose.
    pub service: &'static Service,
    /// How long it took from the call, or why it does not answer.
    pub outcome: Result<Duration>,
}

/// Waits for these services; each has `TARS_WAIT_S` seconds.
///
/// # Errors
/// Only when there is no engine. A service that does not answer is in its [`Answered`].
pub async fn for_answers(context: &Context, services: &[&'static Service]) -> Result<Vec<Answered>> {
    let docker = context.docker()?;
    let deadline = deadline(&context.stack);
    let project = context.stack.project().to_owned();
    Ok(join_all(services.iter().copied().map(async |service| {
        let outcome = for_container(docker, &service.container(&project), service, deadline).await;
        if let Ok(took) = &outcome {
            context.ui.detail(&format!("  {} {} after {}", service.name, service.probe.asks, ui::duration(*took)));
        }
        Answered { service, outcome }
    }))
    .await)
}

/// The first service that does not answer, as an error; its log and probe in the chain.
///
/// # Errors
/// See above.
pub fn all_answered(answers: Vec<Answered>) -> Result<()> {
    answers.into_iter().try_for_each(|answered| answered.outcome.map(|_| ()))
}

/// The deadline for one service, from `TARS_WAIT_S`.
#[must_use]
pub fn deadline(stack: &Stack) -> Duration {
    Duration::from_secs(stack.setting("TARS_WAIT_S").parse().unwrap_or(120))
}

/// The address where the published API answers on this machine.
#[must_use]
pub fn api_url(stack: &Stack) -> String {
    url_of(stack.setting("TARS_BIND"), stack.setting("TARS_PORT_API"))
}

/// The address on this machine of what is published there.
#[must_use]
pub fn url_of(bind: &str, port: &str) -> String {
    let host = match bind {
        "" | "0.0.0.0" | "::" | "[::]" => "127.0.0.1".to_owned(),
        v6 if v6.contains(':') && !v6.starts_with('[') => format!("[{v6}]"),
        other => other.to_owned(),
    };
    format!("http://{host}:{port}")
}

/// Waits until the published API says that it is of use (ready or degraded).
///
/// # Errors
/// When it does not within the deadline: which of its checks fails.
pub async fn for_api(stack: &Stack) -> Result<crate::client::api::Ready> {
    let (url, within, begun) = (api_url(stack), deadline(stack), Instant::now());
    let api = Api::new(&url)?;
    loop {
        let last = match api.ready().await {
            Ok(ready) if ready.is_of_use() => return Ok(ready),
            Ok(ready) => anyhow!("{}", ready.words()),
            Err(error) => error,
        };
        if begun.elapsed() >= within {
            return Err(Failure::new(
                Exit::Failed,
                format!("the API at {url} is not ready after {}", ui::duration(within)),
            )
            .hint("look at: tars status, tars logs backend")
            .caused_by(last)
            .into());
        }
        pause(begun).await;
    }
}

/// Waits until a container answers as that service does; it need not be the stack's own.
///
/// # Errors
/// When it does not, with its probe's words and its last log lines.
pub async fn for_container(docker: &Docker, container: &str, service: &Service, within: Duration) -> Result<Duration> {
    let begun = Instant::now();
    // Earlier crashes are history; what counts is what it does from now on.
    let crashes = docker.container(container).await?.map_or(0, |state| state.restarts);
    loop {
        // A server that takes the connection and says nothing must not outlast the deadline.
        let patience = PROBE.min(within.saturating_sub(begun.elapsed()).max(Duration::from_secs(1)));
        let said = match tokio::time::timeout(patience, docker.exec(container, service.probe.command)).await {
            Ok(Ok(output)) if output.ok() => return Ok(begun.elapsed()),
            Ok(Ok(output)) => {
                let words = format!("{}{}", output.stdout.trim(), output.stderr.trim());
                format!("its probe ({}) ended with status {}: {words}", service.probe.asks, output.code)
            }
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("its probe ({}) had no answer within {}", service.probe.asks, ui::duration(patience)),
        };
        let hopeless = hopeless(docker, container, crashes).await?;
        if hopeless.is_some() || begun.elapsed() >= within {
            let what = hopeless.unwrap_or_else(|| format!("does not answer after {}", ui::duration(within)));
            return Err(failure(docker, container, service, &what, &said).await);
        }
        pause(begun).await;
    }
}

/// Why waiting longer cannot help, if so.
async fn hopeless(docker: &Docker, container: &str, crashes: i64) -> Result<Option<String>> {
    let Some(state) = docker.container(container).await? else {
        return Ok(Some("has no container".to_owned()));
    };
    let restarts = state.restarts - crashes;
    Ok(match state.status {
        _ if restarts >= RESTARTS => {
            Some(format!("ends again and again (exit status {}, restarted {restarts} times)", state.exit_code))
        }
        _ if state.oom_killed => Some("was killed by the kernel for want of memory".to_owned()),
        Status::Exited | Status::Dead => Some(format!("ended with exit status {}", state.exit_code)),
        Status::Paused => Some("is paused".to_owned()),
        _ => None,
    })
}

async fn failure(docker: &Docker, container: &str, service: &Service, what: &str, probe: &str) -> anyhow::Error {
    let range = LogRange { tail: Some(LOG_LINES), ..LogRange::default() };
    let lines: Vec<_> = docker.logs(container, range).try_collect().await.unwrap_or_default();
    let log: String = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    let log = if log.trim().is_empty() {
        "its log is empty".to_owned()
    } else {
        format!("its last log lines:\n{}", log.trim_end())
    };
    Failure::new(Exit::Failed, format!("{} {what}", service.name))
        .hint(format!(
            "see more: tars logs {}; a slow machine can wait longer: TARS_WAIT_S in the env file",
            service.name
        ))
        .caused_by(anyhow!("{log}").context(probe.to_owned()))
        .into()
}

/// Between two questions: short at first, half a second later on.
async fn pause(begun: Instant) {
    let pause = (begun.elapsed() / 8).clamp(Duration::from_millis(50), Duration::from_millis(500));
    tokio::time::sleep(pause).await;
}
