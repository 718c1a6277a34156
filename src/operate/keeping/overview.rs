//! The archives in one look, for `status`: the last run, the last good archive, the last drill, and what is wrong with
//! them. Reads files of the home alone, for a share that is away must not hold up a status.

use super::register::{Drilled, Register, Verdict};
use super::{destination, drawer, last, schedule};
use crate::stack::Stack;
use crate::ui::Warning;
use anyhow::Result;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is known.
#[derive(Debug)]
pub struct Overview {
    /// How the last run ended.
    pub last: Option<last::Last>,
    /// The newest archive that holds everything and was read again: its file and when it was made.
    pub good: Option<(PathBuf, Timestamp)>,
    /// The last drill and the archive that it tried.
    pub drill: Option<(PathBuf, Drilled)>,
    /// What must be mended.
    pub problems: Vec<String>,
    /// What should be known.
    pub warnings: Vec<Warning>,
}

/// Reads it.
///
/// # Errors
/// When a state file cannot be understood.
pub fn read(stack: &Stack, now: Timestamp) -> Result<Overview> {
    let register = Register::load(&stack.home)?;
    let drilled = register.entries().iter().filter_map(|entry| Some((entry.path(), entry.drilled.clone()?)));
    let mut overview = Overview {
        last: last::read(&stack.home)?,
        good: register.latest_good().map(|entry| (entry.path(), entry.created)),
        drill: drilled.max_by_key(|(_, drilled)| drilled.at),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    overview.problems = problems(stack, &overview, now)?;
    overview.warnings = warnings(stack, &register)?;
    Ok(overview)
}

fn problems(stack: &Stack, overview: &Overview, now: Timestamp) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if let Some(last) = &overview.last
        && last.exit != 0
    {
        let why = last.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        problems.push(format!("the last backup ({}) ended with exit {}{why}", day(last.at), last.exit));
    }
    if schedule::read(&stack.home)?.is_some() {
        // A day, and two hours for the run itself and the timer's own delay.
        let newest = overview.good.as_ref().map(|(_, created)| *created);
        match newest {
            Some(created) if created + 26.hours() < now => {
                problems.push(format!("backups run every night, but the last good one is of {}", day(created)));
            }
            None if overview.last.is_some() => {
                problems.push("backups run every night, but none was good yet".to_owned());
            }
            _ => {}
        }
    }
    if let Some((path, drilled)) = &overview.drill
        && drilled.verdict == Verdict::Fail
    {
        problems.push(format!("the drill of {} found {} bad: make a new backup", day(drilled.at), path.display()));
    }
    Ok(problems)
}

fn warnings(stack: &Stack, register: &Register) -> Result<Vec<Warning>> {
    let mut warnings: Vec<_> = Vec::new();
    if stack.env.is_some() && register.latest_good().is_none() {
        warnings.push(Warning {
            id: "backup.none",
            message: "there is no good backup of this stack".to_owned(),
            hint: Some("tars backup makes one; tars backup schedule makes one every night".to_owned()),
        });
    }
    if stack.env.is_some() || stack.env_problem.is_some() {
        warnings.extend(drawer::warning(stack, register)?);
    }
    let waiting = register.entries().iter().filter(|entry| entry.meant_for.is_some()).count();
    if waiting > 0 {
        warnings.push(Warning {
            id: "backup.waiting",
            message: format!(
                "{waiting} archives wait in {} because their directory could not be used",
                destination::own(&stack.home).display()
            ),
            hint: Some("the next good backup moves them".to_owned()),
        });
    }
    Ok(warnings)
}

impl Overview {
    /// `status`' `last_backup`; null before the first one.
    #[must_use]
    pub fn last_backup(&self) -> Value {
        let good = self.good.as_ref().map(|(path, created)| json!({ "archive": path, "created": created }));
        match &self.last {
            Some(last) => json!({
                "at": last.at, "exit": last.exit, "archive": last.archive, "bytes": last.bytes, "errors": last.errors,
                "last_good": good,
            }),
            None if good.is_some() => json!({ "last_good": good }),
            None => Value::Null,
        }
    }

