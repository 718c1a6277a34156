//! The switch from one generation of volumes to another: the journal, stop, remove, the env file's rename, create,
//! look, start, wait. The env file decides which way a killed switch is brought to its end ([`super::recover`]).
//!
//! Between the removal and the creation there is no container that a reboot could start on the wrong volume.

use super::compose::Compose;
use super::generations::{Generation, Generations};
use super::journal::{Goal, Journal};
use super::lock::Lock;
use super::{lifecycle, prepare, settings, wait};
use crate::context::Context;
use crate::docker::{Container, Docker, Status};
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::Stack;
use crate::stack::envfile::EnvFile;
use crate::stack::service;
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use std::time::{Duration, Instant};

/// What a switch is about to do, ready to be done: everything that can be refused was asked before.
#[derive(Debug)]
pub struct Switch {
    compose: Compose,
    from: u32,
    to: u32,
    /// The env file as it is, and as it will be.
    old: EnvFile,
    new: EnvFile,
    /// Services whose containers must be made anew: their volume or their settings change.
    affected: Vec<&'static str>,
    ran: Vec<String>,
}

/// What a switch did.
#[derive(Clone, Copy, Debug)]
pub struct Switched {
    /// From the first stop until every service answers a real request again.
    pub downtime: Duration,
}

impl Switch {
    /// Looks at everything that could be in the way. `others` are further settings that change with the volumes; the
    /// journal is then at its goal for the time before the switch. Nothing has been stopped.
    ///
    /// # Errors
    /// When a volume of `to` is missing, an image is, or the settings cannot be used.
    pub async fn prepare(
        context: &mut Context,
        lock: &Lock,
        from: u32,
        to: &Generation,
        others: &[(String, String)],
    ) -> Result<Self> {
        let compose = Compose::find().await?;
        refuse_missing(context, to).await?;
        let named: Vec<(String, String)> = to.settings().map(|(key, name)| (key.to_owned(), name.to_owned())).collect();
        let affected = affected(&context.stack, &named, !others.is_empty());
        prepare::images_and_settings(context, &affected).await?;
        prepare::need_images_of(context, others).await?;
        let old = context.stack.need_env()?.clone();
        let mut new = old.clone();
        for (key, value) in named.iter().chain(others) {
            new.set(key, value);
        }
        compose.run(&context.stack, lock, &["config", "-q"], |_| {}).await?;
        let ran = ran(context.docker()?, &context.stack).await?;
        Ok(Self { compose, from, to: to.number, old, new, affected, ran })
    }

    /// What runs now and will not while it is done.
    #[must_use]
    pub fn ran(&self) -> &[String] {
        &self.ran
    }

    /// Does it. When the new data does not answer, the old is made live again, and the error says so.
    ///
    /// # Errors
    /// When the engine or compose refuses, or the services do not answer on the new volumes.
    pub async fn run(&self, context: &mut Context, lock: &Lock, journal: &mut Journal) -> Result<Switched> {
        let begun = Instant::now();
        let mut all = Generations::load(&context.stack.home)?;
        all.about_to_switch(self.from, self.to)?;
        journal.goal(Goal::Switch { from: self.from, to: self.to, ran: self.ran.clone() })?;
        match self.over(context, lock, journal, &self.new, None).await {
            Ok(()) => Ok(Switched { downtime: begun.elapsed() }),
            Err(error) => Err(self.back(context, lock, journal, error).await),
        }
    }

    /// The way there, and the way back.
    async fn over(
        &self,
        context: &mut Context,
        lock: &Lock,
        journal: &mut Journal,
        env: &EnvFile,
        only: Option<&[String]>,
    ) -> Result<()> {
        let docker = context.docker()?.clone();
        step(context, journal, "switch: stop")?;
        let containers = lifecycle::containers(&docker, &context.stack).await?;
        let (gone, _): (Vec<Container>, Vec<Container>) =
            containers.into_iter().partition(|container| self.affected.contains(&container.service()));
        // Servers whose data is damaged may not even stop; their removal does not ask them.
        if let Err(error) = lifecycle::stop_these(&docker, &gone).await {
            context.ui.detail(&format!("{error:#}; removing it all the same"));
        }
        step(context, journal, "switch: remove")?;
        try_join_all(gone.iter().map(|container| docker.remove_but_volumes(&container.id))).await?;
        step(context, journal, "switch: rename")?;
        settings::write_env(&context.stack.home, env)?;
        context.reread();
        let mut all = Generations::load(&context.stack.home)?;
        if let Some(live) = all.live(&context.stack).map(|live| live.number) {
            all.promote(live)?;
        }
        step(context, journal, "switch: create")?;
        lifecycle::create(context, lock, &self.compose).await?;
        step(context, journal, "switch: look")?;
        look(&docker, &context.stack).await?;
        step(context, journal, "switch: start")?;
        let wanted = context.stack.services();
        let wanted: Vec<_> = wanted
            .into_iter()
            .filter(|service| only.is_none_or(|names| names.iter().any(|name| name == service.name)))
            .collect();
        let project = context.stack.project().to_owned();
        let names: Vec<_> = wanted.iter().map(|service| service.container(&project)).collect();
        try_join_all(names.iter().map(|name| docker.start(name))).await?;
        step(context, journal, "switch: wait")?;
        wait::all_answered(wait::for_answers(context, &wanted).await?)?;
        if wanted.iter().any(|service| service.name == "backend") {
            wait::for_api(&context.stack).await?;
        }
        Ok(())
    }

