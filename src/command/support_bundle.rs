//! `tars support-bundle`: what a support engineer needs, and not one secret. Looks only; needs neither root, nor an engine,
//! nor a stack.

use crate::bundle::{self, Ground, Names, Options, Plan, Tray};
use crate::context::Context;
use crate::docker::Container;
use crate::exit::Exit;
use crate::operate::lifecycle;
use crate::ui::{self, Page, Report, Warning};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the engine may take to list the stack's containers: without them there is still a bundle.
const LIST_WITHIN: Duration = Duration::from_secs(2);
/// The least that `--max-size` may say: what describes the rest has to fit.
const LEAST_BYTES: u64 = 256 << 10;

/// Flags of `tars support-bundle`.
#[derive(Debug, clap::Args)]
pub struct SupportBundleArgs {
    /// Where the bundle is written (else the home's support directory)
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// 1,000 lines of each service's log, rotated ones too, instead of the last 200
    #[arg(long)]
    pub include_all_logs: bool,
    /// Only log lines since then: 90s, 15m, 2h, 1d, or a time as 2026-11-21T08:00:00Z
    #[arg(long, value_name = "T", value_parser = super::since::since)]
    pub since: Option<i32>,
    /// The most that the bundle may have: 25M, 800K; the oldest log lines go first
    #[arg(long, value_name = "SIZE", default_value = "25M", value_parser = size)]
    pub max_size: u64,
    /// What happened, in your own words; stands first in the summary
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Also replace names of people and machines, and public addresses
    #[arg(long)]
    pub obfuscate: bool,
    /// Keep the documents' names
    #[arg(long)]
    pub with_names: bool,
    /// List what would be in it, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What came of it.
struct BundleReport {
    plan: Plan,
    made: Option<(PathBuf, String)>,
    dropped: Vec<Value>,
    warnings: Vec<Warning>,
    took: Duration,
}

/// Runs the verb.
///
/// # Errors
/// Exit 1 when the bundle cannot be written, or cannot be had without a secret.
pub async fn run(context: &mut Context, args: &SupportBundleArgs) -> Result<Box<dyn Report>> {
    let note = note(context, args).await?;
    let begun = Instant::now();
    let options = Options {
        all_logs: args.include_all_logs,
        since: args.since.unwrap_or(0),
        most: args.max_size,
        note,
        obfuscate: args.obfuscate,
        with_names: args.with_names,
    };
    let mut warnings = Vec::new();
    let containers = containers(context).await;
    context.learn_from(&containers);
    let stack = &context.stack;
    // The report names the operator's own paths: what is obfuscated in the bundle is not here.
    let said = context.redactor_with(|builder| bundle::secrets(builder, stack, &containers));
    context.ui.redact_with(std::sync::Arc::new(move |text| said.text(text).into_owned()));
    let redactor =
        context.redactor_with(|builder| bundle::secrets(builder, stack, &containers).obfuscate(options.obfuscate));
    let engine = context.docker();
    let ground =
        Ground { stack, docker: engine.as_ref().map(|docker| *docker), containers: &containers, options: &options };
    let names = if options.with_names { Names::shown() } else { bundle::names_of(&ground).await };
    let tray = Tray::new(redactor, names);
    context.ui.say("looking at the machine, the engine and the stack …");
    bundle::collect(&ground, &tray).await;
    let report = if args.dry_run {
        let plan = bundle::plan(&tray, &options)?;
        BundleReport { plan, made: None, dropped: Vec::new(), warnings, took: begun.elapsed() }
    } else {
        let dir = directory(context, args, &mut warnings)?;
        let made = bundle::write(&tray, &options, &dir)?;
        let dropped = made.dropped.iter().map(|leak| json!(leak)).collect();
        let at = (made.published.archive, made.published.sha256.to_string());
        BundleReport { plan: made.plan, made: Some(at), dropped, warnings, took: begun.elapsed() }
    };
    Ok(Box::new(report))
}

/// The operator's own sentence: from the flag, or asked for where somebody sits at a terminal.
async fn note(context: &Context, args: &SupportBundleArgs) -> Result<String> {
    let options = context.ui.options();
    if let Some(note) = &args.note {
        return Ok(note.trim().to_owned());
    }
    if args.dry_run || options.json || options.quiet || options.yes || !std::io::stdin().is_terminal() {
        return Ok(String::new());
    }
    context.ui.ask("What happened, and since when? (Enter for no note)", "").await
}

async fn containers(context: &Context) -> Vec<Container> {
    let Ok(docker) = context.docker() else { return Vec::new() };
    let listed = tokio::time::timeout(LIST_WITHIN, lifecycle::containers(docker, &context.stack)).await;
    // That it could not be listed shows in the facts.
    listed.ok().and_then(Result::ok).unwrap_or_default()
}

/// Where it goes: as asked, else the home's own directory, else where it can be written at all, which is then said.
fn directory(context: &Context, args: &SupportBundleArgs, warnings: &mut Vec<Warning>) -> Result<PathBuf> {
    if let Some(dir) = &args.output_dir {
        std::fs::create_dir_all(dir).map_err(|error| {
            crate::error::Failure::new(Exit::Failed, format!("could not make the directory {}", dir.display()))
                .hint("choose another place: --output-dir DIR")
                .caused_by(error)
        })?;
        return Ok(std::path::absolute(dir)?);
    }
    let home = context.stack.home.path();
    let own = home.join("support");
    if home.is_dir() && (own.is_dir() || std::fs::create_dir(&own).is_ok()) && is_writable(&own) {
        return Ok(own);
    }
    let here = std::env::current_dir().ok().filter(|dir| is_writable(dir));
    let dir = here.unwrap_or_else(std::env::temp_dir);
    warnings.push(Warning {
        id: "bundle.elsewhere",
        message: format!("{} cannot be written: the bundle is in {}", own.display(), dir.display()),
        hint: Some("choose a place: --output-dir DIR".to_owned()),
    });
    Ok(dir)
}

fn is_writable(dir: &Path) -> bool {
    tempfile::Builder::new().prefix(bundle::NAME_PREFIX).suffix(".partial").tempfile_in(dir).is_ok()
}

/// `25M`, `800K`, `1G`, or bytes.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text} is no size: say 25M, 800K or a number of bytes");
    let digits = text.trim_end_matches(['B', 'b', 'i']);
    let (number, unit) = match digits.chars().last().ok_or_else(wrong)?.to_ascii_uppercase() {
        'K' => (&digits[..digits.len() - 1], 1_u64 << 10),
        'M' => (&digits[..digits.len() - 1], 1 << 20),
        'G' => (&digits[..digits.len() - 1], 1 << 30),
        _ => (digits, 1),
    };
    let bytes = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
    if bytes < LEAST_BYTES { Err(format!("{text} is too little: at least {}K", LEAST_BYTES >> 10)) } else { Ok(bytes) }
}

