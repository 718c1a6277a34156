//! Child processes: run with a deadline or a voice, their complaints kept.

use super::program;
use anyhow::{Context, Result};
use std::fs::File;
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

/// How many of a child's last lines are kept for the error message.
pub const TAIL_LINES: usize = 15;

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
    let mut tail = std::collections::VecDeque::with_capacity(TAIL_LINES);
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
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let status = child.wait().await.with_context(|| format!("could not wait for {name}"))?;
    Ok(Ended { code: status.code(), tail: Vec::from(tail).join("\n") })
}

/// Runs a child that must come to its own end even when this process does not: a package manager killed half-way, or
/// writing to a pipe whose reader is gone, leaves a broken system. It gets a process group of its own (Ctrl-C does not
/// reach it) and writes to a file, whose new lines are handed to `on_line`. Dropping the future lets the child go on.
///
/// # Errors
/// When it cannot be started or the file cannot be made. How it ended is the answer, not an error.
pub async fn run_to_its_end(mut command: Command, log: &Path, mut on_line: impl FnMut(&str)) -> Result<Ended> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let file = File::create(log).with_context(|| format!("could not make {}", log.display()))?;
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
            _ = look.tick() => if let Some(line) = last_lines(log, 1).pop() { on_line(&line) },
        }
    };
    Ok(Ended { code: status.code(), tail: last_lines(log, TAIL_LINES).join("\n") })
}

fn last_lines(log: &Path, count: usize) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
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
        assert_eq!(last_lines(&log, 2), ["begun", "more"]);
    }

    #[tokio::test]
    async fn a_silent_child_meets_its_deadline() {
        let error = ask("tail", &["-f", "/dev/null"], Duration::from_millis(100)).await.unwrap_err();
        assert!(error.to_string().contains("no answer"), "{error}");
    }
}
