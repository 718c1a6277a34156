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

impl Docker {
    /// Runs a command in a running container and waits for its end. For short outputs: they are held in memory.
    ///
    /// # Errors
    /// When the container does not run or the engine goes away; a command that fails is an [`Output`], no error.
    pub async fn exec(&self, container: &str, command: &[&str]) -> Result<Output> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..Default::default()
        };
        let id = self.api.create_exec(container, options).await.with_context(|| format!("could not run a command in {container}"))?.id;
        let started = self.api.start_exec(&id, None::<StartExecOptions>).await?;
        let mut said = Output::default();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(part) = output.try_next().await.context("the command's output broke off")? {
                match part {
                    LogOutput::StdErr { message } => said.stderr.push_str(&String::from_utf8_lossy(&message)),
                    other => said.stdout.push_str(&String::from_utf8_lossy(&other.into_bytes())),
                }
            }
        }
        let ended = self.api.inspect_exec(&id).await?;
        said.code = ended.exit_code.with_context(|| format!("the command in {container} has no exit status"))?;
        Ok(said)
    }
}
