//! `tars backup list`: every archive, whether it is registered, found, or lost. Only looks.

use crate::context::Context;
use crate::operate::keeping::drawer;
use crate::operate::keeping::files::{self, Presence, Unknown};
use crate::operate::keeping::register::{Entry, Register, Verdict};
use crate::ui::{self, Page, Report, Warning};
use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `tars backup list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Look in this directory as well
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
}

#[derive(Debug)]
struct List {
    known: Vec<(Entry, Presence)>,
    unknown: Vec<Unknown>,
    warnings: Vec<Warning>,
}

/// Runs the verb.
///
/// # Errors
/// When the register cannot be understood.
pub async fn run(context: &Context, args: &ListArgs) -> Result<Box<dyn Report>> {
    let home = &context.stack.home;
    let register = Register::load(home)?;
    let dir = args.output_dir.as_ref().map(std::path::absolute).transpose()?;
    let files::Survey { known, unknown } = files::survey(home, &register, dir.as_deref()).await?;
    let mut warnings: Vec<_> = drawer::warning(&context.stack, &register)?.into_iter().collect();
    warnings.extend(known.iter().filter_map(|(entry, presence)| lost(entry, presence)));
    Ok(Box::new(List { known, unknown, warnings }))
}

fn lost(entry: &Entry, presence: &Presence) -> Option<Warning> {
    let path = entry.path();
    let message = match presence {
        Presence::Gone => format!("{} is gone", path.display()),
        Presence::Changed => format!("{} has another size than when it was written", path.display()),
        Presence::There | Presence::Away(_) => return None,
    };
    let hint = "put it back, or forget it: tars backup prune --lost".to_owned();
    Some(Warning { id: "backup.lost", message, hint: Some(hint) })
}

impl Report for List {
    fn render(&self, page: &mut Page) {
        if self.known.is_empty() && self.unknown.is_empty() {
            page.line("there is no archive yet: tars backup makes one");
        }
        let head = ["made (UTC)", "size", "in it", "encrypted", "verified", "drilled", "kept", "where"];
        let mut rows = vec![head.map(|head| page.dim(head)).to_vec()];
        let mut all: Vec<_> =
            self.known.iter().map(|(entry, presence)| (entry.created, known(entry, presence, page))).collect();
        all.extend(self.unknown.iter().map(|found| (found.created, unknown(found, page))));
        all.sort_by_key(|(created, _)| *created);
        rows.extend(all.into_iter().map(|(_, row)| row));
        if rows.len() > 1 {
            page.table(&rows);
        }
    }

    fn data(&self) -> Value {
        let known = self.known.iter().map(|(entry, presence)| {
            let (state, why) = match presence {
                Presence::There => ("there", None),
                Presence::Gone => ("gone", None),
                Presence::Changed => ("changed", None),
                Presence::Away(why) => ("away", Some(why)),
            };
            json!({
                "archive": entry.path(), "created": entry.created, "bytes": entry.bytes, "sha256": entry.sha256,
                "components": entry.components, "encrypted": entry.encrypted, "complete": entry.complete,
                "verified": entry.verified, "drilled": entry.drilled, "pinned": entry.pinned, "state": state, "why": why,
                "meant_for": entry.meant_for,
            })
        });
        let unknown = self.unknown.iter().map(|found| {
            json!({ "archive": found.path, "created": found.created, "bytes": found.bytes,
                    "encrypted": found.encrypted, "state": "unknown" })
        });
        json!({ "archives": known.chain(unknown).collect::<Vec<_>>() })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}

fn known(entry: &Entry, presence: &Presence, page: &Page) -> Vec<String> {
    let saved = entry.saved();
    let failed = entry.components.iter().filter(|component| component.status == "failed");
    let mut parts: Vec<_> = ["postgres", "chromadb", "redis", "documents", "models", "vectors"]
        .into_iter()
        .filter(|name| saved.contains(name))
        .map(str::to_owned)
        .collect();
    parts.extend(failed.map(|component| page.red(&format!("{} failed", component.name))));
    let place = match presence {
        Presence::There if entry.meant_for.is_some() => page.yellow("waits to be moved"),
        Presence::There => String::new(),
        Presence::Gone => page.red("gone"),
        Presence::Changed => page.red("changed"),
        Presence::Away(_) => page.yellow("away"),
    };
    let drilled = entry.drilled.as_ref().map(|drilled| match drilled.verdict {
        Verdict::Pass => page.green(&day(drilled.at)),
        Verdict::Fail => page.red("failed"),
        Verdict::Error => page.yellow("could not run"),
    });
    vec![
        moment(entry.created),
        ui::bytes(entry.bytes),
        parts.join(" "),
        yes(entry.encrypted),
        entry.verified.map_or_else(|| page.red("no"), day),
        drilled.unwrap_or_else(|| "–".to_owned()),
        yes(entry.pinned),
        format!("{} {place}", entry.path().display()),
    ]
}

fn unknown(found: &Unknown, page: &Page) -> Vec<String> {
    let dash = || "–".to_owned();
    let place = format!("{} {}", found.path.display(), page.yellow("unknown"));
    let (made, size) = (moment(found.created), ui::bytes(found.bytes));
    vec![made, size, "?".to_owned(), yes(found.encrypted), dash(), dash(), dash(), place]
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "–" }.to_owned()
}

fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}
