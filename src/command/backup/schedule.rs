//! `tars backup schedule`: a backup every night by itself, with the flags that are given here.

use super::args::BackupArgs;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::keeping::destination::{self, judge};
use crate::operate::keeping::look::{self, Question};
use crate::operate::keeping::retention::Rules;
use crate::operate::keeping::schedule::{self, Often, Schedule};
use crate::operate::keeping::units::{self, Manager, Text, Written};
use crate::operate::lock::Lock;
use crate::operate::unit;
use crate::stack::home::Home;
use crate::ui::{Page, Report, Warning};
use anyhow::Result;
use clap::{FromArgMatches, ValueEnum};
use serde_json::{Value, json};

/// How often, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Every {
    /// With the first backup after seven days
    Weekly,
    /// Never
    Never,
}

impl From<Every> for Often {
    fn from(every: Every) -> Self {
        match every {
            Every::Weekly => Self::Weekly,
            Every::Never => Self::Never,
        }
    }
}

/// Flags of `tars backup schedule`.
#[derive(Debug, clap::Args)]
pub struct ScheduleArgs {
    /// When, in this machine's own time
    #[arg(long, value_name = "HH:MM", default_value = "03:15")]
    pub daily: String,
    /// How often to rehearse a restore of the newest archive
    #[arg(long, value_name = "HOW OFTEN", default_value = "never")]
    pub drill: Every,
    /// How often to save the language models as well
    #[arg(long, value_name = "HOW OFTEN", default_value = "never")]
    pub models: Every,
    /// A shell command that gets each result as a JSON document on its standard input
    #[arg(long, value_name = "CMD")]
    pub on_result: Option<String>,
    /// Take the schedule away
    #[arg(long, conflicts_with_all = ["on_result", "dry_run", "output_dir", "encrypt_to"])]
    pub remove: bool,
    /// The flags of each backup.
    #[command(flatten)]
    pub run: BackupArgs,
}

#[derive(Debug)]
enum Done {
    Scheduled { schedule: Schedule, written: Written, on_result: bool },
    Shown(Vec<Text>),
    Removed(Vec<String>),
}

/// Runs the verb.
///
/// # Errors
/// Exit 64 for a time that is none, 69 without a stack or without anything that starts a backup, 75 when another run
/// holds the lock, 77 when this user may not.
pub async fn run(context: &mut Context, args: &ScheduleArgs) -> Result<Box<dyn Report>> {
    let (home, project) = (context.stack.home.clone(), context.stack.project().to_owned());
    if args.remove {
        let _lock = Lock::take(&home)?;
        return Ok(Box::new(Done::Removed(schedule::remove(&home, &project).await?)));
    }
    context.stack.need_env()?;
    let schedule = Schedule {
        daily: schedule::time_of_day(&args.daily)?,
        arguments: BackupArgs { dry_run: false, ..args.run.clone() }.words(),
        drill: args.drill.into(),
        models: args.models.into(),
        manager: Manager::here()?,
    };
    if args.run.dry_run {
        return Ok(Box::new(Done::Shown(units::texts(schedule.manager, &home, &project, &schedule.daily))));
    }
    let _lock = Lock::take(&home)?;
    refuse_unreadable(&args.run)?;
    refuse_blind_drill(context, args)?;
    choose(context, &args.run).await?;
    if crate::context::is_root() {
        // What is started at night is this program, at the path that units and cron lines name.
        unit::install_binary()?;
    }
    let mut written = schedule::write(&home, &project, &schedule, args.on_result.as_deref()).await?;
    if schedule.models == Often::Weekly && context.stack.setting("TARS_LLM") != "container" {
        written.notes.push("this stack keeps no models; --models weekly begins when it does".to_owned());
    }
    Ok(Box::new(Done::Scheduled { schedule, written, on_result: args.on_result.is_some() }))
}

/// The passphrase stays in its file, and only the path is written down: at night it must be there.
fn refuse_unreadable(args: &BackupArgs) -> Result<()> {
    match &args.passphrase_file {
        Some(path) => crate::archive::passphrase_of(path).map(|_| ()),
        None => Ok(()),
    }
}

