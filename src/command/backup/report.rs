//! What `tars backup` says.

use crate::archive::{ComponentOutcome, Status};
use crate::exit::Exit;
use crate::operate::backup::coverage::{Covered, Fate, Kind};
use crate::ui::{self, Page, Report, Warning};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// A mount that is left out on purpose.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Excluded {
    /// `tars-home-backend: /var/log/tars (tars-home_backend_logs)`.
    pub mount: String,
    /// Why.
    pub reason: String,
}

/// A backup that was made, or would be.
#[derive(Debug, Default)]
pub struct Backup {
    /// The archive; none in a rehearsal.
    pub archive: Option<PathBuf>,
    /// Its sum.
    pub sha256: String,
    /// Its size; in a rehearsal at most this.
    pub bytes: u64,
    /// The whole run.
    pub duration: Duration,
    /// From the first stop to the last answer.
    pub down: Duration,
    /// What came of each component.
    pub components: Vec<ComponentOutcome>,
    /// What is left out on purpose.
    pub excluded: Vec<Excluded>,
    /// What nobody saves.
    pub uncovered: Vec<String>,
    /// Whether only a key opens it.
    pub encrypted: bool,
    /// Why it is not where it was to be.
    pub fell_back: Option<String>,
    /// Older archives that went.
    pub pruned: Vec<String>,
    /// Archives that waited in the home's backups/ and are now where they were to be.
    pub moved: Vec<PathBuf>,
    /// What recovery did before.
    pub recovered: Vec<String>,
    /// For a rehearsal: where it would go, and what stops.
    pub plan: Option<Plan>,
    /// What went less well.
    pub warnings: Vec<Warning>,
    /// Why what was stopped did not come back.
    pub trouble: Option<anyhow::Error>,
}

/// What a run would do.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Where the archive would go.
    pub dir: PathBuf,
    /// What would stop for a moment.
    pub stops: Vec<String>,
}

/// The mounts that are left out, once each.
#[must_use]
pub fn excluded(mounts: &[Covered]) -> Vec<Excluded> {
    let out = mounts.iter().filter(|mount| mount.kind != Kind::Memory).filter_map(|mount| match &mount.fate {
        Fate::Excluded(reason) => Some(Excluded {
            mount: format!("{}: {} ({})", mount.container, mount.destination, mount.source),
            reason: reason.clone(),
        }),
        _ => None,
    });
    out.collect::<BTreeSet<_>>().into_iter().collect()
}

impl Backup {
    fn failed(&self) -> impl Iterator<Item = &ComponentOutcome> {
        self.components.iter().filter(|component| component.status == Status::Failed)
    }

    fn lines(&self, page: &mut Page) {
        for what in &self.recovered {
            page.line(format!("recovered: {what}"));
        }
        let rows: Vec<_> = self.components.iter().map(|component| row(page, component)).collect();
        page.table(&rows);
        for component in self.failed() {
            page.wrapped("  ! ", &format!("{}: {}", component.name, component.error.as_deref().unwrap_or("failed")));
        }
        for mount in &self.uncovered {
            page.wrapped("  ! ", &format!("nobody saves {mount}"));
        }
        for out in &self.excluded {
            page.wrapped("  left out: ", &format!("{}, {}", out.mount, out.reason));
        }
        if let Some(why) = &self.fell_back {
            page.wrapped("  ! ", &format!("the archive is in the home's backups/: {why}; the next good run moves it"));
        }
        for file in &self.moved {
            page.line(format!("moved to where it belongs: {}", file.display()));
        }
        for file in &self.pruned {
            page.line(format!("no longer kept: {file}"));
        }
    }
}

fn row(page: &Page, component: &ComponentOutcome) -> Vec<String> {
    let (mark, word) = match component.status {
        Status::Saved => (page.green("✓"), "saved"),
        Status::Failed => (page.red("✗"), "failed"),
        Status::Skipped => (page.dim("○"), "skipped"),
    };
    vec![mark, component.name.clone(), word.to_owned(), ui::bytes(component.bytes)]
}

impl Backup {
    /// What is not as it was asked for, in words: why it ends with [`Exit::Partly`].
    #[must_use]
    pub fn shortcomings(&self) -> Vec<String> {
        let failed = self.failed().map(|one| format!("{}: {}", one.name, one.error.as_deref().unwrap_or("failed")));
        let uncovered = self.uncovered.iter().map(|mount| format!("not in the archive: {mount}"));
        let waits = self.fell_back.iter().map(|why| format!("the archive waits in the home's backups/: {why}"));
        failed.chain(uncovered).chain(waits).collect()
    }
}

impl Report for Backup {
    fn render(&self, page: &mut Page) {
        self.lines(page);
        match (&self.archive, &self.plan) {
            (Some(archive), _) => {
                page.line(format!("{} ({})", archive.display(), ui::bytes(self.bytes)));
                let sealed = if self.encrypted { ", encrypted" } else { "" };
                let (took, down) = (ui::duration(self.duration), ui::duration(self.down));
                page.line(match self.trouble {
                    None => format!("verified{sealed}; took {took}, the stack was down for {down}"),
                    Some(_) => format!("verified{sealed}; took {took}, but the stack did not come back"),
                });
            }
            (None, Some(plan)) => {
                page.line(format!("would go to {}, at most {}", plan.dir.display(), ui::bytes(self.bytes)));
                page.line(format!("would stop for a moment: {}", plan.stops.join(", ")));
                page.line("nothing was changed");
            }
            (None, None) => {}
        }
    }

    fn exit(&self) -> Exit {
        let saved =
            self.components.iter().any(|component| component.status == Status::Saved && component.name != "config");
        match () {
            () if self.trouble.is_some() || !saved && self.plan.is_none() => Exit::Failed,
            () if self.failed().next().is_some() || !self.uncovered.is_empty() || self.fell_back.is_some() => {
                Exit::Partly
            }
            () => Exit::Done,
        }
    }

    fn data(&self) -> Value {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut data = json!({
            "archive": self.archive, "sha256": self.sha256, "bytes": self.bytes, "duration_ms": ms(self.duration),
            "downtime_ms": ms(self.down), "components": self.components, "excluded": self.excluded,
            "uncovered": self.uncovered, "encrypted": self.encrypted, "verified": self.archive.is_some(),
            "fell_back": self.fell_back, "pruned": self.pruned, "moved": self.moved, "recovered": self.recovered,
        });
        if let Some(plan) = &self.plan {
            data["plan"] = json!(plan);
        }
        data
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    fn error(&self) -> Option<&anyhow::Error> {
        self.trouble.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, status: Status) -> ComponentOutcome {
        ComponentOutcome { name: name.into(), status, bytes: 1, error: None }
    }

    #[test]
    fn the_exit_code_says_how_whole_it_is() {
        let saved = || vec![component("postgres", Status::Saved)];
        let whole = Backup { components: saved(), ..Backup::default() };
        assert_eq!(whole.exit(), Exit::Done);
        let uncovered = Backup { components: saved(), uncovered: vec!["x".into()], ..Backup::default() };
        assert_eq!(uncovered.exit(), Exit::Partly);
        let mut components = saved();
        components.push(component("redis", Status::Failed));
        assert_eq!(Backup { components, ..Backup::default() }.exit(), Exit::Partly);
        let nothing = vec![component("postgres", Status::Failed), component("config", Status::Saved)];
        assert_eq!(Backup { components: nothing, ..Backup::default() }.exit(), Exit::Failed);
        let down = Backup { components: saved(), trouble: Some(anyhow::anyhow!("down")), ..Backup::default() };
        assert_eq!(down.exit(), Exit::Failed);
    }
}
