//! `tars backup` and what is below it: which archives there are, whether they are whole, which may go, when the next one
//! is made, and the key that opens them.

mod args;
pub mod keygen;
pub mod list;
pub mod prune;
mod report;
mod run;
pub mod schedule;
pub mod scheduled;
pub mod verify;

pub use args::BackupArgs;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Report;
use anyhow::Result;

/// `tars backup`, its flags and what is below it.
#[derive(Debug, clap::Args)]
pub struct BackupCommand {
    /// The flags of a backup.
    #[command(flatten)]
    pub run: BackupArgs,
    /// What to do instead of a backup.
    #[command(subcommand)]
    pub what: Option<What>,
}

impl BackupCommand {
    /// Whether the run leaves a line in `state/runs.jsonl`.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        match &self.what {
            None => !self.run.dry_run,
            Some(What::Prune(args)) => !args.dry_run,
            Some(What::Schedule(args)) => !args.run.dry_run,
            Some(What::Keygen(_)) => true,
            Some(What::List(_) | What::Verify(_) | What::Scheduled(_) | What::Look) => false,
        }
    }

    /// Whether it ends by itself soon after the operator interrupts, because it must start again what it stopped.
    #[must_use]
    pub fn winds_down(&self) -> bool {
        matches!(self.what, None | Some(What::Scheduled(_)))
    }

    /// Whether this process is the child that looks at a directory.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(self.what, Some(What::Look))
    }
}

/// Below `tars backup`.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// List the archives: when, how large, what is in them, what was proven
    List(list::ListArgs),
    /// Read an archive to its end and check every sum in it
    Verify(verify::VerifyArgs),
    /// Delete the archives that no rule keeps
    Prune(prune::PruneArgs),
    /// Back up every night by itself
    Schedule(Box<schedule::ScheduleArgs>),
    /// Make a key pair for encrypted archives, and the page for the drawer
    Keygen(keygen::KeygenArgs),
    /// What the schedule starts
    #[command(hide = true)]
    Scheduled(scheduled::ScheduledArgs),
    /// Look at a directory, asked on standard input: a part of tars backup
    #[command(hide = true)]
    Look,
}

/// Runs what is asked for.
///
/// # Errors
/// Those of the parts; exit 64 for flags of a backup where none is made.
pub async fn run(context: &mut Context, args: &BackupCommand) -> Result<Box<dyn Report>> {
    let Some(what) = &args.what else { return run::run(context, &args.run).await };
    if args.run != BackupArgs::default() {
        // `tars backup --dry-run prune` must not delete.
        let message = "flags of a backup stand before list, verify, prune, schedule or keygen";
        return Err(Failure::new(Exit::Usage, message).hint("write them behind that word").into());
    }
    match what {
        What::List(args) => list::run(context, args).await,
        What::Verify(args) => verify::run(context, args).await,
        What::Prune(args) => prune::run(context, args).await,
        What::Schedule(args) => schedule::run(context, args).await,
        What::Keygen(args) => keygen::run(context, args),
        What::Scheduled(args) => scheduled::run(context, args).await,
        What::Look => anyhow::bail!("handled before"),
    }
}