    /// Makes the old data live again, where there still is any.
    async fn back(
        &self,
        context: &mut Context,
        lock: &Lock,
        journal: &mut Journal,
        why: anyhow::Error,
    ) -> anyhow::Error {
        let failure = Failure::new(Exit::Failed, "the services do not answer on the other volumes").caused_by(why);
        let old = Generations::load(&context.stack.home).ok().and_then(|all| all.number(self.from).cloned());
        let there = match &old {
            Some(old) => refuse_missing(context, old).await,
            None => Err(anyhow::anyhow!("the old generation is not known")),
        };
        if let Err(error) = there {
            return failure.hint(format!("there is no way back ({error:#}); tars status says what runs")).into();
        }
        context.ui.warn("the services do not answer on the other volumes; going back");
        let goal = Goal::Switch { from: self.to, to: self.from, ran: self.ran.clone() };
        let went = match journal.goal(goal) {
            Ok(()) => self.over(context, lock, journal, &self.old, Some(&self.ran)).await,
            Err(error) => Err(error),
        };
        match went {
            Ok(()) => failure.hint("the old data is live again, as before").into(),
            Err(error) => {
                failure.hint(format!("going back failed as well ({error:#}): tars start tries it again")).into()
            }
        }
    }
}

/// Writes the step down, and shows it to who wants to see everything.
fn step(context: &Context, journal: &mut Journal, name: &str) -> Result<()> {
    journal.step(name)?;
    context.ui.detail(name);
    Ok(())
}

/// Compose would make an empty volume where one is missing.
async fn refuse_missing(context: &Context, generation: &Generation) -> Result<()> {
    let docker = context.docker()?;
    for (_, name) in generation.settings() {
        if docker.volume(name).await?.is_none() {
            let message =
                format!("generation {} is not whole: its volume {name} does not exist any more", generation.number);
            return Err(Failure::new(Exit::Unavailable, message)
                .hint("nothing was stopped; an archive brings the data back: tars restore --backup-file FILE")
                .into());
        }
    }
    Ok(())
}

/// The services whose volumes get other names; the backend always, since it holds connections to them. With other
/// settings all but Ollama, whose models take long to load.
fn affected(stack: &Stack, named: &[(String, String)], settings: bool) -> Vec<&'static str> {
    let changes = |service: &service::Service| {
        let mut keys = service.volumes.iter().map(|volume| volume.setting);
        keys.any(|key| named.iter().any(|(named, name)| named == key && stack.setting(key) != name))
    };
    let all = service::ALL.iter().copied();
    all.filter(|service| service.name == "backend" || changes(service) || (settings && service.name != "ollama"))
        .map(|service| service.name)
        .collect()
}

/// What runs, or tries to again and again.
async fn ran(docker: &Docker, stack: &Stack) -> Result<Vec<String>> {
    let runs =
        |container: &&Container| matches!(container.status, Status::Running | Status::Restarting | Status::Paused);
    let containers = lifecycle::containers(docker, stack).await?;
    Ok(containers.iter().filter(runs).map(|container| container.service().to_owned()).collect())
}

/// Each container mounts what the env file names, or nothing is started.
async fn look(docker: &Docker, stack: &Stack) -> Result<()> {
    let containers = lifecycle::containers(docker, stack).await?;
    for service in stack.services() {
        let container = containers.iter().find(|container| container.service() == service.name);
        let container = container.with_context(|| format!("compose made no container for {}", service.name))?;
        if let Some(other) = lifecycle::mounts_another(container, stack) {
            anyhow::bail!("compose put {} onto {other}, which the settings do not name", container.name);
        }
        let mounted = |volume: &service::Volume| container.mounts.iter().any(|mount| mount.destination == volume.path);
        ensure!(service.volumes.iter().all(mounted), "compose made {} without its volume", container.name);
    }
    Ok(())
}
