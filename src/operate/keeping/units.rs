//! Who starts a scheduled backup, and the text of its units and lines. Written twice, they are the same.

use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::{child, engine, program, unit};
use crate::stack::home::Home;
use crate::stack::state;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const SERVICE: &str = include_str!("../../../deploy/systemd/tars-backup.service");
const TIMER: &str = include_str!("../../../deploy/systemd/tars-backup.timer");
const SYSTEMD_DIR: &str = "/etc/systemd/system";
const CRON_DIR: &str = "/etc/cron.d";
const WITHIN: Duration = Duration::from_mins(1);

/// Who starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// A systemd timer.
    Systemd,
    /// A file in `/etc/cron.d`.
    Cron,
    /// A line in this user's own crontab.
    Crontab,
}

impl Manager {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Systemd, Self::Cron, Self::Crontab];

    /// The one of this machine for this user.
    ///
    /// # Errors
    /// Exit 69 when there is none.
    pub fn here() -> Result<Self> {
        if crate::context::is_root() {
            if engine::has_systemd() {
                return Ok(Self::Systemd);
            }
            if Path::new(CRON_DIR).is_dir() {
                return Ok(Self::Cron);
            }
        }
        if program::here("crontab").is_some() {
            return Ok(Self::Crontab);
        }
        Err(Failure::new(Exit::Unavailable, "this machine has nothing that starts a backup by itself")
            .hint("install cron (apt-get install cron), or start tars backup from what you have")
            .into())
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Systemd => "a systemd timer",
            Self::Cron => "cron",
            Self::Crontab => "this user's crontab",
        }
    }
}

/// A file as it is to be: where, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub text: String,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Written {
    /// The files or lines that are there now.
    pub places: Vec<String>,
    /// What the operator should know.
    pub notes: Vec<String>,
}

/// The texts, for who wants to read them first.
#[must_use]
pub fn texts(manager: Manager, home: &Home, project: &str, time: &str) -> Vec<Text> {
    let name = name(project);
    let at = |dir: &str, file: String| Path::new(dir).join(file);
    match manager {
        Manager::Systemd => vec![
            Text { path: at(SYSTEMD_DIR, format!("{name}.service")), text: filled(SERVICE, home, project, time) },
            Text { path: at(SYSTEMD_DIR, format!("{name}.timer")), text: filled(TIMER, home, project, time) },
        ],
        Manager::Cron => vec![Text { path: at(CRON_DIR, name), text: cron_file(home, time) }],
        Manager::Crontab => {
            vec![Text { path: "crontab".into(), text: crontab_lines(&as_user(), home, time).join("\n") + "\n" }]
        }
    }
}

/// Writes them and has the manager take them in.
///
/// # Errors
/// When a file cannot be written, or systemd or crontab refuses.
pub async fn write(manager: Manager, home: &Home, project: &str, time: &str) -> Result<Written> {
    let texts = texts(manager, home, project, time);
    let mut done = Written::default();
    if manager == Manager::Crontab {
        set_crontab(home, Some(&crontab_lines(&as_user(), home, time))).await?;
        done.places.push("the crontab of this user".to_owned());
        return Ok(done);
    }
    let mut changed = false;
    for Text { path, text } in &texts {
        if std::fs::read(path).map_or(true, |there| there != text.as_bytes()) {
            state::write(path, 0o644, text.as_bytes())?;
            changed = true;
        }
        done.places.push(path.display().to_string());
    }
    if manager == Manager::Systemd {
        done.notes.extend(enable(&name(project), changed).await?);
    } else if program::here("cron").is_none() && program::here("crond").is_none() {
        done.notes
            .push("no cron is installed here: nothing reads that file before one is (apt-get install cron)".to_owned());
    }
    Ok(done)
}