/// An archive whose key is in the drawer cannot be restored at night.
fn refuse_blind_drill(context: &Context, args: &ScheduleArgs) -> Result<()> {
    let to_a_key = !args.run.encrypt_to.is_empty() || !context.stack.setting("TARS_BACKUP_RECIPIENT").is_empty();
    if args.drill == Every::Never || args.run.passphrase_file.is_some() || !to_a_key {
        return Ok(());
    }
    let message = "--drill weekly: the archives are encrypted to a key that is not on this machine";
    let hint = "leave --drill out and drill by hand with --identity, or encrypt with --passphrase-file";
    Err(Failure::new(Exit::Usage, message).hint(hint).into())
}

/// The directory is chosen now, whatever it was before: the operator is here.
async fn choose(context: &Context, args: &BackupArgs) -> Result<()> {
    let dir = destination::wanted(&context.stack, args.output_dir.as_deref());
    let answer = look::ask(&Question { dir: dir.clone(), expected: None, write: true }).await;
    let look = judge(&dir, answer, None).map_err(|why| {
        Failure::new(Exit::Failed, why.words())
            .hint("mount what belongs there, and make the directory, then run this again")
    })?;
    destination::remember(&context.stack.home, &dir, &look.file_system)
}

/// What the schedule keeps; `None` when there is no schedule.
///
/// # Errors
/// When it cannot be understood.
pub fn rules(home: &Home) -> Result<Option<Rules>> {
    let Some(schedule) = schedule::read(home)? else { return Ok(None) };
    Ok(Some(parsed(&schedule.arguments)?.rules_or(Rules::SCHEDULED)))
}

/// The flags of a schedule as they were written down.
///
/// # Errors
/// When this version does not know one of them.
pub fn parsed(words: &[String]) -> Result<BackupArgs> {
    let command = <BackupArgs as clap::Args>::augment_args(clap::Command::new("backup").no_binary_name(true));
    let matches = command.try_get_matches_from(words)?;
    Ok(BackupArgs::from_arg_matches(&matches)?)
}

impl Report for Done {
    fn render(&self, page: &mut Page) {
        match self {
            Self::Scheduled { schedule, written, on_result } => {
                page.line(format!("every night at {} by {}", schedule.daily, schedule.manager.words()));
                page.line(format!("  tars backup {}", schedule.arguments.join(" ")));
                for (often, what) in [(schedule.models, "with the models"), (schedule.drill, "a rehearsed restore")] {
                    if often == Often::Weekly {
                        page.line(format!("  {what} once a week"));
                    }
                }
                if *on_result {
                    page.line("  each result goes to the command that was given");
                }
                for place in &written.places {
                    page.line(page.dim(&format!("  {place}")));
                }
            }
            Self::Shown(texts) => {
                for text in texts {
                    page.line(page.bold(&text.path.display().to_string()));
                    page.line(&text.text);
                }
            }
            Self::Removed(removed) if removed.is_empty() => page.line("there was no schedule"),
            Self::Removed(removed) => removed.iter().for_each(|what| page.line(format!("removed {what}"))),
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::Scheduled { schedule, written, on_result } => {
                json!({ "schedule": schedule, "places": written.places, "on_result": on_result })
            }
            Self::Shown(texts) => json!({ "files": texts }),
            Self::Removed(removed) => json!({ "removed": removed }),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        let Self::Scheduled { written, .. } = self else { return Vec::new() };
        let note = |message: &String| Warning { id: "schedule.note", message: message.clone(), hint: None };
        written.notes.iter().map(note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_schedule_says_is_understood_again() {
        let run =
            BackupArgs { keep_daily: Some(3), encrypt_to: vec!["ssh-ed25519 A b".into()], ..BackupArgs::default() };
        assert_eq!(parsed(&run.words()).unwrap(), run);
        assert!(parsed(&["--no-such-flag".to_owned()]).is_err());
    }
}
