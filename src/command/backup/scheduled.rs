//! What the timer or cron starts: the backup, now and then a drill, and the operator's command with each result.
//!
//! Each part is this program again, as a child, so that it behaves as if it were typed. Ctrl-C and SIGTERM are handed
//! on, and the child is given the time to start again what it stopped.

use super::schedule::parsed;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::child::Group;
use crate::operate::keeping::last;
use crate::operate::keeping::register::{Entry, Register};
use crate::operate::keeping::retention::Rules;
use crate::operate::keeping::schedule::{self, Often, Schedule};
use crate::stack::home::Home;
use crate::ui::{Page, Report, Warning};
use anyhow::{Context as _, Result};
use jiff::{Timestamp, ToSpan};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long the operator's command may take.
const HEARD_WITHIN: Duration = Duration::from_mins(2);

/// Flags of what the schedule starts.
#[derive(Debug, clap::Args)]
pub struct ScheduledArgs {
    /// Only when the last night was missed
    #[arg(long)]
    pub if_missed: bool,
}

#[derive(Debug, Default)]
struct Ran {
    results: Vec<Value>,
    warnings: Vec<Warning>,
    exit: Option<Exit>,
}

/// Runs what is due.
///
/// # Errors
/// Exit 69 when nothing is scheduled; what the backup or the drill came to is in the report.
pub async fn run(context: &Context, args: &ScheduledArgs) -> Result<Box<dyn Report>> {
    let home = &context.stack.home;
    let schedule = schedule::read(home)?.ok_or_else(|| {
        Failure::new(Exit::Unavailable, "nothing is scheduled here").hint("run: tars backup schedule")
    })?;
    let mut ran = Ran::default();
    if args.if_missed && !missed(home)? {
        return Ok(Box::new(ran));
    }
    let register = Register::load(home)?;
    // Where Ollama is another machine's there are no models to save, and asking for them is an error.
    let keeps_models = context.stack.setting("TARS_LLM") == "container";
    let models = if keeps_models { schedule.models } else { Often::Never };
    let backup = backup_words(&Schedule { models, ..schedule.clone() }, register.entries(), Timestamp::now())?;
    ran.part(context, &backup).await?;
    let drill = drill_words(&schedule)?;
    if ran.may_drill() && schedule.drill == Often::Weekly && drill_is_due(&Register::load(home)?, Timestamp::now()) {
        ran.part(context, &drill).await?;
    }
    Ok(Box::new(ran))
}

/// Whether no run ended within the last day, whatever came of it.
fn missed(home: &Home) -> Result<bool> {
    let last = last::read(home)?;
    Ok(last.is_none_or(|last| last.at + 25.hours() < Timestamp::now()))
}

/// The backup's command line: with the models when a week has passed without, with the rules of every schedule.
fn backup_words(schedule: &Schedule, entries: &[Entry], now: Timestamp) -> Result<Vec<String>> {
    let mut args = parsed(&schedule.arguments)?;
    let rules = args.rules_or(Rules::SCHEDULED);
    (args.keep_daily, args.keep_weekly, args.keep_monthly) =
        (Some(rules.daily), Some(rules.weekly), Some(rules.monthly));
    let with = entries.iter().filter(|entry| entry.is_proven() && entry.has_models()).map(|entry| entry.created).max();
    args.include_models |= schedule.models == Often::Weekly && is_due(with, now);
    Ok(std::iter::once("backup".to_owned()).chain(args.words()).collect())
}

/// The drill's command line. Of all keys only a passphrase is on this machine.
fn drill_words(schedule: &Schedule) -> Result<Vec<String>> {
    let mut words = ["restore", "--drill", "--backup-file", "latest"].map(str::to_owned).to_vec();
    if let Some(file) = parsed(&schedule.arguments)?.passphrase_file {
        words.push(format!("--passphrase-file={}", file.display()));
    }
    Ok(words)
}

fn drill_is_due(register: &Register, now: Timestamp) -> bool {
    is_due(register.entries().iter().filter_map(|entry| Some(entry.drilled.as_ref()?.at)).max(), now)
}

/// A little less than a week: the night that is meant must not be missed by minutes.
fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now > last + (7 * 24 - 6).hours() || last > now)
}

impl Ran {
    /// Runs one part to its end and hands its document on.
    async fn part(&mut self, context: &Context, words: &[String]) -> Result<()> {
        let (exit, document) = child(context, words).await?;
        if let Some(command) = schedule::on_result(&context.stack.home)?
            && let Err(error) = hand_on(&command, &document).await
        {
            self.warnings.push(Warning {
                id: "schedule.on_result",
                message: format!("the command that gets the results failed: {error:#}"),
                hint: Some("tars backup schedule --on-result CMD sets another one".to_owned()),
            });
        }
        self.results.push(serde_json::from_slice(&document).unwrap_or(Value::Null));
        // The first thing that went wrong decides.
        self.exit = self.exit.filter(|exit| *exit != Exit::Done).or(Some(exit));
        Ok(())
    }

    fn may_drill(&self) -> bool {
        matches!(self.exit, Some(Exit::Done | Exit::Partly))
    }
}

