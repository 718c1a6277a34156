//! `tars restore`: an archive's data becomes the live data, after it was loaded beside it and compared; `--undo` takes
//! that back, `--drill` stops before it.

mod drill;
mod load;
mod report;
mod steps;
mod undo;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::restore::source;
use crate::stack::component::Component;
use crate::ui::{Page, Report};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `tars restore`.
#[derive(Clone, Debug, clap::Args)]
pub struct RestoreArgs {
    /// The archive: a file, the name of one, or `latest`; without it the archives are listed
    #[arg(long, value_name = "FILE|latest")]
    pub backup_file: Option<String>,
    /// Restore only these: postgres, chromadb, redis, documents, models
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub component: Vec<Component>,
    /// Check the archive and show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Ask nothing, and do what would be refused as unwise
    #[arg(long)]
    pub force: bool,
    /// Do without the .sha256 file beside the archive; the sums inside are always checked
    #[arg(long)]
    pub skip_validation: bool,
    /// Bring the archive's settings as well; its secrets only out of an encrypted archive
    #[arg(long)]
    pub restore_config: bool,
    /// Load and compare everything, switch nothing, and remove it again
    #[arg(long, conflicts_with_all = ["restore_config", "undo"])]
    pub drill: bool,
    /// Leave the drill's copy running on loopback, for a look
    #[arg(long, requires = "drill", conflicts_with = "dry_run")]
    pub keep: bool,
    /// Make the data live that was live before the last restore; twice is redo
    #[arg(long, conflicts_with_all = ["backup_file", "component", "restore_config", "identity", "passphrase_file"])]
    pub undo: bool,
    /// The key that opens an encrypted archive
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A file with the passphrase that opens an encrypted archive
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    pub passphrase_file: Option<PathBuf>,
}

/// Runs the verb. It winds down by itself when it is interrupted: nothing is left half-switched.
///
/// # Errors
/// Exit 69 without an engine, a stack or the archive, 75 when another run holds the lock, 77 when this user may not.
pub async fn run(context: &mut Context, args: &RestoreArgs) -> Result<Box<dyn Report>> {
    if args.undo {
        return undo::run(context, args).await;
    }
    match &args.backup_file {
        Some(file) if args.drill => Box::pin(drill::run(context, args, file)).await,
        Some(file) => Box::pin(steps::run(context, args, file)).await,
        None if args.drill && !source::list(context).is_empty() => Box::pin(drill::run(context, args, "latest")).await,
        None => listed(context),
    }
}

/// Asks for consent: the default is no, and `--yes` or `--force` are the consent. Nobody waits for an answer of who wants
/// to stop.
///
/// # Errors
/// When the answer is no, or cannot be had.
async fn consent(context: &Context, args: &RestoreArgs, question: &str) -> Result<()> {
    if args.force {
        return Ok(());
    }
    let answer = tokio::select! {
        answer = context.ui.confirm(question, context.ui.options().yes) => answer?,
        () = context.cancel.cancelled() => return Err(load::interrupted()),
    };
    if answer { Ok(()) } else { Err(Failure::new(Exit::Failed, "nothing was changed").into()) }
}

/// The archives that could be restored.
struct Listed(Vec<PathBuf>);

fn listed(context: &Context) -> Result<Box<dyn Report>> {
    let found = source::list(context);
    if found.is_empty() {
        return Err(Failure::new(Exit::Unavailable, "there is no archive to restore from")
            .hint("name one: tars restore --backup-file FILE")
            .into());
    }
    Ok(Box::new(Listed(found)))
}

impl Report for Listed {
    fn render(&self, page: &mut Page) {
        page.line("name one of these archives: tars restore --backup-file FILE (or latest)");
        self.0.iter().for_each(|path| page.line(format!("  {}", path.display())));
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn data(&self) -> Value {
        json!({ "archives": self.0 })
    }
}
