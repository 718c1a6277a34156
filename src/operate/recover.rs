//! Recovery: what a dead run left half-done is brought to its journal's goal, by whoever holds the lock next.

use super::compose::Compose;
use super::journal::{self, Goal};
use super::{lock::Lock, prepare, sweep};
use crate::context::Context;
use crate::docker::Docker;
use anyhow::{Context as _, Result};

/// Recovers a pending journal, and sweeps what dead runs made for themselves. Returns what was done, in words.
///
/// # Errors
/// When the goal cannot be reached; the journal then stays, and the next run tries again.
pub async fn recover(context: &mut Context, lock: &Lock) -> Result<Vec<String>> {
    let home = context.stack.home.clone();
    let Ok(docker) = context.docker().cloned() else { return Ok(Vec::new()) };
    let mut done = sweep::sweep(&docker, &home, Some(&context.run)).await;
    let Some(entry) = journal::read(&home)? else { return Ok(done) };
    let what = format!("tars {} of {} was interrupted at “{}”", entry.command, entry.began, entry.step);
    match entry.goal {
        Goal::Running(services) if services.is_empty() => done.push(format!("{what}; nothing ran before it")),
        Goal::Running(services) => {
            let back = if context.stack.need_env().is_ok() {
                up(context, lock, &services).await
            } else {
                start_those_there(context, &docker, &services).await
            };
            let back = back.with_context(|| format!("could not bring back what ran before: {what}"))?;
            done.push(format!("{what}; started again: {}", back.join(", ")));
        }
        Goal::Stopped => {
            super::lifecycle::stop(context, &docker).await?;
            done.push(format!("{what}; stopped the rest"));
        }
    }
    journal::forget(&home)?;
    Ok(done)
}

/// Through compose, with everything that a start checks. Services that the settings no longer ask for stay away.
async fn up(context: &mut Context, lock: &Lock, services: &[String]) -> Result<Vec<String>> {
    prepare::prepare(context).await?;
    let wanted = context.stack.services();
    let known: Vec<_> =
        wanted.iter().map(|service| service.name).filter(|name| services.iter().any(|s| s == name)).collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    super::lifecycle::up(context, lock, &Compose::find().await?, &known).await?;
    Ok(known.into_iter().map(str::to_owned).collect())
}

/// Without settings compose cannot make containers, but those that are there can be started.
async fn start_those_there(context: &Context, docker: &Docker, services: &[String]) -> Result<Vec<String>> {
    let mut started = Vec::new();
    for container in super::lifecycle::containers(docker, &context.stack).await? {
        if services.iter().any(|name| name == container.service()) {
            docker.start(&container.id).await?;
            started.push(container.service().to_owned());
        }
    }
    Ok(started)
}