/// This program again. Returns how it ended and its document.
async fn child(context: &Context, words: &[String]) -> Result<(Exit, Vec<u8>)> {
    let home = context.stack.home.path();
    let mut command = Command::new("/proc/self/exe");
    command.arg("--home").arg(home).args(["--quiet", "--json", "--yes"]).args(words);
    // Not killed with this future: it must start again what it stopped.
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("could not start the next part")?;
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let mut ending = Box::pin(child.wait_with_output());
    let output = tokio::select! {
        output = &mut ending => output,
        () = context.cancel.cancelled() => {
            if let Some(pid) = pid {
                kill_process(pid, Signal::TERM).ok();
            }
            ending.await
        }
    };
    let output = output.context("could not wait for the next part")?;
    let code = output.status.code().and_then(|code| u8::try_from(code).ok());
    let exit = Exit::ALL.into_iter().map(|(exit, _)| exit).find(|exit| Some(exit.code()) == code);
    Ok((exit.unwrap_or(Exit::Failed), output.stdout))
}

/// The operator's command, in a shell and a process group of its own.
async fn hand_on(command: &str, document: &[u8]) -> Result<()> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = shell.spawn().context("could not start a shell")?;
    let group = Group::of(&child);
    let mut stdin = child.stdin.take().context("no stdin")?;
    let ended = tokio::time::timeout(HEARD_WITHIN, async {
        // Who does not read is not asked to.
        stdin.write_all(document).await.ok();
        drop(stdin);
        child.wait().await
    });
    let status = ended.await.context("it did not end within two minutes")?.context("could not wait for it")?;
    group.ended();
    anyhow::ensure!(status.success(), "it ended with {status}");
    Ok(())
}

impl Report for Ran {
    fn render(&self, page: &mut Page) {
        for result in &self.results {
            let command = result["command"].as_str().unwrap_or("a part");
            let exit = result["exit"].as_u64();
            let ended = exit.map_or_else(|| "gave no result".to_owned(), |exit| format!("ended with exit {exit}"));
            page.line(format!("tars {command} {ended}"));
            // What the report itself would show: cron mails these words.
            if let Some(why) = result["data"]["fell_back"].as_str() {
                page.wrapped("  ", &format!("the archive waits in the home's backups/: {why}"));
            }
            let failed = |part: &&Value| part["status"] == "failed";
            for part in result["data"]["components"].as_array().into_iter().flatten().filter(failed) {
                let word = |key: &str| part[key].as_str().unwrap_or_default();
                page.wrapped("  ", &format!("{} failed: {}", word("name"), word("error")));
            }
            for mount in result["data"]["uncovered"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                page.wrapped("  ", &format!("not in the archive: {mount}"));
            }
            for said in result["warnings"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(result["errors"].as_array().into_iter().flatten())
            {
                let words = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
                page.wrapped("  ", &words("message"));
                for cause in said["causes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    page.wrapped("    because: ", cause);
                }
                if !words("hint").is_empty() {
                    page.wrapped("    hint: ", &words("hint"));
                }
            }
        }
    }

    fn exit(&self) -> Exit {
        self.exit.unwrap_or(Exit::Done)
    }

    fn data(&self) -> Value {
        json!({ "results": self.results })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::keeping::units::Manager;

    fn schedule(arguments: &[&str], models: Often) -> Schedule {
        Schedule {
            daily: "03:15".into(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            drill: Often::Never,
            models,
            manager: Manager::Cron,
        }
    }

    #[test]
    fn a_schedule_keeps_7_4_12_unless_told_otherwise() {
        let words = backup_words(&schedule(&["--keep-weekly=9"], Often::Never), &[], Timestamp::now()).unwrap();
        assert_eq!(words, ["backup", "--keep-daily=7", "--keep-weekly=9", "--keep-monthly=12"]);
    }

    #[test]
    fn a_drill_opens_with_the_schedules_own_passphrase() {
        let words = drill_words(&schedule(&["--passphrase-file=/root/a b"], Often::Never)).unwrap();
        assert_eq!(words.last().unwrap(), "--passphrase-file=/root/a b");
        assert_eq!(drill_words(&schedule(&[], Often::Never)).unwrap().last().unwrap(), "latest");
    }

    #[test]
    fn models_come_with_the_first_backup_and_then_weekly() {
        let weekly = schedule(&[], Often::Weekly);
        let with = |now| backup_words(&weekly, &[], now).unwrap().contains(&"--include-models".to_owned());
        assert!(with(Timestamp::now()));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let last = Some(at("2026-01-04T03:15:40Z"));
        assert!(!is_due(last, at("2026-01-10T03:18:00Z")), "the sixth night");
        assert!(is_due(last, at("2026-01-11T03:15:05Z")), "the seventh, though a little early");
        assert!(is_due(Some(at("2036-01-01T00:00:00Z")), at("2026-01-11T00:00:00Z")), "the clock was ahead then");
    }

    #[tokio::test]
    async fn the_command_gets_the_document_and_its_failure_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a b");
        hand_on(&format!("cat > '{}'", file.display()), b"{}").await.unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"{}");
        assert!(hand_on("exit 3", &vec![b'x'; 1 << 20]).await.unwrap_err().to_string().contains('3'));
    }
}
