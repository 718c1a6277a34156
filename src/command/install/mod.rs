//! `tars install`: from a bare host to a stack that answers, in named steps, GO or NO-GO.
//!
//! Each step first looks whether it is already so, so that a run which was interrupted anywhere goes on and ends in the
//! same state as one that was not. The order of [`STEPS`] is the order of the run.

mod images;
mod llm;
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
use crate::operate::{lifecycle, recover};
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
    ("verdict", "is it of use"),
];

/// One installation on its way.
struct Install<'a> {
    context: &'a mut Context,
    args: &'a InstallArgs,
    facts: Facts,
    /// Ports that are taken and may be chosen anew.
    port_findings: Vec<Finding>,
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
    refuse_contradictions(args)?;
    if args.dry_run {
        return Box::pin(plan::plan(context, args)).await;
    }
    if !Lock::is_free(&context.stack.home) {
        // Taking it fails with the name of the process that holds it.
        Lock::take(&context.stack.home)?;
    }
    let report = Installed::new(context);
    let mut install = Install {
        context,
        args,
        facts: Facts::default(),
        port_findings: Vec::new(),
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
        let begun = self.begin(0);
        let said = self.preflight().await;
        self.ended(0, begun, said)?;
        self.take_over()?;
        let begun = self.begin(1);
        let said = self.prerequisites().await;
        self.ended(1, begun, said)?;
        // Only now there surely is an engine to recover and sweep with.
        self.recover().await?;
        let begun = self.begin(2);
        let said = self.settings().await;
        self.ended(2, begun, said)?;
        let begun = self.begin(3);
        let said = Ok(self.nas());
        self.ended(3, begun, said)?;
        let begun = self.begin(4);
        let said = self.images().await;
        self.ended(4, begun, said)?;
        let begun = self.begin(5);
        let said = self.start().await;
        self.ended(5, begun, said)?;
        let begun = self.begin(6);
        let said = self.wait().await;
        self.ended(6, begun, said)?;
        let begun = self.begin(7);
        let said = self.models().await;
        self.ended(7, begun, said)?;
        let begun = self.begin(8);
        let said = self.verdict().await;
        self.ended(8, begun, said)
    }

    fn begin(&self, n: usize) -> Instant {
        let (name, about) = STEPS[n];
        self.context.ui.say(&format!("[{}/{}] {name}: {about}", n + 1, STEPS.len()));
        Instant::now()
    }

    fn ended(&mut self, n: usize, begun: Instant, said: Said) -> Result<()> {
        let (name, _) = STEPS[n];
        let took = begun.elapsed();
        let (status, detail, failed) = match said {
            Ok(detail) => ("done", detail, Ok(())),
            Err(error) => ("failed", format!("{error}"), Err(error)),
        };
        let mark = if status == "done" { "✓" } else { "✗" };
        self.context.ui.say(&format!("      {mark} {name}: {detail} ({})", ui::duration(took)));
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.report.steps.push(Step { name, status, detail, duration_ms });
        failed
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
        if let Some(Goal::Running(names)) = before {
            self.ran_before.extend(names.into_iter().filter(|name| !ran.contains(name)));
        }
        let context = &self.context;
        self.journal =
            Some(Journal::open(&context.stack.home, &context.run, "install", Goal::Running(self.ran_before.clone()))?);
        Ok(())
    }

    fn nas(&self) -> String {
        if self.args.skip_nas { "skipped (--skip-nas)".to_owned() } else { "not configured".to_owned() }
    }

    fn warn(&mut self, id: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        let warning = Warning { id, message: message.into(), hint: Some(hint.into()) };
        self.report.warnings.push(warning);
    }

    /// Closes the journal when what ran before runs again, and gives the report its verdict.
    async fn end(mut self, ended: Result<()>) -> Result<Box<dyn Report>> {
        if let Some(journal) = self.journal.take() {
            if ended.is_ok() || self.runs_as_before().await.unwrap_or(false) {
                journal.close()?;
            } else {
                self.context.ui.warn("what ran before does not run now: tars start brings it back");
            }
        }
        if let Err(error) = ended {
            let early = self.report.steps.is_empty();
            if early {
                return Err(error);
            }
            self.report.error = Some(with_room_hint(error));
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

fn refuse_contradictions(args: &InstallArgs) -> Result<()> {
    if args.model.as_deref() == Some("none") && args.ollama_url.is_some() {
        return Err(Failure::new(Exit::Usage, "--model none declines a language model and --ollama-url names one")
            .hint("leave one of the two out")
            .into());
    }
    if let Some(url) = &args.ollama_url {
        crate::client::Address::parse(url, crate::client::ollama::PORT)?;
    }
    Ok(())
}
