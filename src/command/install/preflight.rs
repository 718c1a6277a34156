//! Step 1: everything about this machine that could be in the way. Changes nothing.

use super::{Install, InstallArgs, Said};
use crate::check::{self, Finding, Outcome};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::facts::{self, DOCKER_HUB, Facts, Registry, Sources};
use anyhow::{Context as _, Result};
use std::time::Duration;

/// How long the registry may take to answer the preflight; the engine's own pull has more patience.
const REGISTRY_WITHIN: Duration = Duration::from_secs(4);

impl Install<'_> {
    pub(super) async fn preflight(&mut self) -> Said {
        self.look().await?;
        Ok(summary(&self.facts))
    }

    /// Gathers, refuses what no step mends, and keeps what one does. Asked again when the engine was silent at first:
    /// only then its volumes and containers show.
    pub(super) async fn look(&mut self) -> Result<()> {
        self.facts = gather(self.context, self.args).await;
        let outcomes = check::run(check::preflight(), &self.facts);
        refuse(&check::blocking(&outcomes).collect::<Vec<_>>())?;
        self.report.warnings.clear();
        self.fixes.clear();
        // An interrupted run is no warning here: the next step brings it to its end.
        for outcome in outcomes.into_iter().filter(|outcome| outcome.id != "journal.pending") {
            for finding in outcome.answer.findings() {
                if finding.fix.is_some() {
                    self.fixes.push(finding.clone());
                } else {
                    self.warn(outcome.id, format!("{}: {}", finding.about, finding.problem), finding.hint.clone());
                }
            }
        }
        Ok(())
    }

    /// An old deployment's env file can be taken over, when the operator says so; needs the lock.
    pub(super) async fn take_over_old_settings(&mut self) -> Result<()> {
        let Ok(Some(legacy)) = self.facts.legacy.known() else { return Ok(()) };
        let home = self.context.stack.home.clone();
        let unsettled = self.context.stack.env.is_none() && self.context.stack.env_problem.is_none();
        let Some(old) = legacy.env_file.clone().filter(|file| unsettled && *file != home.env_file()) else {
            return Ok(());
        };
        let question = format!("Take over the settings of the old deployment from {}?", old.display());
        if self.context.ui.confirm(&question, false).await? {
            let bytes = std::fs::read(&old).with_context(|| format!("could not read {}", old.display()))?;
            crate::stack::state::write(&home.env_file(), 0o600, &bytes)?;
            self.context.reread();
        }
        Ok(())
    }
}

/// Looks at everything, with the settings that this run is about to write.
pub(super) async fn gather(context: &Context, args: &InstallArgs) -> Facts {
    let engine = context.docker();
    let flags = flags(context, args);
    let from = Sources {
        flags: &flags,
        registry: Some((DOCKER_HUB, REGISTRY_WITHIN)),
        ..Sources::new(&context.stack, engine.as_ref().map(|docker| *docker))
    };
    facts::gather(&from).await
}

fn flags(context: &Context, args: &InstallArgs) -> Vec<(&'static str, String)> {
    let mut flags = Vec::new();
    if args.ollama_url.is_some() {
        flags.push(("TARS_LLM", "url".to_owned()));
    }
    if args.model.as_deref() == Some("none") {
        flags.push(("TARS_LLM", "none".to_owned()));
    }
    if let Some(source) = &args.images {
        flags.push(("TARS_IMAGES", source.to_string()));
    }
    if args.cpu_only {
        flags.push(("TARS_GPU", "off".to_owned()));
    }
    if args.with_frontend && context.stack.setting("TARS_PORT_WEB").is_empty() {
        flags.push(("TARS_PORT_WEB", super::settings::WEB_PORT.to_owned()));
    }
    flags
}

/// All of them at once: an operator does not want to meet them one by one.
pub(super) fn refuse(blocking: &[(&Outcome, &Finding)]) -> Result<()> {
    let Some((_, first)) = blocking.first() else { return Ok(()) };
    let rights = blocking.iter().any(|(outcome, _)| matches!(outcome.id, "host.rights" | "engine.permission"));
    let exit = if rights { Exit::NotPermitted } else { Exit::Failed };
    if let [_] = blocking {
        return Err(Failure::new(exit, format!("{}: {}", first.about, first.problem)).hint(first.hint.clone()).into());
    }
    let list: Vec<_> =
        blocking.iter().map(|(_, f)| format!("\n  - {}: {}\n    → {}", f.about, f.problem, f.hint)).collect();
    Err(Failure::new(exit, format!("{} things are in the way:{}", blocking.len(), list.concat())).into())
}

fn summary(facts: &Facts) -> String {
    let host = facts.host.known().map_or_else(|_| "unknown system".to_owned(), |host| host.os_name.clone());
    let memory = facts
        .memory
        .known()
        .map_or_else(|_| String::new(), |memory| format!(", {} memory", crate::ui::bytes(memory.total)));
    let disk = facts.engine_disk.known().or(facts.home_disk.known());
    let disk = disk.map_or_else(|_| String::new(), |disk| format!(", {} free", crate::ui::bytes(disk.free)));
    let registry = match facts.registry.known() {
        Ok(Registry::Answers(_)) => ", registry answers",
        Ok(Registry::TooMany(_)) => ", registry asks for patience",
        Ok(Registry::Unreachable { .. }) => ", no registry",
        _ => "",
    };
    format!("{host}{memory}{disk}{registry}")
}