    /// `status`' `last_drill`; null before the first one.
    #[must_use]
    pub fn last_drill(&self) -> Value {
        let drill = self.drill.as_ref();
        drill.map_or(
            Value::Null,
            |(path, drilled)| json!({ "at": drilled.at, "verdict": drilled.verdict, "archive": path }),
        )
    }

    /// One line for people; `None` before the first backup.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let good = self.good.as_ref().map(|(path, created)| format!("{} {}", day(*created), path.display()));
        let drill = self.drill.as_ref().map(|(_, drilled)| {
            let verdict = match drilled.verdict {
                Verdict::Pass => "passed",
                Verdict::Fail => "failed",
                Verdict::Error => "could not run",
            };
            format!("; drill of {} {verdict}", day(drilled.at))
        });
        Some(good? + &drill.unwrap_or_default())
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::register::{Entry, example};
    use super::super::schedule::{Often, Schedule};
    use super::super::units::Manager;
    use super::*;
    use crate::stack::home::Home;
    use crate::stack::state::{self, Kept};

    fn stack() -> (tempfile::TempDir, Stack) {
        let (dir, home) = Home::temporary();
        std::fs::write(home.env_file(), "TARS_ENCRYPTION_KEY=abc\n").unwrap();
        (dir, Stack::read(home))
    }

    fn scheduled(stack: &Stack) {
        let schedule = Schedule {
            daily: "03:15".into(),
            arguments: Vec::new(),
            drill: Often::Never,
            models: Often::Never,
            manager: Manager::Cron,
        };
        state::save(&stack.home.state_file("schedule.json"), 0o644, &Kept::new(schedule)).unwrap();
    }

    fn problems(stack: &Stack, now: Timestamp) -> String {
        read(stack, now).unwrap().problems.join(" / ")
    }

    #[test]
    fn without_a_backup_there_is_nothing_but_a_warning() {
        let (_dir, stack) = stack();
        let overview = read(&stack, Timestamp::now()).unwrap();
        assert_eq!((overview.last_backup(), overview.line()), (Value::Null, None));
        let ids: Vec<_> = overview.warnings.iter().map(|warning| warning.id).collect();
        assert_eq!((overview.problems.len(), ids), (0, vec!["backup.none", "backup.key"]));
    }

    #[test]
    fn a_backup_older_than_its_schedule_is_a_problem() {
        let (_dir, stack) = stack();
        let created = example(0).created;
        Register::load(&stack.home).unwrap().record(example(0)).unwrap();
        assert_eq!(problems(&stack, created + 900.hours()), "", "nobody promised one");
        scheduled(&stack);
        assert_eq!(problems(&stack, created + 25.hours()), "");
        assert!(problems(&stack, created + 27.hours()).contains("2026-01-01 03:15 UTC"));
        // A newer one that is not whole does not count.
        Register::load(&stack.home).unwrap().record(Entry { complete: false, ..example(1) }).unwrap();
        assert!(problems(&stack, created + 27.hours()).contains("every night"));
    }

    #[test]
    fn a_failed_run_and_a_failed_drill_are_problems() {
        let (_dir, stack) = stack();
        let last = last::Last {
            run: "r".into(),
            at: example(1).created,
            exit: 1,
            archive: None,
            bytes: 0,
            errors: vec!["the disk is full".into()],
        };
        last::record(&stack.home, &last).unwrap();
        assert!(problems(&stack, example(1).created).contains("exit 1: the disk is full"));
        let mut register = Register::load(&stack.home).unwrap();
        register.record(example(0)).unwrap();
        register.drilled(&example(0).path(), Verdict::Fail).unwrap();
        assert!(problems(&stack, example(1).created).contains("bad"));
        register.drilled(&example(0).path(), Verdict::Error).unwrap();
        assert!(problems(&stack, example(1).created).contains("bad"), "a drill that did not run takes nothing back");
        register.drilled(&example(0).path(), Verdict::Pass).unwrap();
        assert!(!problems(&stack, example(1).created).contains("bad"));
        register.record(example(1)).unwrap();
        register.drilled(&example(1).path(), Verdict::Error).unwrap();
        let overview = read(&stack, example(1).created).unwrap();
        assert_eq!((&overview.last_backup()["exit"], &overview.last_drill()["verdict"]), (&json!(1), &json!("error")));
        assert!(overview.line().unwrap().contains("could not run"));
    }
}
