//! Bytes in bulk: files of a container through its archive endpoint, a command's output or input as a stream.
//!
//! The archive endpoint works on a container that never ran and sees its volumes (tried on 20.10), so that no helper
//! image has to bring a `tar`. It holds the container's lock until the stream is read to its end: ask it of a helper
//! made for that, never of a service's own container.

use super::Docker;
use super::exec::Lines;
use crate::error::Tail;
use anyhow::{Context, Result};
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::StreamReader;

/// The deadline of a call that takes as long as its source.
const STREAM: Duration = Duration::from_hours(7 * 24);

/// How a command with streamed bytes ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub code: i64,
    /// The last lines of what it complained of.
    pub stderr: String,
}

impl Ended {
    /// An error unless the status is 0; the command's own words are its cause.
    ///
    /// # Errors
    /// When the command failed.
    pub fn well(self, what: &str) -> Result<()> {
        if self.code == 0 {
            return Ok(());
        }
        let words = if self.stderr.trim().is_empty() { "it said nothing".to_owned() } else { self.stderr };
        Err(anyhow::anyhow!("{words}").context(format!("{what} ended with status {}", self.code)))
    }
}

impl Docker {
    /// The files below a directory as a tar stream: `path` `/data/.` gives names that begin with `./`.
    pub fn archive(&self, container: &str, path: &str) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        self.patient().download_from_container(container, Some(options)).map_err(std::io::Error::other)
    }

    /// Unpacks a tar stream into a container's directory, which must be there. An error in the stream ends the upload.
    ///
    /// # Errors
    /// When the engine refuses it or the stream breaks; what was unpacked so far stays.
    pub async fn upload_stream(
        &self,
        container: &str,
        path: &str,
        tar: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Result<()> {
        let options = UploadToContainerOptionsBuilder::default().path(path).build();
        // The engine answers when everything is in: as long as its source takes, and that may be a whole archive.
        let api = self.api.clone().with_timeout(STREAM);
        let sent = api.upload_to_container(container, Some(options), bollard::body_try_stream(tar)).await;
        sent.with_context(|| format!("could not put files into {container}"))
    }

    /// Runs a command and writes its stdout to `to`. Its end is an end only with [`Ended::code`] 0.
    ///
    /// # Errors
    /// When the container does not run, the engine goes away, or `to` takes no more.
    pub async fn exec_out(
        &self,
        container: &str,
        command: &[&str],
        env: &[String],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Ended> {
        let (id, started) = self.exec_attached(container, command, env, false).await?;
        let mut complaints = Tail::default();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(part) = output.try_next().await.context("the command's output broke off")? {
                match part {
                    LogOutput::StdErr { message } => keep(&mut complaints, &message),
                    other => to.write_all(&other.into_bytes()).await.context("its output could not be kept")?,
                }
            }
        }
        to.flush().await.context("its output could not be kept")?;
        self.exec_ended(&id, complaints).await
    }

    /// Runs a command with the bytes of `from` as its stdin, then reads what it says until it ends; its stdout is
    /// returned and must be short.
    ///
    /// # Errors
    /// When the container does not run, the engine goes away, or `from` fails.
    pub async fn exec_in(
        &self,
        container: &str,
        command: &[&str],
        env: &[String],
        from: &mut (impl AsyncRead + Unpin),
    ) -> Result<(Ended, String)> {
        let mut said = String::new();
        let on_line = |line: &str| said.extend([line, "\n"]);
        let ended = self.exec_in_lines(container, command, env, from, on_line).await?;
        Ok((ended, said))
    }

    /// As [`Docker::exec_in`], but every line of its stdout is handed over as it comes: it may say a lot.
    ///
    /// # Errors
    /// As [`Docker::exec_in`].
    pub async fn exec_in_lines(
        &self,
        container: &str,
        command: &[&str],
        env: &[String],
        from: &mut (impl AsyncRead + Unpin),
        mut on_line: impl FnMut(&str),
    ) -> Result<Ended> {
        let (id, started) = self.exec_attached(container, command, env, true).await?;
        let (mut complaints, mut lines) = (Tail::default(), Lines::default());
        if let StartExecResults::Attached { mut output, mut input } = started {
            let feed = async {
                // A command that ends early closes its stdin: its status says why, not this.
                let copied = tokio::io::copy(from, &mut input).await;
                input.shutdown().await.ok();
                copied
            };
            let hear = async {
                while let Some(part) = output.try_next().await.context("the command's output broke off")? {
                    match part {
                        LogOutput::StdErr { message } => keep(&mut complaints, &message),
                        other => lines.add(&other.into_bytes(), &mut on_line),
                    }
                }
                anyhow::Ok(())
            };
            let (sent, heard) = tokio::join!(feed, hear);
            heard?;
            if let Err(error) = sent.filter_broken() {
                return Err(anyhow::Error::from(error).context("the command's input broke off"));
            }
        }
        lines.end(&mut on_line);
        self.exec_ended(&id, complaints).await
    }

    /// A command's standard output and input as one pair of streams, for who speaks a protocol with it. What it complains
    /// of is not heard. The command ends when the pair is dropped and it reads the end of its input.
    ///
    /// # Errors
    /// When the container does not run or the engine goes away.
    pub async fn exec_pair(
        &self,
        container: &str,
        command: &[&str],
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
        let (_, started) = self.exec_attached(container, command, &[], true).await?;
        let StartExecResults::Attached { output, input } = started else {
            anyhow::bail!("the engine detached a command that was to be spoken with");
        };
        let said = output.map_err(std::io::Error::other).try_filter_map(async |part| {
            Ok(match part {
                LogOutput::StdErr { .. } => None,
                other => Some(other.into_bytes()),
            })
        });
        Ok(tokio::io::join(StreamReader::new(Box::pin(said)), input))
    }

    async fn exec_attached(
        &self,
        container: &str,
        command: &[&str],
        env: &[String],
        stdin: bool,
    ) -> Result<(String, StartExecResults)> {
        let options = CreateExecOptions {
            attach_stdin: Some(stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            env: Some(env.iter().map(String::as_str).collect()),
            ..Default::default()
        };
        let made = self.api.create_exec(container, options).await;
        let id = made.with_context(|| format!("could not run a command in {container}"))?.id;
        let started = self.api.start_exec(&id, None).await?;
        Ok((id, started))
    }

    async fn exec_ended(&self, id: &str, complaints: Tail) -> Result<Ended> {
        let code = self.api.inspect_exec(id).await?.exit_code.context("the command has no exit status")?;
        Ok(Ended { code, stderr: complaints.text() })
    }
}

fn keep(tail: &mut Tail, message: &[u8]) {
    for line in String::from_utf8_lossy(message).lines().filter(|line| !line.trim().is_empty()) {
        tail.push(line);
    }
}

/// A reader that went away is not an error of the one who wrote.
trait Broken {
    fn filter_broken(self) -> std::io::Result<()>;
}

impl Broken for std::io::Result<u64> {
    fn filter_broken(self) -> std::io::Result<()> {
        match self {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map(|_| ()),
        }
    }
}
