//! What a restore, a drill or an undo did.

use crate::error::exit_of;
use crate::exit::Exit;
use crate::stack::component::Component;
use crate::ui::{self, Page, Report, Warning};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What became of one component.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Whose.
    pub name: Component,
    /// `restored`, `kept`, `failed` or `skipped`.
    pub status: &'static str,
    /// What there is, or why it stays.
    pub detail: String,
}

/// From one generation to another.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Switched {
    /// What was live.
    pub from: u32,
    /// What is live now.
    pub to: u32,
}

/// The whole.
#[derive(Debug, Default)]
pub struct Restored {
    /// What was done, as one word: `restored`, `would be restored`, `drilled`, `undone`.
    pub did: &'static str,
    /// The archive.
    pub archive: Option<String>,
    /// Every component.
    pub components: Vec<Row>,
    /// The switch, where there was one.
    pub generation: Option<Switched>,
    /// How long services were away.
    pub downtime: Option<Duration>,
    /// How long all of it took.
    pub took: Duration,
    /// `pass`, `fail` (the archive is bad) or `error` (it could not be done).
    pub verdict: Option<&'static str>,
    /// What is newer than the archive, and was or would be left behind.
    pub newer: Vec<String>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// Why it failed.
    pub error: Option<anyhow::Error>,
}

impl Restored {
    /// Nothing was done: what would come is shown as skipped.
    pub fn rehearsed(&mut self, did: &'static str, took: Duration) {
        (self.did, self.took) = (did, took);
        self.components.iter_mut().filter(|row| row.status == "restored").for_each(|row| row.status = "skipped");
    }
}

impl Report for Restored {
    fn render(&self, page: &mut Page) {
        let rows: Vec<_> = self
            .components
            .iter()
            .map(|row| {
                let mark = match row.status {
                    "restored" => page.green("✓"),
                    "failed" => page.red("✗"),
                    _ => page.dim("–"),
                };
                vec![mark, row.name.to_string(), row.status.to_owned(), row.detail.clone()]
            })
            .collect();
        page.table(&rows);
        for line in &self.newer {
            page.line(format!("  newer than the archive: {line}"));
        }
        if let (Some(verdict), None) = (self.verdict, &self.error) {
            page.line(format!("{}: {verdict}, after {}", self.did, ui::duration(self.took)));
        } else if self.error.is_none() {
            page.line(format!("{} after {}", self.did, ui::duration(self.took)));
        }
        if let (Some(switched), Some(downtime)) = (self.generation, self.downtime) {
            let Switched { from, to } = switched;
            page.line(format!(
                "generation {to} is live, {from} before; services were away for {}",
                ui::duration(downtime)
            ));
        }
        self.notes.iter().for_each(|note| page.wrapped("  ", note));
    }

    fn exit(&self) -> Exit {
        match &self.error {
            Some(error) => exit_of(error),
            None if self.components.iter().any(|row| row.status == "failed") => Exit::Partly,
            None => Exit::Done,
        }
    }

    fn error(&self) -> Option<&anyhow::Error> {
        self.error.as_ref()
    }

    fn data(&self) -> Value {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        json!({
            "archive": self.archive, "components": self.components, "generation": self.generation,
            "downtime_ms": self.downtime.map(ms), "duration_ms": ms(self.took), "verdict": self.verdict,
            "newer": self.newer, "notes": self.notes,
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}
