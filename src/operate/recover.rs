//! Recovery: what a dead run left half-done is brought to its journal's goal, by whoever holds the lock next.

use super::compose::Compose;
use super::journal::{self, Goal};
use super::{lock::Lock, sweep};
use crate::context::Context;
use anyhow::{Context as _, Result};

/// Recovers a pending journal, and sweeps what dead runs made for themselves. Returns what was done, in words.
///
/// # Errors
/// When the goal cannot be reached; the journal then stays, and the next run tries again.
pub async fn recover(context: &Context, lock: &Lock) -> Result<Vec<String>> {
    let home = &context.stack.home;
    let Ok(docker) = context.docker() else { return Ok(Vec::new()) };
    let mut done: Vec<_> = sweep::sweep(docker, home, Some(&context.run))
        .await?
        .into_iter()
        .map(|what| format!("removed {what}"))
        .collect();
    let Some(entry) = journal::read(home)? else { return Ok(done) };
    let what = format!("tars {} of {} was interrupted at “{}”", entry.command, entry.began, entry.step);
    match entry.goal {
        Goal::Running(services) if services.is_empty() => done.push(format!("{what}; nothing ran before it")),
        Goal::Running(services) if context.stack.need_env().is_ok() => {
            up(context, lock, &services)
                .await
                .with_context(|| format!("could not bring back what ran before: {what}"))?;
            done.push(format!("{what}; started again: {}", services.join(", ")));
        }
        Goal::Running(services) => {
            // Without settings compose cannot make containers, but those that are there can be started.
            for service in &services {
                docker.start(&format!("{}-{service}", context.stack.project())).await?;
            }
            done.push(format!("{what}; started again: {}", services.join(", ")));
        }
        Goal::Stopped => {
            super::lifecycle::stop(context, docker).await?;
            done.push(format!("{what}; stopped the rest"));
        }
    }
    journal::forget(home)?;
    Ok(done)
}

async fn up(context: &Context, lock: &Lock, services: &[String]) -> Result<()> {
    let compose = Compose::find().await?;
    let known: Vec<_> = services
        .iter()
        .filter(|name| context.stack.services().iter().any(|service| service.name == name.as_str()))
        .collect();
    let mut args = vec!["up", "-d", "--no-build", "--no-deps"];
    args.extend(known.iter().map(|name| name.as_str()));
    compose.run(&context.stack, lock, &args, |line| context.ui.detail(line)).await
}
