//! `--dry-run`: the plan, from the same facts. Changes nothing, not even a lock file.

use super::preflight::{gather, refuse};
use super::report::Step;
use super::{InstallArgs, STEPS};
use crate::check::{self, Finding, Fix, Severity};
use crate::context::Context;
use crate::error::exit_of;
use crate::exit::Exit;
use crate::facts::{Facts, Registry};
use crate::operate::compose::Compose;
use crate::operate::images::Source;
use crate::ui::{Page, Report, Warning};
use anyhow::Result;
use serde_json::{Value, json};

/// What an installation would do.
#[derive(Debug)]
struct Plan {
    steps: Vec<Step>,
    warnings: Vec<Warning>,
    /// Why it would be refused.
    error: Option<anyhow::Error>,
}

pub(super) async fn plan(context: &Context, args: &InstallArgs) -> Result<Box<dyn Report>> {
    let facts = gather(context, args).await;
    let outcomes = check::run(check::preflight(), &facts);
    let error = refuse(&check::blocking(&outcomes).collect::<Vec<_>>()).err();
    let findings =
        || outcomes.iter().flat_map(|outcome| outcome.answer.findings().iter().map(move |f| (outcome.id, f)));
    let fixes: Vec<Fix> = findings().filter_map(|(_, finding)| finding.fix.clone()).collect();
    let left = || findings().filter(|(_, finding)| finding.fix.is_none());
    let would = [
        match (&error, left().count()) {
            (Some(_), _) => "refuse this machine: see below".to_owned(),
            (None, 0) => "find nothing in the way".to_owned(),
            (None, n) => format!("go on, with {n} warnings: see below"),
        },
        prerequisites(context, &fixes).await,
        settings(context, &fixes),
        if args.skip_nas {
            "skip it".to_owned()
        } else {
            "mount the share that is known, else ask for one; without an answer go on".to_owned()
        },
        images(context, args, &facts),
        "create and start what is not running".to_owned(),
        format!("wait up to {} s for each service", context.stack.setting("TARS_WAIT_S")),
        models(context, args, &facts),
        "say GO or NO-GO".to_owned(),
    ];
    let step = |((name, _), detail): (&(&'static str, _), _)| Step { name, status: "planned", detail, duration_ms: 0 };
    let steps = STEPS.iter().zip(would).map(step).collect();
    let warning = |(id, finding): (&'static str, &Finding)| Warning {
        id,
        message: format!("{}: {}", finding.about, finding.problem),
        hint: Some(finding.hint.clone()),
    };
    // What blocks is the error itself.
    let warnings = left().filter(|(_, finding)| finding.severity == Severity::Warn).map(warning).collect();
    Ok(Box::new(Plan { steps, warnings, error }))
}

async fn prerequisites(context: &Context, fixes: &[Fix]) -> String {
    let mut would = Vec::new();
    if fixes.contains(&Fix::InstallEngine) {
        would.push("install Docker");
    }
    if fixes.contains(&Fix::StartEngine) {
        would.push("start Docker");
    }
    if Compose::find().await.is_err() {
        would.push("install compose");
    }
    if fixes.contains(&Fix::InstallGpuToolkit) {
        would.push("install NVIDIA's container toolkit");
    }
    match (would.is_empty(), context.docker()) {
        (false, _) => would.join(", "),
        (true, Ok(_)) => "find Docker and compose there".to_owned(),
        (true, Err(error)) => format!("stop: {error}"),
    }
}

fn settings(context: &Context, fixes: &[Fix]) -> String {
    let home = context.stack.home.path().display();
    let ports = fixes.iter().filter_map(|fix| match fix {
        Fix::UsePort { setting, port } => Some(format!(", {setting}={port} because the usual one is taken")),
        _ => None,
    });
    let ports: String = ports.collect();
    match &context.stack.env {
        Some(_) => format!("keep the settings in {home} and add what is new{ports}"),
        None => format!("make {home} with new secrets{ports}"),
    }
}

fn images(context: &Context, args: &InstallArgs, facts: &Facts) -> String {
    let source =
        args.images.clone().or_else(|| context.stack.setting("TARS_IMAGES").parse().ok()).unwrap_or(Source::Auto);
    let Ok(images) = facts.images.known() else { return format!("get all of them ({source})") };
    // The backend's image is this binary: imported, never fetched. Ollama's is wanted only where it can be had.
    let fetched = images.iter().filter(|image| image.present.is_none() && image.service != "backend");
    let missing: Vec<_> = fetched.map(|image| image.service.as_str()).collect();
    let built: Vec<_> = missing.iter().copied().filter(|name| *name != "ollama").collect();
    let reachable = !matches!(facts.registry.known(), Ok(Registry::Unreachable { .. }));
    match source {
        Source::File(file) => format!("load {} and find {} there", file.display(), missing.join(", ")),
        _ if missing.is_empty() || (!reachable && built.is_empty()) => "find them there".to_owned(),
        Source::Registry => format!("pull {}", missing.join(", ")),
        Source::Auto if reachable => format!("pull {}", missing.join(", ")),
        Source::Packages => format!("build {} from packages", built.join(", ")),
        Source::Auto => format!("build {} from packages: no registry can be reached", built.join(", ")),
    }
}

fn models(context: &Context, args: &InstallArgs, facts: &Facts) -> String {
    let setting =
        |flag: &Option<String>, key: &str| flag.clone().unwrap_or_else(|| context.stack.setting(key).to_owned());
    let (chat, embed) = (setting(&args.model, "OLLAMA_MODEL"), setting(&args.embed_model, "TARS_EMBED_MODEL"));
    let host = matches!(facts.ollama.known(), Ok(Some(found)) if !found.ours());
    match (chat.as_str(), &args.ollama_url) {
        ("none", _) => "do without a language model (retrieval-only)".to_owned(),
        (_, Some(url)) => format!("get {chat} and {embed} through {url}"),
        _ if host => format!("offer the Ollama of this machine, and get {chat} and {embed} through it"),
        _ => format!("get {chat} and {embed}, if Ollama can be had; else go on without (retrieval-only)"),
    }
}

impl Report for Plan {
    fn render(&self, page: &mut Page) {
        page.line(page.bold("The plan; nothing was changed:"));
        let rows: Vec<_> = self
            .steps
            .iter()
            .enumerate()
            .map(|(n, step)| vec![format!("{}.", n + 1), step.name.to_owned(), step.detail.clone()])
            .collect();
        page.table(&rows);
        for warning in &self.warnings {
            page.wrapped(&format!("{} ", page.yellow("!")), &warning.message);
            page.wrapped("  → ", warning.hint.as_deref().unwrap_or_default());
        }
    }

    fn exit(&self) -> Exit {
        self.error.as_ref().map_or(Exit::Done, exit_of)
    }

    fn error(&self) -> Option<&anyhow::Error> {
        self.error.as_ref()
    }

    fn data(&self) -> Value {
        json!({ "verdict": null, "dry_run": true, "steps": self.steps, "urls": {} })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    fn warnings_are_rendered(&self) -> bool {
        true
    }
}
