//! Running a command inside a container. The end of its output is an end only once its exit status is known.

use super::Docker;
use anyhow::{Context, Result};
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::TryStreamExt;

/// What a command left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub code: i64,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Output {
    /// Whether it ended well.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == 0
    }
}

/// Lines out of pieces that are cut anywhere.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn add(&mut self, mut piece: &[u8], on_line: &mut impl FnMut(&str)) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = piece.split_at(end);
            if self.0.is_empty() {
                on_line(String::from_utf8_lossy(line).trim_end_matches('\r'));
            } else {
                self.0.extend_from_slice(line);
                on_line(String::from_utf8_lossy(&self.0).trim_end_matches('\r'));
                self.0.clear();
            }
            piece = &rest[1..];
        }
        self.0.extend_from_slice(piece);
    }

    /// The last line may have no newline.
    pub(super) fn end(self, on_line: &mut impl FnMut(&str)) {
        if !self.0.is_empty() {
            on_line(String::from_utf8_lossy(&self.0).trim_end_matches('\r'));
        }
    }
}

impl Docker {
    /// Runs a command in a running container and waits for its end. For short outputs: they are held in memory.
    ///
    /// # Errors
    /// When the container does not run or the engine goes away; a command that fails is an [`Output`], no error.
    pub async fn exec(&self, container: &str, command: &[&str]) -> Result<Output> {
        let mut said = Output::default();
        let (stdout, stderr) = (&mut said.stdout, &mut said.stderr);
        let code = self
            .exec_parts(container, command, &[], |part| match part {
                LogOutput::StdErr { message } => stderr.push_str(&String::from_utf8_lossy(&message)),
                other => stdout.push_str(&String::from_utf8_lossy(&other.into_bytes())),
            })
            .await?;
        said.code = code;
        Ok(said)
    }

    /// As [`Docker::exec`], but every line of its stdout is handed over as it comes; stderr is kept. `env` is for
    /// this command alone.
    ///
    /// # Errors
    /// As [`Docker::exec`].
    pub async fn exec_lines(
        &self,
        container: &str,
        command: &[&str],
        env: &[String],
        mut on_line: impl FnMut(&str),
    ) -> Result<Output> {
        let mut said = Output::default();
        let mut pending = Lines::default();
        let stderr = &mut said.stderr;
        let code = self
            .exec_parts(container, command, env, |part| match part {
                LogOutput::StdErr { message } => stderr.push_str(&String::from_utf8_lossy(&message)),
                other => pending.add(&other.into_bytes(), &mut on_line),
            })
            .await?;
        pending.end(&mut on_line);
        said.code = code;
        Ok(said)
    }

    /// The end of the output is an end only once the exit status is known.
    async fn exec_parts(
        &self,
        container: &str,
        command: &[&str],
        env: &[String],
        mut on_part: impl FnMut(LogOutput),
    ) -> Result<i64> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            env: Some(env.iter().map(String::as_str).collect()),
            ..Default::default()
        };
        let id = self
            .api
            .create_exec(container, options)
            .await
            .with_context(|| format!("could not run a command in {container}"))?
            .id;
        let started = self.api.start_exec(&id, None::<StartExecOptions>).await?;
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(part) = output.try_next().await.context("the command's output broke off")? {
                on_part(part);
            }
        }
        let ended = self.api.inspect_exec(&id).await?;
        ended.exit_code.with_context(|| format!("the command in {container} has no exit status"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_needs_no_newline() {
        let (mut heard, mut lines) = (Vec::new(), Lines::default());
        let mut on_line = |line: &str| heard.push(line.to_owned());
        lines.add(b"on", &mut on_line);
        lines.add(b"e\r\ntwo\nth", &mut on_line);
        lines.add(b"ree", &mut on_line);
        lines.end(&mut on_line);
        assert_eq!(heard, ["one", "two", "three"]);
    }
}
