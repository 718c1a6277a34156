//! Docker Compose: the v2 plugin (`docker compose`), else the old program (`docker-compose`).

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::process::Stdio;
use tokio::process::Command;

/// The compose that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compose {
    /// How it is called: `["docker", "compose"]` or `["docker-compose"]`.
    pub command: Vec<String>,
    /// Its version, as `2.26.1`.
    pub version: String,
}

impl Compose {
    /// Whether it is the old program, which speaks an old API to the engine.
    #[must_use]
    pub fn old(&self) -> bool {
        self.version.starts_with("1.")
    }
}

/// The two ways of calling it, the better one first.
const WAYS: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

/// Asks for the version; `None` when there is neither. Whoever drops the future kills the child.
pub(super) async fn look() -> Result<Option<Compose>> {
    for way in WAYS {
        if let Some(version) = ask(way).await? {
            return Ok(Some(Compose { command: way.iter().map(|&word| word.to_owned()).collect(), version }));
        }
    }
    Ok(None)
}

/// A program that is missing or does not know `compose` is an answer too: `None`.
async fn ask(way: &[&str]) -> Result<Option<String>> {
    let mut command = Command::new(way[0]);
    command.args(&way[1..]).args(["version", "--short"]).stdin(Stdio::null()).kill_on_drop(true);
    match command.output().await {
        Ok(output) if output.status.success() => Ok(version(&String::from_utf8_lossy(&output.stdout))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not run {}", way.join(" "))),
    }
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

    #[tokio::test]
    async fn a_program_that_is_not_there_is_no_compose() {
        assert_eq!(ask(&["tars-no-such-program"]).await.unwrap(), None);
        assert_eq!(ask(&["false", "compose"]).await.unwrap(), None);
        assert_eq!(ask(&["echo", "v2.1.0"]).await.unwrap().unwrap(), "2.1.0");
    }
}
