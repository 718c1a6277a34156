//! What the doctor found, for people and as JSON.

use super::fix::Tried;
use crate::check::{Answer, Finding, Fix, Outcome, Severity};
use crate::exit::Exit;
use crate::facts::Facts;
use crate::ui::{self, Page, Report, Ui};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A look and, with `--fix`, what came of mending.
#[derive(Default)]
pub(super) struct Doctor {
    pub(super) outcomes: Vec<Outcome>,
    /// What was found before and is not any more.
    cured: Vec<(Outcome, Finding)>,
    /// What was done.
    tried: Vec<Tried>,
    /// Remedies that nobody agreed to.
    left: Vec<Fix>,
    took: Duration,
    /// When a deep look was last taken.
    deep: Option<jiff::Timestamp>,
    gathered_at: jiff::Timestamp,
    /// The file that the facts are from.
    file: Option<String>,
    quiet: bool,
}

impl Doctor {
    pub(super) fn new(facts: &Facts, outcomes: Vec<Outcome>, took: Duration) -> Self {
        let deep = facts.deep.known().ok().and_then(Option::as_ref).map(|deep| deep.at);
        Self { outcomes, took, deep, gathered_at: facts.gathered_at, ..Self::default() }
    }

    /// What was done about it, and what came of that.
    pub(super) fn mended_by(self, cured: Vec<(Outcome, Finding)>, tried: Vec<Tried>, left: Vec<Fix>) -> Self {
        Self { cured, tried, left, ..self }
    }

    pub(super) fn of_facts(self, file: &Path) -> Self {
        Self { file: Some(file.display().to_string()), ..self }
    }

    pub(super) fn for_ui(self, ui: &Ui) -> Self {
        Self { quiet: ui.options().quiet, ..self }
    }

    fn findings(&self) -> impl Iterator<Item = (&Outcome, &Finding)> {
        self.outcomes.iter().flat_map(|outcome| outcome.answer.findings().iter().map(move |finding| (outcome, finding)))
    }

    fn count(&self, which: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| which(outcome)).count()
    }

    fn worst(outcome: &Outcome) -> Option<Severity> {
        outcome.answer.findings().iter().map(|finding| finding.severity).max()
    }

    fn summary(&self) -> Value {
        json!({
            "pass": self.count(|outcome| outcome.answer == Answer::Well),
            "warn": self.count(|outcome| Self::worst(outcome) == Some(Severity::Warn)),
            "fail": self.count(|outcome| Self::worst(outcome) == Some(Severity::Fail)),
            "unknown": self.count(|outcome| matches!(outcome.answer, Answer::Unknown(_))),
            "skipped": self.count(|outcome| matches!(outcome.answer, Answer::Skipped(_))),
            "fixed": self.cured.len(),
        })
    }

    fn words(&self) -> String {
        let summary = self.summary();
        let counted = ["fail", "warn", "unknown", "fixed", "pass", "skipped"];
        let names = ["failing", "warnings", "unknown", "cured", "well", "skipped"];
        let all = counted.iter().zip(names).filter_map(|(key, name)| {
            let n = summary[*key].as_u64().unwrap_or_default();
            (n > 0).then(|| format!("{n} {name}"))
        });
        all.collect::<Vec<_>>().join(", ")
    }
}

impl Report for Doctor {
    fn render(&self, page: &mut Page) {
        if let Some(file) = &self.file {
            page.line(format!("facts of {}, gathered {}", file, self.gathered_at.strftime("%Y-%m-%d %H:%M UTC")));
        }
        if !self.quiet {
            self.well(page);
        }
        for (outcome, finding) in self.findings() {
            let mark = match finding.severity {
                Severity::Fail => page.red("✗"),
                Severity::Warn => page.yellow("!"),
            };
            page.line(format!("{mark} {}  {}", page.bold(outcome.id), finding.about));
            page.wrapped("    ", &finding.problem);
            hint(page, &finding.hint);
        }
        for outcome in &self.outcomes {
            if let Answer::Unknown(why) = &outcome.answer {
                let mark = if outcome.fails() { page.red("?") } else { page.yellow("?") };
                page.wrapped(&format!("{mark} {}  ", page.bold(outcome.id)), &format!("not known: {why}"));
            }
        }
        self.mended(page);
        if !self.quiet {
            page.line(format!("{} ({})", self.words(), ui::duration(self.took)));
        }
    }

    fn exit(&self) -> Exit {
        if self.outcomes.iter().any(Outcome::fails) { Exit::Failed } else { Exit::Done }
    }

