//! Recovery: what a dead run left half-done is brought to its journal's goal, by whoever holds the lock next.

use super::compose::Compose;
use super::journal::{self, Entry, Goal};
use super::{generations, lock::Lock, prepare, sweep};
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
    let mut done = sweep::engine(&docker, &home, Some(&context.run)).await;
    if let Some(entry) = journal::read(&home)? {
        reach(context, lock, &docker, entry, &mut done).await?;
        journal::forget(&home)?;
    }
    // Last: an unfinished archive may lie on a share that does not answer, and the stack must not wait for that.
    done.extend(sweep::files(&home, Some(&context.run)).await);
    Ok(done)
}

/// Brings what a dead run left half-done to its goal.
async fn reach(
    context: &mut Context,
    lock: &Lock,
    docker: &Docker,
    entry: Entry,
    done: &mut Vec<String>,
) -> Result<()> {
    let what = format!("tars {} of {} was interrupted at “{}”", entry.command, entry.began, entry.step);
    match entry.goal {
        Goal::Running(services) if services.is_empty() => done.push(format!("{what}; nothing ran before it")),
        Goal::Running(services) => {
            let back = if context.stack.need_env().is_ok() {
                up(context, lock, &services).await
            } else {
                start_those_there(context, docker, &services).await
            };
            let back = back.with_context(|| format!("could not bring back what ran before: {what}"))?;
            done.push(format!("{what}; started again: {}", back.join(", ")));
        }
        // The env file decides; whoever mounts another volume than it names is made anew.
        Goal::Switch { to, ran, .. } => {
            let finished = live(context)?.is_some_and(|live| live == to);
            let services = if finished { all(context) } else { ran };
            let back = up(context, lock, &services).await;
            let back = back.with_context(|| format!("could not bring the switch to its end: {what}"))?;
            let end = if finished { format!("finished: generation {to} is live") } else { "undone".to_owned() };
            done.push(format!("{what}; {end}; started: {}", back.join(", ")));
            // What was made for a switch that never took place goes.
            done.extend(generations::settle(docker, &context.stack, None).await?);
        }
        Goal::Stopped => {
            super::lifecycle::stop(context, docker).await?;
            done.push(format!("{what}; stopped the rest"));
        }
    }
    Ok(())
}

fn live(context: &Context) -> Result<Option<u32>> {
    Ok(generations::Generations::load(&context.stack.home)?.live(&context.stack).map(|live| live.number))
}

fn all(context: &Context) -> Vec<String> {
    context.stack.services().iter().map(|service| service.name.to_owned()).collect()
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
