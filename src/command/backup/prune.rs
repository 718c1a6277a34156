//! `tars backup prune`: deletes the archives that no rule keeps, and says for each one why it stays or goes.

use super::schedule;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::keeping::files::{self, Presence, Survey};
use crate::operate::keeping::prune::{self, Decision, Pruned};
use crate::operate::keeping::register::Register;
use crate::operate::keeping::retention::{Rules, Verdict};
use crate::operate::lock::Lock;
use crate::ui::{self, Page, Report, Warning};
use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Flags of `tars backup prune`. Without numbers, those of the schedule count, else 7, 4 and 12.
#[derive(Debug, clap::Args)]
pub struct PruneArgs {
    /// Keep the newest archive of each of the last N days that have one
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<u32>,
    /// The same for weeks
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<u32>,
    /// The same for months
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<u32>,
    /// Forget archives whose files are gone as well
    #[arg(long)]
    pub lost: bool,
    /// Show what would go; delete nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug)]
struct Shelf {
    rules: Rules,
    decisions: Vec<Decision>,
    pruned: Option<Pruned>,
    forgotten: Vec<String>,
    away: Vec<Warning>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 where no stack is, 75 when another run holds the lock, 77 when this user may not.
pub async fn run(context: &Context, args: &PruneArgs) -> Result<Box<dyn Report>> {
    let home = &context.stack.home;
    if !home.state().is_dir() {
        let message = format!("no stack is installed in {}", home.path().display());
        return Err(Failure::new(Exit::Unavailable, message).hint("name its home: --home DIR").into());
    }
    let lock = if args.dry_run { None } else { Some(Lock::take(home)?) };
    let mut register = Register::load(home)?;
    let survey = files::survey(home, &register, None).await?;
    let rules = rules(context, args)?;
    let decisions = prune::decide(&survey, rules, Timestamp::now());
    let pruned = match lock {
        Some(_) => Some(prune::apply(&mut register, &decisions).await?),
        None => None,
    };
    let forgotten = if args.lost { forget(&mut register, &survey, args.dry_run)? } else { Vec::new() };
    Ok(Box::new(Shelf { rules, decisions, pruned, forgotten, away: away(&survey) }))
}

fn rules(context: &Context, args: &PruneArgs) -> Result<Rules> {
    let otherwise = schedule::rules(&context.stack.home)?.unwrap_or(Rules::SCHEDULED);
    Ok(Rules {
        daily: args.keep_daily.unwrap_or(otherwise.daily),
        weekly: args.keep_weekly.unwrap_or(otherwise.weekly),
        monthly: args.keep_monthly.unwrap_or(otherwise.monthly),
    })
}

/// Only what is surely gone: a directory that is away may come back.
fn forget(register: &mut Register, survey: &Survey, dry_run: bool) -> Result<Vec<String>> {
    let gone = survey.known.iter().filter(|(entry, presence)| *presence == Presence::Gone && entry.dropped.is_none());
    let gone: Vec<_> = gone.map(|(entry, _)| entry.path()).collect();
    if !dry_run && !gone.is_empty() {
        register.forget(|entry| gone.contains(&entry.path()))?;
    }
    Ok(gone.iter().map(|path| path.display().to_string()).collect())
}

fn away(survey: &Survey) -> Vec<Warning> {
    let away = survey.known.iter().filter_map(|(entry, presence)| match presence {
        Presence::There => None,
        Presence::Gone => Some(format!("{} is gone", entry.path().display())),
        Presence::Changed => Some(format!("{} is not as it was written", entry.path().display())),
        Presence::Away(why) => Some(format!("{}: {why}", entry.path().display())),
    });
    let message = |what| Warning {
        id: "backup.not_in_place",
        message: format!("{what}: it does not count, and is not touched"),
        hint: None,
    };
    away.map(message).collect()
}

impl Report for Shelf {
    fn render(&self, page: &mut Page) {
        let Rules { daily, weekly, monthly } = self.rules;
        page.line(format!("keeping {daily} days, {weekly} weeks, {monthly} months"));
        let went = self.pruned.is_some();
        let rows = self.decisions.iter().map(|Decision { entry, verdict }| {
            let (what, why) = match verdict {
                Verdict::Keep(why) => (page.green("keep"), why),
                Verdict::Drop(why) => (page.yellow(if went { "deleted" } else { "would go" }), why),
            };
            vec![what, entry.path().display().to_string(), ui::bytes(entry.bytes), why.clone()]
        });
        page.table(&rows.collect::<Vec<_>>());
        for path in &self.forgotten {
            page.line(format!("forgotten: {path}"));
        }
        for failed in self.pruned.iter().flat_map(|pruned| &pruned.failed) {
            page.wrapped(&format!("{} ", page.red("not deleted:")), failed);
        }
    }

    fn exit(&self) -> Exit {
        let failed = self.pruned.as_ref().is_some_and(|pruned| !pruned.failed.is_empty());
        if failed { Exit::Partly } else { Exit::Done }
    }

    fn data(&self) -> Value {
        let archives = self.decisions.iter().map(|Decision { entry, verdict }| {
            let (keep, why) = match verdict {
                Verdict::Keep(why) => (true, why),
                Verdict::Drop(why) => (false, why),
            };
            json!({ "archive": entry.path(), "bytes": entry.bytes, "keep": keep, "why": why })
        });
        let pruned = self.pruned.as_ref();
        let deleted = pruned.map(|pruned| {
            pruned.dropped.iter().map(crate::operate::keeping::register::Entry::path).collect::<Vec<_>>()
        });
        json!({
            "rules": self.rules, "archives": archives.collect::<Vec<_>>(), "deleted": deleted.unwrap_or_default(),
            "failed": pruned.map(|pruned| pruned.failed.clone()).unwrap_or_default(), "forgotten": self.forgotten,
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.away.clone()
    }
}
