//! `tars install`: from a bare host to a stack that answers, in named steps, GO or NO-GO.
//!
//! Each step first looks whether it is already so, so that a run which was interrupted anywhere goes on and ends in the
//! same state as one that was not. The order of `STEPS` is the order of the run.

mod images;
mod llm;
mod nas;
mod plan;
mod preflight;
mod prerequisites;
mod report;
mod settings;
mod stack;

use crate::check::Finding;
use crate::context::Context;
use crate::error::{Failure, exit_of};
use crate::exit::Exit;
use crate::facts::Facts;
use crate::operate::compose::Compose;
use crate::operate::images::Source;
use crate::operate::journal::{self, Goal, Journal};
use crate::operate::lock::Lock;
use crate::operate::{lifecycle, recover, sweep};
use crate::ui::{self, Report, Warning};
use anyhow::{Context as _, Result};
use report::{Installed, Step};
use std::time::Instant;

/// Flags of `tars install`.
#[derive(Clone, Debug, clap::Args)]
pub struct InstallArgs {
    /// Do without a NAS
    #[arg(long)]
    pub skip_nas: bool,
    /// Leave the GPU out, now and from now on
    #[arg(long)]
    pub cpu_only: bool,
    /// Publish the web page on a port of its own as well (`TARS_PORT_WEB`, 3000)
    #[arg(long)]
    pub with_frontend: bool,
    /// Where images come from: auto, registry, packages, or a docker save archive
    #[arg(long, value_name = "SOURCE")]
    pub images: Option<Source>,
    /// Use an Ollama that runs already, on this machine or in the LAN
    #[arg(long, value_name = "URL")]
    pub ollama_url: Option<String>,
    /// The chat model; none for retrieval only
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The embedding model
    #[arg(long, value_name = "NAME")]
    pub embed_model: Option<String>,
    /// Print the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The steps, in their order: name, and what it is about for people who watch.
pub(crate) const STEPS: [(&str, &str); 9] = [
    ("preflight", "looking at this machine"),
    ("prerequisites", "Docker and compose"),
    ("settings", "home, compose files, secrets"),
    ("nas", "the NAS share"),
    ("images", "getting the images"),
    ("start", "starting the services"),
    ("wait", "waiting until every service answers"),
    ("models", "chat and embedding model"),
    ("verdict", "is it of use (tars validate)"),
];

/// One installation on its way.
struct Install<'a> {
    context: &'a mut Context,
    args: &'a InstallArgs,
    facts: Facts,
    /// What the preflight found and a later step mends.
    fixes: Vec<Finding>,
    compose: Option<Compose>,
    lock: Option<Lock>,
    journal: Option<Journal>,
    /// The services that ran when this run began.
    ran_before: Vec<String>,
    report: Installed,
}

/// What a step came to, for its line in the report.
type Said = Result<String>;

/// Runs the verb. A step that fails ends the run: the report says which, the error says why.
///
/// # Errors
/// Exit 64 for arguments that contradict each other, 75 when another run holds the lock. A failed step is in the report.
pub async fn run(context: &mut Context, args: &InstallArgs) -> Result<Box<dyn Report>> {
    refuse_contradictions(context, args)?;
    if let Err(error) = context.docker()
        && exit_of(&error) == Exit::Usage
    {
        // Another machine's engine: nothing that an installation could mend.
        return Err(error);
    }
    if args.dry_run {
        return Box::pin(plan::plan(context, args)).await;
    }
    if !Lock::is_free(&context.stack.home) {
        // Taking it fails with the name of the process that holds it.
        Lock::take(&context.stack.home)?;
    }
    let report = Installed::default();
    let mut install = Install {
        context,
        args,
        facts: Facts::default(),
        fixes: Vec::new(),
        compose: None,
        lock: None,
        journal: None,
        ran_before: Vec::new(),
        report,
    };
    let ended = Box::pin(install.steps()).await;
    install.end(ended).await
}