    fn says_when_quiet(&self) -> bool {
        self.findings().next().is_some() || self.count(|outcome| matches!(outcome.answer, Answer::Unknown(_))) > 0
    }

    fn data(&self) -> Value {
        let found = self.findings().map(|(outcome, finding)| as_json(outcome, finding, false));
        let cured = self.cured.iter().map(|(outcome, finding)| as_json(outcome, finding, true));
        let unknown = self.outcomes.iter().filter_map(|outcome| {
            let Answer::Unknown(why) = &outcome.answer else { return None };
            Some(json!({
                "id": outcome.id, "severity": "unknown", "title": outcome.title, "about": "", "problem": why,
                "hint": format!("tars doctor explain {}", outcome.id), "fix": null, "fixed": false,
            }))
        });
        let checks = self.outcomes.iter().map(|outcome| {
            let (status, detail) = match &outcome.answer {
                Answer::Well => ("pass", None),
                Answer::Skipped(why) => ("skip", Some(why)),
                Answer::Unknown(why) => ("unknown", Some(why)),
                Answer::Found(_) if Self::worst(outcome) == Some(Severity::Fail) => ("fail", None),
                Answer::Found(_) => ("warn", None),
            };
            json!({ "id": outcome.id, "status": status, "detail": detail })
        });
        json!({
            "summary": self.summary(),
            "findings": found.chain(unknown).chain(cured).collect::<Vec<_>>(),
            "checks": checks.collect::<Vec<_>>(),
            "fixes": self.tried,
            "deep_at": self.deep,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

impl Doctor {
    /// One line for each family in which something is well, and what was skipped, with the reason.
    fn well(&self, page: &mut Page) {
        let mut families: Vec<(&str, Vec<&str>)> = Vec::new();
        for outcome in self.outcomes.iter().filter(|outcome| outcome.answer == Answer::Well) {
            let (family, name) = outcome.id.split_once('.').unwrap_or((outcome.id, ""));
            match families.iter_mut().find(|(known, _)| *known == family) {
                Some((_, names)) => names.push(name),
                None => families.push((family, vec![name])),
            }
        }
        for (family, names) in families {
            page.wrapped(&format!("{} {family}  ", page.green("✓")), &names.join(" "));
        }
        let mut skipped: Vec<(&str, Vec<&str>)> = Vec::new();
        for outcome in &self.outcomes {
            let Answer::Skipped(why) = &outcome.answer else { continue };
            match skipped.iter_mut().find(|(known, _)| known == why) {
                Some((_, ids)) => ids.push(outcome.id),
                None if why.starts_with("see ") => {}
                None => skipped.push((why, vec![outcome.id])),
            }
        }
        for (why, ids) in skipped {
            page.wrapped(&format!("{} ", page.dim("–")), &format!("{why}: {}", ids.join(" ")));
        }
        if let Some(at) = self.deep {
            page.line(page.dim(&format!("the last deep look is of {}", at.strftime("%Y-%m-%d %H:%M UTC"))));
        }
    }

    fn mended(&self, page: &mut Page) {
        for tried in &self.tried {
            match &tried.error {
                None => page.wrapped(&format!("{} ", page.green("→")), &format!("{}: done", tried.description)),
                Some(error) => {
                    page.wrapped(&format!("{} ", page.red("→")), &format!("{}: failed", tried.description));
                    page.wrapped("    ", error);
                }
            }
        }
        for (outcome, finding) in &self.cured {
            page.wrapped(
                &format!("{} {}  ", page.green("✓"), page.bold(outcome.id)),
                &format!("cured: {}", finding.about),
            );
        }
        for fix in &self.left {
            page.wrapped(
                &format!("{} ", page.yellow("·")),
                &format!("not done unasked: {} ({})", fix.description(), fix.command()),
            );
        }
    }
}

/// A hint of several lines keeps them: they are commands in their order.
fn hint(page: &mut Page, hint: &str) {
    let mut lines = hint.lines();
    page.wrapped("    → ", lines.next().unwrap_or_default());
    lines.for_each(|line| page.line(format!("      {line}")));
}

fn as_json(outcome: &Outcome, finding: &Finding, fixed: bool) -> Value {
    let fix = finding.fix.as_ref();
    json!({
        "id": outcome.id, "severity": finding.severity, "title": outcome.title, "about": finding.about,
        "problem": finding.problem, "hint": finding.hint, "fixed": fixed,
        "fix": fix.map(|fix| json!({ "description": fix.description(), "command": fix.command(), "safe": fix.safe() })),
    })
}
