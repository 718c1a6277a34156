//! The quiet: what stops writing for the copy, and starts again whatever happens.
//!
//! The journal is written before the first stop. Only what ran is stopped, and exactly that is started again, as the
//! containers that were there; nothing is made anew. [`Quiesced::restart`] must be called on every way out; a process
//! that dies before leaves the journal, and the next changing run does it.

use crate::client::api::Api;
use crate::context::Context;
use crate::docker::{Container, Docker};
use crate::error::{Failure, hints_of};
use crate::exit::Exit;
use crate::operate::journal::{Goal, Journal};
use crate::operate::wait;
use crate::stack::service::{self, Service};
use crate::ui;
use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use std::time::{Duration, Instant};

/// How long a stopping server may take before it is killed; Chroma and the backend need a fraction of a second.
const GRACE_S: i32 = 60;
/// How long an engine that went away in the middle is waited for.
const ENGINE_WITHIN: Duration = Duration::from_mins(3);
/// How long a failing start is tried again though the engine answers.
const CUT_OFF: Duration = Duration::from_secs(5);

/// Who was stopped.
#[derive(Debug)]
pub struct Quiesced {
    journal: Journal,
    stopped: Vec<(&'static Service, Container)>,
    since: Option<Instant>,
    /// Whether the API was of use before.
    served: bool,
}

impl Quiesced {
    /// Writes the journal: these services ran, and will run again.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be stopped.
    pub async fn begin(context: &Context, verb: &str, ran: &[String]) -> Result<Self> {
        // Without a store that was stopped on purpose it is not ready, and will not be.
        let ready = Api::new(&wait::api_url(&context.stack))?.ready().await;
        let served = ready.is_ok_and(|ready| ready.is_of_use());
        let journal = Journal::open(&context.stack.home, &context.run, verb, Goal::Running(ran.to_vec()))?;
        Ok(Self { journal, stopped: Vec::new(), since: None, served })
    }

    /// Says where the run is now.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn step(&mut self, step: &str) -> Result<()> {
        self.journal.step(step)
    }

    /// Stops a service, if it runs.
    ///
    /// # Errors
    /// When the engine cannot, or had to kill it: what a killed server wrote is not whole.
    pub async fn stop(&mut self, docker: &Docker, container: Option<&Container>) -> Result<()> {
        let Some(container) = container.filter(|container| container.runs()) else { return Ok(()) };
        let service = service::named(container.service()).context("a service without a row")?;
        self.journal.step(&format!("stop {}", service.name))?;
        self.since.get_or_insert_with(Instant::now);
        self.stopped.push((service, container.clone()));
        docker.stop(&container.id, GRACE_S).await
    }

    /// Starts what was stopped, waits until each of it, and the API if it was of use before, answers a real request, and drops the journal.
    /// Returns how long it was down so far, and whether it runs again: when one does not start or answer, the journal
    /// stays, and the next changing run tries again. An engine that is away is waited for.
    pub async fn restart(mut self, context: &Context) -> (Duration, Result<()>) {
        let ended = self.until_back(context).await;
        let down = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        (down, ended.and_then(|()| self.journal.close()))
    }

    async fn until_back(&mut self, context: &Context) -> Result<()> {
        // The goal stands in the journal already: a disk that takes no more words must not keep anything down.
        self.journal.step("start").ok();
        let (begun, mut said) = (Instant::now(), false);
        loop {
            let Err(error) = self.bring_back(context).await else { return Ok(()) };
            let away = Docker::connect().await.is_err();
            // A call that an ending engine cut off shows only after the engine is back.
            if begun.elapsed() >= ENGINE_WITHIN || (!away && begun.elapsed() >= CUT_OFF) {
                let names = self.stopped.iter().map(|(service, _)| service.name).collect::<Vec<_>>().join(", ");
                let message = format!("{names} did not come back after the copy");
                let hint = if away {
                    "start the engine (sudo systemctl start docker), then: tars start"
                } else {
                    hints_of(&error).first().copied().unwrap_or("run: tars start")
                };
                return Err(Failure::new(Exit::Failed, message).hint(hint.to_owned()).caused_by(error).into());
            }
            if away && !said {
                let within = ui::duration(ENGINE_WITHIN);
                context.ui.warn(&format!("the Docker engine went away; waiting up to {within} for it to come back"));
                said = true;
            }
            // An engine that comes back tells nobody.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn bring_back(&self, context: &Context) -> Result<()> {
        let docker = context.docker()?;
        try_join_all(self.stopped.iter().rev().map(|(_, container)| docker.start(&container.id))).await?;
        let services: Vec<_> = self.stopped.iter().map(|(service, _)| *service).collect();
        wait::all_answered(wait::for_answers(context, &services).await?)?;
        if self.served && services.iter().any(|service| service.name == "backend") {
            wait::for_api(&context.stack).await?;
        }
        Ok(())
    }
}

/// A server that did not stay stopped while its files were read, as an error.
///
/// # Errors
/// When it ran meanwhile, was killed, or the engine does not say.
pub async fn stayed_stopped(docker: &Docker, before: &Container) -> Result<()> {
    let now = docker.container(&before.id).await?.with_context(|| format!("{} is gone", before.name))?;
    let problem = if now.runs() || now.started_at != before.started_at {
        format!("{} was started by somebody while its files were copied", now.name)
    } else if before.runs() && matches!(now.exit_code, 137 | 139) {
        format!("{} did not stop by itself (exit status {}): its files may not be whole", now.name, now.exit_code)
    } else {
        return Ok(());
    };
    Err(Failure::new(Exit::Failed, problem).hint("run the backup again").into())
}