impl Install<'_> {
    async fn steps(&mut self) -> Result<()> {
        self.step(0, async |install| install.preflight().await).await?;
        self.take_over()?;
        self.step(1, async |install| install.prerequisites().await).await?;
        self.step(2, async |install| install.settings().await).await?;
        self.step(3, async |install| install.nas().await).await?;
        self.step(4, async |install| install.images().await).await?;
        self.step(5, async |install| install.start().await).await?;
        self.step(6, async |install| install.wait().await).await?;
        self.step(7, async |install| install.models().await).await?;
        self.step(8, async |install| install.verdict().await).await
    }

    /// Runs one step: says that it begins, how it ended and how long it took, and writes it into report and journal.
    async fn step(&mut self, n: usize, work: impl AsyncFnOnce(&mut Self) -> Said) -> Result<()> {
        let (name, about) = STEPS[n];
        self.context.ui.say(&format!("[{}/{}] {name}: {about}", n + 1, STEPS.len()));
        let begun = Instant::now();
        if let Some(journal) = &mut self.journal {
            journal.step(name)?;
        }
        let said = work(self).await;
        let took = begun.elapsed();
        let (status, mark, detail) = match &said {
            Ok(detail) => ("done", "✓", detail.clone()),
            Err(error) => ("failed", "✗", error.to_string()),
        };
        self.context.ui.say(&format!("      {mark} {name}: {detail} ({})", ui::duration(took)));
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.report.steps.push(Step { name, status, detail, duration_ms });
        said.map(|_| ())
    }

    /// Makes the home and takes its lock: from here on this run changes things.
    fn take_over(&mut self) -> Result<()> {
        let home = self.context.stack.home.clone();
        home.create().map_err(|error| {
            Failure::new(Exit::Failed, format!("the home {} cannot be made", home.path().display()))
                .hint("choose a directory that can be written: --home DIR")
                .caused_by(error)
        })?;
        self.lock = Some(Lock::take(&home)?);
        Ok(())
    }

    /// Brings an earlier, interrupted run to its end, then opens this run's own journal.
    async fn recover(&mut self) -> Result<()> {
        let lock = self.lock.as_ref().context("no lock")?;
        let before = journal::read(&self.context.stack.home)?.map(|entry| entry.goal);
        match recover::recover(self.context, lock).await {
            Ok(done) => done.iter().for_each(|what| self.context.ui.say(&format!("      {what}"))),
            // This run brings everything up anyway; should it fail as well, what ran before is still in its journal.
            Err(error) => self.context.ui.say(&format!("      {error:#}; going on, this run sets it right")),
        }
        self.context.reread();
        let ran = lifecycle::running(self.context.docker()?, &self.context.stack).await?;
        self.ran_before.clone_from(&ran);
        let names = before.as_ref().map_or(&[][..], Goal::services);
        self.ran_before.extend(names.iter().filter(|name| !ran.contains(name)).cloned());
        let context = &self.context;
        self.journal =
            Some(Journal::open(&context.stack.home, &context.run, "install", Goal::Running(self.ran_before.clone()))?);
        Ok(())
    }

    fn warn(&mut self, id: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.report.warnings.push(Warning { id, message: message.into(), hint: Some(hint.into()) });
    }

    /// Closes the journal when what ran before runs again, and gives the report its verdict.
    async fn end(mut self, ended: Result<()>) -> Result<Box<dyn Report>> {
        let well = ended.is_ok();
        if let Err(error) = ended {
            self.report.error = Some(with_room_hint(error));
        }
        if let Some(journal) = self.journal.take() {
            if let Ok(docker) = self.context.docker() {
                // What a step that failed left behind: helpers of its siblings.
                sweep::own(docker, &self.context.stack.home, &self.context.run).await.ok();
            }
            if well || self.runs_as_before().await.unwrap_or(false) {
                if let Err(error) = journal.close() {
                    self.warn("journal", format!("the journal could not be removed: {error:#}"), "run: tars start");
                }
            } else {
                self.warn("journal", "what ran before does not run now", "tars start brings it back");
            }
        }
        Ok(Box::new(self.report))
    }

    async fn runs_as_before(&self) -> Result<bool> {
        let running = lifecycle::running(self.context.docker()?, &self.context.stack).await?;
        Ok(self.ran_before.iter().all(|name| running.contains(name)))
    }
}

/// A full disk shows as the engine's, tar's or our own words; the way out is the same.
fn with_room_hint(error: anyhow::Error) -> anyhow::Error {
    if !format!("{error:#}").contains("o space left on device") {
        return error;
    }
    Failure::new(exit_of(&error), "the disk is full")
        .hint("make room (docker system df shows what the engine keeps; df -h shows the disks), then run the same command again")
        .caused_by(error)
        .into()
}

fn refuse_contradictions(context: &Context, args: &InstallArgs) -> Result<()> {
    if args.model.as_deref() == Some("none") && args.ollama_url.is_some() {
        return Err(Failure::new(Exit::Usage, "--model none declines a language model and --ollama-url names one")
            .hint("leave one of the two out")
            .into());
    }
    if let Some(url) = &args.ollama_url {
        crate::client::Address::parse(url, crate::client::ollama::PORT)?;
        if url.contains('@') {
            return Err(Failure::new(Exit::Usage, "an Ollama behind a user name and password cannot be used yet")
                .hint("let it listen in a network that you trust, without a password in the address")
                .into());
        }
        if args.model.is_none() && context.stack.setting("OLLAMA_MODEL") == "none" {
            return Err(Failure::new(Exit::Usage, "the chat model was declined earlier (OLLAMA_MODEL=none)")
                .hint("say which one to use now: --model NAME")
                .into());
        }
    }
    Ok(())
}
