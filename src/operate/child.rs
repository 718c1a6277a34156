//! Child processes: run with a deadline or a voice, their complaints kept.

use super::program;
use crate::error::Tail;
use anyhow::{Context, Result};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// What a child left.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The last lines that it printed on stdout and stderr.
    pub tail: String,
}

impl Ended {
    /// Whether it ended well.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Its failure as an error: what was run, how it ended, what it said.
    #[must_use]
    pub fn error(&self, what: &str) -> anyhow::Error {
        let how = self.code.map_or_else(|| "was killed".to_owned(), |code| format!("ended with status {code}"));
        anyhow::anyhow!("{}", self.tail).context(format!("{what} {how}"))
    }
}

/// A child's whole process group (the child was started with `process_group(0)`): killed when this is dropped, so that
/// a script's own children do not go on without it.
#[derive(Debug)]
pub struct Group(Option<rustix::process::Pid>);

impl Group {
    /// The group that this child leads.
    #[must_use]
    pub fn of(child: &tokio::process::Child) -> Self {
        Self(child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?)))
    }

    /// The child came to its own end: nothing is left to kill, and its number may soon be another's.
    pub fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that it is gone already.
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        }
    }
}

/// Runs a child to its end, handing every line it prints to `on_line`. Dropping the future kills the child.
///
/// # Errors
/// When it cannot be started. How it ended is the answer, not an error.
pub async fn run(mut command: Command, stdin: Stdio, mut on_line: impl FnMut(&str)) -> Result<Ended> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("could not run {name}"))?;
    let mut out = BufReader::new(child.stdout.take().context("no stdout")?).split(b'\n');
    let mut err = BufReader::new(child.stderr.take().context("no stderr")?).split(b'\n');
    let mut tail = Tail::default();
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        let line = tokio::select! {
            line = out.next_segment(), if out_open => { let line = line?; out_open = line.is_some(); line }
            line = err.next_segment(), if err_open => { let line = line?; err_open = line.is_some(); line }
        };
        let Some(line) =
            line.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned()).filter(|line| !line.is_empty())
        else {
            continue;
        };
        on_line(&line);
        tail.push(&line);
    }
    let status = child.wait().await.with_context(|| format!("could not wait for {name}"))?;
    Ok(Ended { code: status.code(), tail: tail.text() })
}

/// Runs a child that must come to its own end even when this process does not: a package manager killed half-way, or
/// writing to a pipe whose reader is gone, leaves a broken system. It gets a process group of its own (Ctrl-C does not
/// reach it) and adds to a file, whose new lines are handed to `on_line`. Dropping the future lets the child go on.
///
/// # Errors
/// When it cannot be started or the file cannot be made. How it ended is the answer, not an error.
pub async fn run_to_its_end(mut command: Command, log: &Path, mut on_line: impl FnMut(&str)) -> Result<Ended> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
    let file = file.with_context(|| format!("could not make {}", log.display()))?;
    let from = file.metadata().with_context(|| format!("could not look at {}", log.display()))?.len();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("could not run {name}"))?;
    // A file tells nobody that it has grown.
    let mut look = tokio::time::interval(Duration::from_millis(300));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.with_context(|| format!("could not wait for {name}"))?,
            _ = look.tick() => if let Some(line) = lines(log, from).last() { on_line(line) },
        }
    };
    let mut tail = Tail::default();
    for line in lines(log, from) {
        tail.push(&line);
    }
    Ok(Ended { code: status.code(), tail: tail.text() })
}

/// The lines of a file from an offset on; none while it cannot be read.
fn lines(log: &Path, from: u64) -> Vec<String> {
    let mut text = Vec::new();
    if let Ok(mut file) = std::fs::File::open(log) {
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut text)).ok();
    }
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Runs a short child and returns its stdout when it ended well within the deadline.
///
/// # Errors
/// When it is not there, takes longer, or ends badly.
pub async fn ask(name: &str, args: &[&str], deadline: Duration) -> Result<String> {
    let path = program::here(name).with_context(|| format!("{name} is not installed"))?;
    let mut command = Command::new(path);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(deadline, command.output())
        .await
        .with_context(|| format!("{name} gave no answer within {} s", deadline.as_secs()))?
        .with_context(|| format!("could not run {name}"))?;
    if !output.status.success() {
        anyhow::bail!("{name} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_streams_are_heard_and_the_status_is_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let mut heard = Vec::new();
        let ended = run(command, Stdio::null(), |line| heard.push(line.to_owned())).await.unwrap();
        heard.sort();
        assert_eq!((ended.code, heard), (Some(3), vec!["one".into(), "two".into()]));
        assert!(format!("{:#}", ended.error("sh")).contains("status 3"));
    }

    #[tokio::test]
    async fn a_child_that_must_not_be_cut_outlives_its_watcher() {
        let dir = tempfile::tempdir().unwrap();
        let (log, done) = (dir.path().join("log"), dir.path().join("done"));
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; read _ < gate; echo more; touch done"]).current_dir(dir.path());
        std::process::Command::new("mkfifo").arg(dir.path().join("gate")).status().unwrap();
        let watch = run_to_its_end(command, &log, |_| {});
        assert!(tokio::time::timeout(Duration::from_millis(50), watch).await.is_err(), "it waits at its gate");
        std::fs::write(dir.path().join("gate"), "\n").unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), async {
            while !done.exists() {
                tokio::task::yield_now().await;
            }
        });
        ended.await.unwrap();
        assert_eq!(lines(&log, 0), ["begun", "more"]);
    }

    #[tokio::test]
    async fn only_the_own_words_are_read_from_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        std::fs::write(&log, "E: Could not get lock\n").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo fine"]);
        let ended = run_to_its_end(command, &log, |_| {}).await.unwrap();
        assert_eq!(ended.tail, "fine");
        assert_eq!(lines(&log, 0).len(), 2);
    }

    #[tokio::test]
    async fn a_dropped_group_takes_its_children_along() {
        let mut command = Command::new("sh");
        command.args(["-c", "tail -f /dev/null & echo up; wait"]).process_group(0).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let group = Group::of(&child);
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(out.next_line().await.unwrap().as_deref(), Some("up"));
        drop(group);
        // The pipe ends only when nobody holds it any more, the background child included.
        let end = tokio::time::timeout(Duration::from_secs(10), out.next_line()).await;
        assert_eq!(end.unwrap().unwrap(), None);
        assert!(!child.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_silent_child_meets_its_deadline() {
        let error = ask("tail", &["-f", "/dev/null"], Duration::from_millis(100)).await.unwrap_err();
        assert!(error.to_string().contains("no answer"), "{error}");
    }
}