/// Takes a schedule away. Returns what was there.
///
/// # Errors
/// When a file cannot be removed, or systemd or crontab refuses.
pub async fn remove(manager: Manager, home: &Home, project: &str) -> Result<Vec<String>> {
    if manager == Manager::Crontab {
        let was = set_crontab(home, None).await?;
        return Ok(was.then(|| "a line of this user's crontab".to_owned()).into_iter().collect());
    }
    let texts = texts(manager, home, project, "00:00");
    let there: Vec<_> = texts.into_iter().map(|text| text.path).filter(|path| path.exists()).collect();
    if manager == Manager::Systemd && !there.is_empty() && engine::has_systemd() {
        systemctl(&["disable", "--no-reload", "--now", &format!("{}.timer", name(project))]).await?;
    }
    let mut removed = Vec::new();
    for path in there {
        state::remove(&path)?;
        removed.push(path.display().to_string());
    }
    Ok(removed)
}

/// Never a `daemon-reload`: it can detach GPUs from running containers. A unit that systemd has not read yet needs none;
/// of one that it has, it keeps the old text until the next reload or boot, and that is said.
async fn enable(name: &str, changed: bool) -> Result<Option<String>> {
    let timer = format!("{name}.timer");
    systemctl(&["enable", "--no-reload", &timer]).await?;
    systemctl(&[if changed { "restart" } else { "start" }, &timer]).await?;
    let stale = child::ask("systemctl", &["show", "-p", "NeedDaemonReload", "--value", &timer], WITHIN).await;
    Ok((stale.ok().as_deref() == Some("yes")).then(|| {
        "systemd goes by the old time until its next start; at once with: systemctl daemon-reload (a running container \
         may lose its GPU by that: tars restart gives it back)"
            .to_owned()
    }))
}

fn name(project: &str) -> String {
    unit::unit_name(project).replacen("recover", "backup", 1)
}

fn filled(template: &str, home: &Home, project: &str, time: &str) -> String {
    let plain = home.path().display().to_string().replace('%', "%%");
    // Inside quotes of a command line, systemd reads backslashes, quotes and dollars as well.
    let quoted = plain.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    template
        .replace("@TARS@", unit::BINARY)
        .replace("@RECOVER@", &unit::unit_name(project))
        .replace("@PROJECT@", project)
        .replace("@TIME@", time)
        .replace("@QUOTED@", &quoted)
        .replace("@HOME@", &plain)
}

/// Cron hands the command to a shell, and reads % as a newline.
fn command(program: &str, home: &Home) -> String {
    format!("{program} --home {} --quiet backup scheduled", quoted(&home.path().display().to_string()))
}

/// A word as the shell that cron calls reads it; `%` is cron's own.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''").replace('%', "\\%"))
}

fn hours_and_minutes(time: &str) -> String {
    let (hours, minutes) = time.split_once(':').unwrap_or(("3", "15"));
    let number = |text: &str| text.parse().unwrap_or(0_u8);
    format!("{} {} * * *", number(minutes), number(hours))
}

fn cron_file(home: &Home, time: &str) -> String {
    let (command, when) = (command(unit::BINARY, home), hours_and_minutes(time));
    format!(
        "# Written by `tars backup schedule`; `tars backup schedule --remove` takes it away. The second line makes up for\n\
         # a night that the machine slept through.\n\
         {when} root {command}\n\
         @reboot root {command} --if-missed\n"
    )
}

/// How a user's job calls this program: cron gives it no environment to speak of, and a user need not have installed the
/// program for all.
fn as_user() -> String {
    let own = (!Path::new(unit::BINARY).exists()).then(std::env::current_exe).and_then(Result::ok);
    let program = own.map_or_else(|| unit::BINARY.to_owned(), |own| quoted(&own.display().to_string()));
    let engine = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    engine.map_or_else(String::new, |host| format!("DOCKER_HOST={} ", quoted(&host))) + &program
}

/// What marks our lines in a user's crontab.
fn mark(home: &Home) -> String {
    format!("# tars backup schedule of {}", home.path().display())
}

fn crontab_lines(program: &str, home: &Home, time: &str) -> Vec<String> {
    let (command, when) = (command(program, home), hours_and_minutes(time));
    vec![mark(home), format!("{when} {command}"), format!("@reboot {command} --if-missed")]
}

