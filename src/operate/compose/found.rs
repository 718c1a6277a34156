//! Which compose this machine has: the v2 plugin (`docker compose`), else the old program (`docker-compose`).

use crate::operate::program;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::process::Stdio;
use tokio::process::Command;

/// The compose that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How it is called: `["docker", "compose"]` or `["docker-compose"]`.
    pub command: Vec<String>,
    /// Its version, as `2.26.1`.
    pub version: String,
}

impl Found {
    /// Whether it is the old program, which speaks an old API to the engine.
    #[must_use]
    pub fn old(&self) -> bool {
        self.version.starts_with("1.")
    }
}

/// The two ways of calling it, the better one first.
const WAYS: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

/// Asks for the version; `None` when there is neither. Whoever drops the future kills the child.
///
/// # Errors
/// When one is there and cannot be run.
pub async fn look() -> Result<Option<Found>> {
    for way in WAYS {
        let version = match stated(way) {
            None => ask(way).await?,
            stated => stated,
        };
        if let Some(version) = version {
            return Ok(Some(Found { command: way.iter().map(|&word| word.to_owned()).collect(), version }));
        }
    }
    Ok(None)
}

/// What a distribution's `docker-compose` says in its own script: starting Python takes a third of a second.
fn stated(way: &[&str]) -> Option<String> {
    let [program] = way else { return None };
    let mut head = Vec::new();
    let script = std::fs::File::open(program::here(program)?).ok()?;
    script.take(1024).read_to_end(&mut head).ok()?;
    pinned(&String::from_utf8_lossy(&head))
}

/// `__requires__ = 'docker-compose==1.29.2'`.
fn pinned(script: &str) -> Option<String> {
    let (_, after) = script.strip_prefix("#!")?.split_once("docker-compose==")?;
    version(after.split(['\'', '"']).next()?)
}

/// A program that is missing or does not know `compose` is an answer too: `None`.
async fn ask(way: &[&str]) -> Result<Option<String>> {
    // Looked up beforehand: a directory of PATH that this user may not enter would else be an error of its own.
    let Some(program) = program::here(way[0]) else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(&way[1..]).args(["version", "--short"]).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("could not run {}", way.join(" ")))?;
    let said = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned());
    Ok(said.and_then(|said| version(&said)))
}

/// The first word that is a version; some builds put a `v` before it.
fn version(text: &str) -> Option<String> {
    let words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_with_and_without_its_letter() {
        assert_eq!(version("v2.40.3-desktop.1\n").unwrap(), "2.40.3-desktop.1");
        assert_eq!(version("1.29.2\n").unwrap(), "1.29.2");
        assert_eq!(version("unknown\n"), None);
    }

    #[test]
    fn a_script_that_states_its_version_is_not_started() {
        assert_eq!(
            pinned("#!/usr/bin/python3\n# EASY-INSTALL-ENTRY-SCRIPT: 'docker-compose==1.29.2','x'\n").unwrap(),
            "1.29.2"
        );
        assert_eq!(pinned("\x7fELF docker-compose==1.29.2"), None);
        assert_eq!(stated(&["docker", "compose"]), None);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_no_compose() {
        assert_eq!(ask(&["tars-no-such-program"]).await.unwrap(), None);
        assert_eq!(ask(&["false", "compose"]).await.unwrap(), None);
        assert_eq!(ask(&["echo", "v2.1.0"]).await.unwrap().unwrap(), "2.1.0");
    }
}
