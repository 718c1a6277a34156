//! Compose, v2 or 1.29: every call passes project, file, profiles and env file, and nothing of the shell's own.
//!
//! A variable of the operator's shell would silently win over the env file (that is compose's rule), so the child gets
//! a clean environment: what `tars` reads in the file is what compose uses.

mod found;

pub use found::{Found, look};

use super::child::{self, Ended};
use super::lock::Lock;
use super::program;
use crate::docker;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::Stack;
use crate::stack::compose::{KEPT, OLDEST};
use anyhow::{Context as _, Result};
use std::time::Duration;
use tokio::process::Command;

/// The compose of this machine, ready to be run.
#[derive(Clone, Debug)]
pub struct Compose {
    found: Found,
}

impl Compose {
    /// The plugin `docker compose`, else `docker-compose` of at least 1.28 (the first with profiles).
    ///
    /// # Errors
    /// Exit 69 when there is none, with the way to one.
    pub async fn find() -> Result<Self> {
        let looked = tokio::time::timeout(Duration::from_secs(10), look()).await;
        match looked.context("docker compose did not say its version within 10 s")?? {
            Some(found) if is_usable(&found.version) => Ok(Self { found }),
            Some(found) => Err(missing(&format!("{} {} is too old", found.command.join(" "), found.version)).into()),
            None => Err(missing("docker compose is not installed").into()),
        }
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.found.version
    }

    /// Runs compose on a stack, holding the lock in the child as well. Dropping the future kills the child.
    ///
    /// # Errors
    /// When it cannot be run or ends badly; the cause is compose's own last words.
    pub async fn run(&self, stack: &Stack, lock: &Lock, args: &[&str], on_line: impl FnMut(&str)) -> Result<()> {
        let ended = child::run(self.command(stack, args)?, lock.inherit()?, on_line).await?;
        if ended.ok() { Ok(()) } else { Err(failed(&ended, args)) }
    }

    /// The files as compose itself resolves them with these settings, secrets included.
    ///
    /// # Errors
    /// When compose cannot make sense of them; the cause is its own words.
    pub async fn resolved(&self, stack: &Stack) -> Result<String> {
        let mut command = self.command(stack, &["config"])?;
        let output = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::bail!("docker compose config: {}", said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether compose itself accepts the files and settings; its own words if not. Changes nothing and needs no lock.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn refusal(&self, stack: &Stack) -> Result<Option<String>> {
        let ended = child::run(self.command(stack, &["config", "-q"])?, std::process::Stdio::null(), |_| {}).await?;
        Ok((!ended.ok()).then_some(ended.tail))
    }

    fn command(&self, stack: &Stack, args: &[&str]) -> Result<Command> {
        let env = stack.need_env()?;
        let (program, words) = self.found.command.split_first().context("a compose without a program")?;
        let path = program::here(program).with_context(|| format!("{program} is gone"))?;
        let mut command = Command::new(path);
        command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.current_dir(stack.home.path());
        command.args(words);
        command.args(["-p", stack.project(), "--env-file", "tars-home.env"]);
        for file in env.get("COMPOSE_FILE").unwrap_or_default().split(':').filter(|file| !file.is_empty()) {
            command.args(["-f", file]);
        }
        for profile in env.get("COMPOSE_PROFILES").unwrap_or_default().split(',').filter(|profile| !profile.is_empty())
        {
            command.args(["--profile", profile]);
        }
        command.args(args);
        Ok(command)
    }
}

fn is_usable(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (major, minor) >= OLDEST
}

fn missing(what: &str) -> Failure {
    Failure::new(Exit::Unavailable, what)
        .hint("install it: sudo apt-get install docker-compose-v2  (Debian: docker-compose), or run: sudo tars install")
}

fn failed(ended: &Ended, args: &[&str]) -> anyhow::Error {
    docker::port_taken(ended.error(&format!("docker compose {}", args.first().unwrap_or(&""))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_composes_are_refused() {
        let usable: Vec<_> =
            ["1.27.4", "1.28.0", "1.29.2", "v2.26.1", "5.5.0", ""].iter().filter(|v| is_usable(v)).collect();
        assert_eq!(usable, [&"1.28.0", &"1.29.2", &"v2.26.1", &"5.5.0"]);
    }
}
