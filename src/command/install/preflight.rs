//! Step 1: everything about this machine that could be in the way. Changes nothing.

use super::{Install, InstallArgs, Said};
use crate::check::{self, Finding, Fix, Outcome};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::facts::{self, DOCKER_HUB, Facts, Registry, Sources};
use anyhow::Result;
use std::time::Duration;

/// How long the registry may take to answer the preflight; the engine's own pull has more patience.
const REGISTRY_WITHIN: Duration = Duration::from_secs(4);

impl Install<'_> {
    pub(super) async fn preflight(&mut self) -> Said {
        self.facts = gather(self.context, self.args).await;
        let outcomes = check::run(check::preflight(), &self.facts);
        self.take_over_old_settings()?;
        refuse(&check::blocking(&outcomes).collect::<Vec<_>>())?;
        // An interrupted run is no warning here: the next step brings it to its end.
        let outcomes = outcomes.iter().filter(|outcome| outcome.id != "journal.pending");
        let findings = outcomes.flat_map(|outcome| outcome.answer.findings());
        self.port_findings =
            findings.clone().filter(|finding| matches!(finding.fix, Some(Fix::UsePort { .. }))).cloned().collect();
        for finding in findings.filter(|finding| finding.fix.is_none()) {
            self.warn("preflight", format!("{}: {}", finding.about, finding.problem), finding.hint.clone());
        }
        Ok(summary(&self.facts))
    }

    /// An old deployment's env file can be taken over, when the operator says so.
    fn take_over_old_settings(&mut self) -> Result<()> {
        let Ok(Some(legacy)) = self.facts.legacy.known() else { return Ok(()) };
        let home = &self.context.stack.home;
        let Some(old) =
            legacy.env_file.clone().filter(|file| *file != home.env_file() && self.context.stack.env.is_none())
        else {
            return Ok(());
        };
        let question = format!("Take over the settings of the old deployment from {}?", old.display());
        if self.context.ui.confirm(&question, false)? {
            home.create()?;
            let bytes = std::fs::read(&old)?;
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
    if args.with_frontend && context.stack.setting("TARS_PORT_WEB").is_empty() {
        flags.push(("TARS_PORT_WEB", super::settings::WEB_PORT.to_owned()));
    }
    flags
}

/// All of them at once: an operator does not want to meet them one by one.
fn refuse(blocking: &[(&Outcome, &Finding)]) -> Result<()> {
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
