//! Back to the generation before the live one. Twice is redo: the data that is left behind stays where it is.

use super::generations::{Generation, Generations};
use super::journal::{Goal, Journal};
use super::lifecycle;
use super::lock::Lock;
use super::switch::{Switch, Switched};
use crate::context::Context;
use crate::docker::Docker;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::env::{self, Kind};
use crate::stack::envfile::EnvFile;
use crate::stack::home::Home;
use crate::stack::{Stack, state};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::PathBuf;

/// An undo that can be done: everything that it needs is there.
#[derive(Debug)]
pub struct Undo {
    /// What is live, and will be left behind.
    pub from: Generation,
    /// What will be live.
    pub to: Generation,
    /// Settings that go back with the volumes: they came with a restore of the settings.
    others: Vec<(String, String)>,
}

impl Undo {
    /// Looks for the generation before the live one. Does not look at the live data, which may be damaged or gone.
    ///
    /// # Errors
    /// Exit 69 when there is none, or a volume of it is gone.
    pub async fn find(context: &Context) -> Result<Self> {
        let stack = &context.stack;
        stack.need_env()?;
        let all = Generations::load(&stack.home)?;
        let from = all.live(stack).cloned().context("state/generations.json names no generation")?;
        let Some(to) = all.previous(stack).cloned() else {
            return Err(Failure::new(
                Exit::Unavailable,
                "there is nothing to undo: no restore has replaced the live data",
            )
            .hint("an archive brings older data back: tars restore lists them")
            .into());
        };
        let gone = gone(context.docker()?, &to).await?;
        if !gone.is_empty() {
            let message = format!("the data before the restore is gone: volume {}", gone.join(", "));
            return Err(Failure::new(Exit::Unavailable, message)
                .hint("nothing was changed; docker volume prune of old engines takes unused volumes: an archive brings the data back")
                .into());
        }
        let others = settings_of(&stack.home, to.number, stack.need_env()?)?;
        Ok(Self { from, to, others })
    }

    /// Does it.
    ///
    /// # Errors
    /// When the services do not answer on the older data: then what was live is live again.
    pub async fn run(&self, context: &mut Context, lock: &Lock) -> Result<Switched> {
        let images = images_of(&self.to, context);
        let others: Vec<_> = self.others.iter().cloned().chain(images).collect();
        let switch = Switch::prepare(context, lock, self.from.number, &self.to, &others).await?;
        if !self.others.is_empty() {
            keep_settings(&context.stack.home, self.from.number, context.stack.need_env()?)?;
        }
        let home = context.stack.home.clone();
        let goal = Goal::Running(switch.ran().to_vec());
        let mut journal = Journal::open(&home, &context.run, "restore --undo", goal)?;
        let ended = switch.run(context, lock, &mut journal).await;
        // Whoever is left on neither side stays with the journal, for the next run.
        if ended.is_ok() || as_before(context, switch.ran()).await {
            journal.close()?;
        }
        ended
    }
}

/// Whether everything runs that ran before.
pub async fn as_before(context: &Context, ran: &[String]) -> bool {
    let Ok(docker) = context.docker() else { return false };
    let running = lifecycle::running(docker, &context.stack).await.unwrap_or_default();
    ran.iter().all(|name| running.contains(name))
}

/// Volumes of a generation that do not exist any more.
///
/// # Errors
/// When the engine does not answer.
pub async fn gone(docker: &Docker, generation: &Generation) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for (_, name) in generation.settings() {
        if docker.volume(name).await?.is_none() {
            gone.push(name.to_owned());
        }
    }
    Ok(gone)
}

/// The generation that an undo would bring back, as `status` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Previous {
    /// Its number.
    pub number: u32,
    /// When it was replaced.
    pub replaced: Option<String>,
    /// The archive that replaced it.
    pub by: Option<String>,
    /// What an undo would lack: volumes that are gone.
    pub gone: Vec<String>,
}

impl Previous {
    /// Why it cannot be brought back, if so.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let gone = self.gone.join(", ");
        (!gone.is_empty()).then(|| format!("the last restore cannot be undone any more: the volume {gone} is gone"))
    }

    /// What an operator should know of it.
    #[must_use]
    pub fn words(&self) -> String {
        let when = self.replaced.as_deref().map_or_else(String::new, |when| format!(" (replaced {when})"));
        format!("undo    tars restore --undo brings generation {} back{when}", self.number)
    }
}

/// Looks for it.
///
/// # Errors
/// When the engine or the state cannot be asked.
pub async fn previous(docker: &Docker, stack: &Stack) -> Result<Option<Previous>> {
    let all = Generations::load(&stack.home)?;
    let (Some(live), Some(to)) = (all.live(stack), all.previous(stack)) else { return Ok(None) };
    let by = live.origin.as_ref().map(|origin| origin.archive.clone());
    Ok(Some(Previous { number: to.number, replaced: live.since.clone(), by, gone: gone(docker, to).await? }))
}

/// Keeps the settings that belong to a generation's data, passwords included, before others take their place.
///
/// # Errors
/// When the file cannot be written.
pub fn keep_settings(home: &Home, number: u32, env: &EnvFile) -> Result<()> {
    state::write(&kept(home, number), 0o600, env.text().as_bytes())
}

/// What the kept settings of a generation say otherwise than the present ones: secrets, and what travels.
fn settings_of(home: &Home, number: u32, present: &EnvFile) -> Result<Vec<(String, String)>> {
    let Some(kept) = EnvFile::read(&kept(home, number))? else { return Ok(Vec::new()) };
    let travels = env::KEYS.iter().filter(|key| matches!(key.kind, Kind::Secret | Kind::Travels));
    let differing = travels.filter_map(|key| {
        let value = kept.get(key.name)?;
        (present.get(key.name) != Some(value)).then(|| (key.name.to_owned(), value.to_owned()))
    });
    Ok(differing.collect())
}

fn kept(home: &Home, number: u32) -> PathBuf {
    home.state_file(&format!("settings.g{number}.env"))
}

/// The images that a generation's data was made with, where the settings name others by now.
fn images_of(to: &Generation, context: &Context) -> Vec<(String, String)> {
    let differing = to.images.iter().filter(|(key, image)| {
        key.as_str() != "TARS_IMAGE_BACKEND" && !image.is_empty() && context.stack.setting(key) != image.as_str()
    });
    differing.map(|(key, image)| (key.clone(), image.clone())).collect()
}

/// Removes the settings that were kept for a generation which is gone.
///
/// # Errors
/// When the file is there and cannot be removed.
pub fn forget_settings(home: &Home, number: u32) -> Result<()> {
    state::remove(&kept(home, number))
}
