//! `--dry-run`: the plan, from the same facts. Changes nothing, not even a lock file.

use super::preflight::gather;
use super::report::Step;
use super::{InstallArgs, STEPS};
use crate::check::{self, Finding, Fix};
use crate::context::Context;
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
    refused: bool,
}

pub(super) async fn plan(context: &Context, args: &InstallArgs) -> Result<Box<dyn Report>> {
    let facts = gather(context, args).await;
    let outcomes = check::run(check::preflight(), &facts);
    let findings: Vec<Finding> = outcomes.iter().flat_map(|outcome| outcome.answer.findings()).cloned().collect();
    let refused = check::blocking(&outcomes).next().is_some();
    let would = [
        match (refused, findings.len()) {
            (true, _) => "refuse this machine: see below".to_owned(),
            (false, 0) => "find nothing in the way".to_owned(),
            (false, n) => format!("go on, with {n} warnings: see below"),
        },
        prerequisites(context, &findings.iter().filter_map(|finding| finding.fix.clone()).collect::<Vec<_>>()).await,
        settings(context),
        if args.skip_nas { "skip it".to_owned() } else { "say that it is not configured".to_owned() },
        images(context, args, &facts),
        "create and start what is not running".to_owned(),
        format!("wait up to {} s for each service", context.stack.setting("TARS_WAIT_S")),
        models(context, args, &facts),
        "say GO or NO-GO".to_owned(),
    ];
    let steps = STEPS
        .iter()
        .zip(would)
        .map(|((name, _), detail)| Step { name, status: "planned", detail, duration_ms: 0 })
        .collect();
    let warnings = findings
        .into_iter()
        .map(|finding| Warning {
            id: "preflight",
            message: format!("{}: {}", finding.about, finding.problem),
            hint: Some(finding.hint),
        })
        .collect();
    Ok(Box::new(Plan { steps, warnings, refused }))
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
    if would.is_empty() && context.docker().is_ok() {
        "find Docker and compose there".to_owned()
    } else {
        would.join(", ")
    }
}

fn settings(context: &Context) -> String {
    let home = context.stack.home.path().display();
    match &context.stack.env {
        Some(_) => format!("keep the settings in {home} and add what is new"),
        None => format!("make {home} with new secrets"),
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
        if self.refused { Exit::Failed } else { Exit::Done }
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
