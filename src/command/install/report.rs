//! The verdict: what a person sees across the room, and the same as data.

use crate::error;
use crate::exit::Exit;
use crate::operate::validated::Validation;
use crate::operate::wait;
use crate::stack::{Stack, lan};
use crate::ui::{Page, Report, Warning};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One step as it went.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    pub name: &'static str,
    /// `done`, `failed` or, in a rehearsal, `planned`.
    pub status: &'static str,
    pub detail: String,
    pub duration_ms: u64,
}

/// The result of an installation.
#[derive(Debug, Default)]
pub(super) struct Installed {
    pub steps: Vec<Step>,
    pub warnings: Vec<Warning>,
    pub error: Option<anyhow::Error>,
    /// What the validation at its end saw.
    pub validation: Option<Validation>,
    go: bool,
    urls: BTreeMap<&'static str, String>,
    admin: Option<String>,
    retrieval_only: bool,
}

impl Installed {
    /// The stack is of use.
    pub(super) fn go(&mut self, stack: &Stack) {
        let api = wait::api_url(stack);
        if let Some(lan) = lan::address().filter(|_| matches!(stack.setting("TARS_BIND"), "" | "0.0.0.0" | "::")) {
            self.urls.insert("lan", format!("http://{lan}:{}", stack.setting("TARS_PORT_API")));
        }
        if !stack.setting("TARS_PORT_WEB").is_empty() {
            let (host, _) = api.rsplit_once(':').unwrap_or((&api, ""));
            self.urls.insert("web", format!("{host}:{}", stack.setting("TARS_PORT_WEB")));
        }
        self.urls.insert("api", api);
        self.admin = Some(format!(
            "{} signs in; the line TARS_ADMIN_PASSWORD of {}",
            stack.setting("TARS_ADMIN_USER"),
            stack.home.env_file().display()
        ));
        self.retrieval_only = stack.setting("TARS_LLM") == "none";
        self.go = true;
    }
}

const GO: [&str; 5] =
    [" █████    █████  ", "██       ██   ██ ", "██  ███  ██   ██ ", "██   ██  ██   ██ ", " █████    █████  "];
const NO_GO: [&str; 5] = [
    "███   ██  █████          █████    █████  ",
    "████  ██ ██   ██        ██       ██   ██ ",
    "██ ██ ██ ██   ██  ████  ██  ███  ██   ██ ",
    "██  ████ ██   ██        ██   ██  ██   ██ ",
    "██   ███  █████          █████    █████  ",
];

impl Report for Installed {
    fn render(&self, page: &mut Page) {
        page.line("");
        let letters = if self.go { GO } else { NO_GO };
        for line in letters {
            let painted = if self.go { page.green(line) } else { page.red(line) };
            page.line(format!("  {painted}"));
        }
        page.line("");
        if self.go {
            self.render_go(page);
        } else {
            let failed = self.steps.iter().find(|step| step.status == "failed");
            let what = failed
                .map_or_else(|| "this run did not succeed".to_owned(), |step| format!("the step {} failed", step.name));
            page.wrapped(
                "  ",
                &format!("NO-GO: {what}. Nothing was lost; when it is mended, run the same command again."),
            );
        }
        for warning in &self.warnings {
            // What follows the first line is no prose: the difference of a file keeps its lines.
            let (first, rest) = warning.message.split_once('\n').unwrap_or((&warning.message, ""));
            page.wrapped(&format!("  {} ", page.yellow("!")), first);
            rest.lines().for_each(|line| page.line(format!("      {line}")));
            page.wrapped("    → ", warning.hint.as_deref().unwrap_or_default());
        }
    }

    fn exit(&self) -> Exit {
        match &self.error {
            Some(error) => error::exit_of(error),
            None if self.go => Exit::Done,
            None => Exit::Failed,
        }
    }

    fn error(&self) -> Option<&anyhow::Error> {
        self.error.as_ref()
    }

    fn data(&self) -> Value {
        json!({ "verdict": if self.go { "GO" } else { "NO-GO" }, "steps": self.steps, "urls": self.urls,
            "validation": self.validation.as_ref().map(|validation| &validation.suites) })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    fn warnings_are_rendered(&self) -> bool {
        true
    }
}

impl Installed {
    fn render_go(&self, page: &mut Page) {
        let mode =
            if self.retrieval_only { "GO: the stack answers (retrieval-only)." } else { "GO: the stack answers." };
        page.line(format!("  {}", page.bold(mode)));
        for (key, about) in [("api", "API"), ("lan", "from the LAN"), ("web", "web page")] {
            if let Some(url) = self.urls.get(key) {
                page.line(format!("  {about:13} {url}"));
            }
        }
        if let Some(admin) = &self.admin {
            page.wrapped("  first sign-in ", admin);
        }
        page.line("  next          tars status        what runs");
        page.line("                tars logs -f       what it says");
        page.line("                tars validate      whether it is of use, at any time");
        page.line("                tars restart       after a change of the env file");
    }
}