impl Report for BundleReport {
    fn render(&self, page: &mut Page) {
        if self.made.is_none() {
            let rows = self.plan.files.iter().map(|file| {
                let cut = if file.cut_lines > 0 {
                    format!("{} oldest lines left out", file.cut_lines)
                } else {
                    String::new()
                };
                vec![file.path.clone(), ui::bytes(file.bytes as u64), format!("{} replaced", file.replaced), cut]
            });
            page.table(&rows.collect::<Vec<_>>());
        }
        for leak in &self.dropped {
            let member = leak["member"].as_str().unwrap_or_default();
            page.line(page.red(&format!("left out, because a secret was found in it: {member}")));
        }
        for note in &self.plan.notes {
            page.wrapped("not seen: ", &format!("{}: {}", note.about, note.why));
        }
        for path in &self.plan.too_large {
            page.line(format!("left out, for it did not fit: {path}"));
        }
        let total = self.plan.redactions.total;
        let (files, bytes) = (self.plan.files.len(), ui::bytes(self.plan.bytes));
        match &self.made {
            Some((archive, sha256)) => {
                page.line(format!("{}", archive.display()));
                page.line(format!("{files} files, {bytes}, {total} secrets replaced, in {}", ui::duration(self.took)));
                page.line(format!("sha256 {sha256}"));
                page.wrapped(
                    "look before you send it: ",
                    "unpack it and open summary.html; redactions.json says what was replaced",
                );
            }
            None => page
                .line(format!("{files} files, about {bytes}, {total} secrets would be replaced; nothing was written")),
        }
    }

    fn exit(&self) -> Exit {
        if self.dropped.is_empty() { Exit::Done } else { Exit::Partly }
    }

    fn data(&self) -> Value {
        json!({
            "archive": self.made.as_ref().map(|(archive, _)| archive), "sha256": self.made.as_ref().map(|(_, sum)| sum),
            "bytes": self.plan.bytes, "files": self.plan.files, "notes": self.plan.notes,
            "left_out_for_size": self.plan.too_large, "left_out_by_the_proof": self.dropped,
            "redactions": { "total": self.plan.redactions.total, "by_rule": self.plan.redactions.by_rule },
            "duration_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let bytes = ["25M", "25MB", "800k", "1GiB", "300000"].map(|text| size(text).unwrap());
        assert_eq!(bytes, [25 << 20, 25 << 20, 800 << 10, 1 << 30, 300_000]);
        assert!(["", "x", "1K", "-3M", "99999999999G"].iter().all(|text| size(text).is_err()));
    }
}
