//! `tars doctor`: what is wrong with this machine and its stack, why it matters, and what to do; with `--fix` it does it.
//!
//! Looks at everything once, asks every check, and lets each cause speak for what follows from it. Works before an
//! installation and without an engine. It never signs in to the API.

mod explain;
mod fix;
mod report;

use crate::bundle;
use crate::check::{self, Check, Outcome};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::facts::{self, Depth, Facts, Sources, deep};
use crate::ui::Report;
use anyhow::{Context as _, Result};
use report::Doctor;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Flags of `tars doctor`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DoctorArgs {
    /// Mend what can be mended, then look again; what could interrupt somebody is asked first (--yes: done)
    #[arg(long, conflicts_with_all = ["list", "facts"])]
    pub fix: bool,
    /// Read what takes long as well: every vector, every byte of the models, the size of every volume
    #[arg(long, conflicts_with_all = ["list", "facts"])]
    pub deep: bool,
    /// Only these checks, or families of them (backup, service.image)
    #[arg(long, value_name = "ID", value_delimiter = ',', num_args = 1..)]
    pub only: Vec<String>,
    /// List the checks and ask none
    #[arg(long)]
    pub list: bool,
    /// Judge the facts of another machine instead: its facts.json
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// What else
    #[command(subcommand)]
    pub what: Option<DoctorVerb>,
}

/// What else.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DoctorVerb {
    /// Say more about a check: what it asks, why it matters, what to do by hand
    Explain {
        /// Which
        id: String,
    },
}

impl DoctorArgs {
    /// Whether nothing of this machine is looked at.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.list || self.facts.is_some() || self.what.is_some()
    }
}

/// What needs neither a stack nor an engine: the pages of the handbook, the list, the facts of another machine.
///
/// # Errors
/// Exit 64 for an id that is none or a file that holds no facts, 69 for a file that is not there.
pub fn offline(args: &DoctorArgs) -> Result<Box<dyn Report>> {
    if let Some(DoctorVerb::Explain { id }) = &args.what {
        return explain::run(id);
    }
    let asked = asked(&args.only)?;
    if args.list {
        return Ok(Box::new(explain::List(asked)));
    }
    let begun = Instant::now();
    let file = args.facts.as_ref().context("nothing was asked")?;
    let facts = of_file(file)?;
    Ok(Box::new(Doctor::new(&facts, judge(&facts, &asked), begun.elapsed()).of_facts(file)))
}

/// Runs the verb.
///
/// # Errors
/// Exit 64 for an id that is none; 75 or 77 when `--fix` may not begin.
pub async fn run(context: &mut Context, args: &DoctorArgs) -> Result<Box<dyn Report>> {
    let asked = asked(&args.only)?;
    let begun = Instant::now();
    let depth = if args.deep { Depth::Deep } else { Depth::Services };
    let facts = look(context, depth).await;
    let outcomes = judge(&facts, &asked);
    let doctor = Doctor::new(&facts, outcomes, begun.elapsed());
    if !args.fix {
        return Ok(Box::new(doctor.for_ui(&context.ui)));
    }
    let mended = Box::pin(fix::mend(context, doctor.outcomes, depth, &asked)).await?;
    let facts = mended.facts.unwrap_or(facts);
    let after = Doctor::new(&facts, mended.outcomes, begun.elapsed());
    Ok(Box::new(after.mended_by(mended.cured, mended.tried, mended.left).for_ui(&context.ui)))
}

/// Looks at this machine. What only a deep look shows stays for the looks that follow.
async fn look(context: &Context, depth: Depth) -> Facts {
    let engine = context.docker();
    let from = Sources { depth, ..Sources::new(&context.stack, engine.as_ref().map(|docker| *docker)) };
    let facts = facts::gather(&from).await;
    if let (Depth::Deep, Ok(Some(seen))) = (depth, facts.deep.known())
        && let Err(error) = deep::keep(&context.stack.home, seen)
    {
        context.ui.detail(&format!("what was seen is not kept: {error:#}"));
    }
    facts
}

/// Every check is asked, so that causes are known; what was not asked for is left out afterwards.
fn judge(facts: &Facts, asked: &[&'static Check]) -> Vec<Outcome> {
    let all = check::run(check::doctor(), facts);
    all.into_iter().filter(|outcome| asked.iter().any(|check| check.id == outcome.id)).collect()
}

/// The checks of these ids and families; all when none is named.
fn asked(only: &[String]) -> Result<Vec<&'static Check>> {
    let named = |check: &Check, name: &str| check.id == name || check.id.split('.').next() == Some(name);
    for name in only {
        if !check::doctor().any(|check| named(check, name)) {
            let message = format!("there is no check {name}");
            return Err(Failure::new(Exit::Usage, message).hint("tars doctor --list names them").into());
        }
    }
    Ok(check::doctor().filter(|check| only.is_empty() || only.iter().any(|name| named(check, name))).collect())
}

/// How a bundle begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Facts that another machine's doctor or bundle has.
fn of_file(file: &Path) -> Result<Facts> {
    let no_facts = |why: String| {
        Failure::new(Exit::Usage, format!("{} holds no facts: {why}", file.display()))
            .hint("name a bundle of tars support-bundle, or the facts.json in it")
    };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::new(Exit::Unavailable, format!("{} does not exist", file.display())).into());
        }
        Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
    };
    let facts: Facts = if bytes.starts_with(GZIP) {
        bundle::facts_of(file)?
    } else {
        serde_json::from_slice(&bytes).map_err(|error| no_facts(error.to_string()))?
    };
    if facts.schema == 0 {
        return Err(no_facts("it has no schema".to_owned()).into());
    }
    if facts.schema > facts::SCHEMA {
        return Err(no_facts(format!("it is of a newer tars ({})", facts.tars_version)).into());
    }
    Ok(facts)
}
