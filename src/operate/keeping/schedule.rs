//! When backups run by themselves: a systemd timer, a file in `/etc/cron.d`, or a line of the user's crontab.
//!
//! Units and cron lines hold the path of the program, the home and a time, nothing else: what to do stands in
//! `state/schedule.json`, so that no flag has to survive the quoting of systemd, cron and a shell. The command that gets
//! the results may hold a token, and has a file of its own, 0600.

use super::units::{self, Manager};
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How often something beside the nightly backup happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Often {
    /// With the first backup after seven days.
    Weekly,
    /// Never.
    Never,
}

/// What runs by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The time of day, `HH:MM`, in the machine's own time.
    pub daily: String,
    /// The flags of `tars backup`.
    pub arguments: Vec<String>,
    /// How often the newest archive is restored for a rehearsal.
    pub drill: Often,
    /// How often the models are saved as well.
    pub models: Often,
    /// Who starts it.
    pub manager: Manager,
}

#[derive(Serialize, Deserialize)]
struct OnResult {
    command: String,
}

/// What is written down; `None` when nothing runs by itself.
///
/// # Errors
/// When the state cannot be understood.
pub fn read(home: &Home) -> Result<Option<Schedule>> {
    Ok(state::load::<Kept<Schedule>>(&home.state_file("schedule.json"))?.map(|kept| kept.data))
}

/// The command that gets each result's document on its standard input.
///
/// # Errors
/// When its file cannot be read.
pub fn on_result(home: &Home) -> Result<Option<String>> {
    Ok(state::load::<Kept<OnResult>>(&on_result_file(home))?.map(|kept| kept.data.command))
}

fn on_result_file(home: &Home) -> PathBuf {
    home.state_file("on_result.json")
}

/// Writes it all: what to do first, so that whoever is started finds it. Returns the files outside the home that it
/// stands in, and what the operator should know.
///
/// # Errors
/// When a file cannot be written or systemd refuses.
pub async fn write(home: &Home, project: &str, schedule: &Schedule, on_result: Option<&str>) -> Result<units::Written> {
    match on_result {
        Some(command) => {
            let command = command.to_owned();
            state::save(&on_result_file(home), 0o600, &Kept::new(OnResult { command }))?;
        }
        None => state::remove(&on_result_file(home))?,
    }
    state::save(&home.state_file("schedule.json"), 0o644, &Kept::new(schedule))?;
    // One that another manager started would run twice.
    for manager in Manager::ALL.into_iter().filter(|manager| *manager != schedule.manager) {
        units::remove(manager, home, project).await?;
    }
    units::write(schedule.manager, home, project, &schedule.daily).await
}

/// Takes everything away again. Returns what was there.
///
/// # Errors
/// When a file cannot be removed or systemd refuses.
pub async fn remove(home: &Home, project: &str) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    for manager in Manager::ALL {
        removed.extend(units::remove(manager, home, project).await?);
    }
    for path in [home.state_file("schedule.json"), on_result_file(home)] {
        if path.exists() {
            state::remove(&path)?;
            removed.push(path.display().to_string());
        }
    }
    Ok(removed)
}

/// A time of day as it is written everywhere: `03:15`.
///
/// # Errors
/// When it is none.
pub fn time_of_day(text: &str) -> Result<String> {
    let number = |text: &str, below: u8| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u8>().ok()).flatten().filter(|n| *n < below)
    };
    let time = text.split_once(':').and_then(|(h, m)| Some((number(h, 24)?, number(m, 60)?)));
    match time {
        Some((hours, minutes)) => Ok(format!("{hours:02}:{minutes:02}")),
        None => Err(Failure::new(Exit::Usage, format!("{text} is no time of day")).hint("such as 03:15").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn times_of_day() {
        for (text, time) in [("3:15", "03:15"), ("00:00", "00:00"), ("23:59", "23:59"), ("7:5", "07:05")] {
            assert_eq!(time_of_day(text).unwrap(), time);
        }
        for wrong in ["24:00", "12:60", "noon", "12", "", "1:2:3", "+1:00", "-1:00", "001:00"] {
            assert!(time_of_day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_is_private_and_the_rest_is_not() {
        let (_dir, home) = Home::temporary();
        let command = "curl -H 'Authorization: x'".to_owned();
        state::save(&on_result_file(&home), 0o600, &Kept::new(OnResult { command: command.clone() })).unwrap();
        assert_eq!(on_result(&home).unwrap(), Some(command));
        assert_eq!(std::fs::metadata(on_result_file(&home)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&home).unwrap(), None);
    }
}