/// A crontab with our lines taken out and new ones put in at its end.
fn edited(old: &str, mark: &str, new: &[String]) -> String {
    let (mut kept, mut ours) = (Vec::new(), 0);
    for line in old.lines() {
        match (line == mark, ours) {
            (true, _) => ours = 2,
            (false, 1..) if line.contains("backup scheduled") => ours -= 1,
            _ => {
                ours = 0;
                kept.push(line);
            }
        }
    }
    kept.extend(new.iter().map(String::as_str));
    kept.iter().fold(String::new(), |text, line| text + line + "\n")
}

/// Returns whether our lines stood there before.
async fn set_crontab(home: &Home, lines: Option<&[String]>) -> Result<bool> {
    let Some(program) = program::here("crontab").filter(|_| !crate::context::is_root()) else { return Ok(false) };
    // A user without a crontab: status 1 and a sentence.
    let old = child::ask("crontab", &["-l"], WITHIN).await.unwrap_or_default();
    let new = edited(&old, &mark(home), lines.unwrap_or_default());
    let had = old.lines().any(|line| line == mark(home));
    if new.trim_end() == old.trim_end() {
        return Ok(had);
    }
    let mut child = Command::new(program).arg("-").stdin(Stdio::piped()).spawn().context("could not run crontab")?;
    child.stdin.take().context("no stdin")?.write_all(new.as_bytes()).await?;
    let status = tokio::time::timeout(WITHIN, child.wait()).await.context("crontab gave no answer within 60 s")??;
    anyhow::ensure!(status.success(), "crontab refused the new lines ({status})");
    Ok(had)
}

async fn systemctl(args: &[&str]) -> Result<()> {
    let mut command = Command::new("systemctl");
    command.args(args);
    let ended = tokio::time::timeout(WITHIN, child::run(command, Stdio::null(), |_| {}))
        .await
        .context("systemctl gave no answer within 60 s")??;
    if ended.ok() { Ok(()) } else { Err(ended.error(&format!("systemctl {}", args.join(" ")))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strange() -> Home {
        Home::at(Path::new("/srv/100% my 'st\"a\\ck' $5"))
    }

    #[test]
    fn a_strange_home_survives_systemd() {
        let texts = texts(Manager::Systemd, &strange(), "tars-home", "03:15");
        assert_eq!(texts[0].path, Path::new("/etc/systemd/system/tars-backup.service"));
        let exec = texts[0].text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        assert_eq!(
            exec,
            r#"ExecStart="/usr/local/bin/tars" --home "/srv/100%% my 'st\"a\\ck' $$5" --quiet backup scheduled"#
        );
        assert!(texts[1].text.contains("OnCalendar=*-*-* 03:15:00\n") && texts[1].text.contains("Persistent=true\n"));
        assert!(!texts.iter().any(|text| text.text.contains('@')), "{texts:?}");
    }

    #[test]
    fn a_strange_home_survives_cron_and_its_shell() {
        let text = texts(Manager::Cron, &strange(), "other", "03:05").remove(0);
        assert_eq!(text.path, Path::new("/etc/cron.d/tars-backup-other"));
        let line = text.text.lines().find(|line| line.starts_with("5 3 * * * root ")).unwrap();
        // What cron makes of it, with a program that shows its arguments.
        let command = line.splitn(7, ' ').last().unwrap().replace("\\%", "%");
        let shown = command.replacen("/usr/local/bin/tars", "printf '%s\\n'", 1);
        let output = std::process::Command::new("sh").args(["-c", &shown]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert_eq!(words.lines().nth(1), strange().path().to_str());
    }

    #[test]
    fn a_users_crontab_keeps_the_users_lines() {
        let home = Home::at(Path::new("/home/u/tars"));
        let (mark, lines) = (mark(&home), crontab_lines(unit::BINARY, &home, "03:15"));
        let old = "MAILTO=me\n5 4 * * * other backup scheduled-elsewhere\n";
        let once = edited(old, &mark, &lines);
        assert!(once.starts_with(old) && once.contains("15 3 * * * /usr/local/bin/tars"), "{once}");
        assert_eq!(edited(&once, &mark, &lines), once, "twice is once");
        assert_eq!(edited(&format!("{once}9 9 * * * later\n"), &mark, &[]), format!("{old}9 9 * * * later\n"));
    }
}
