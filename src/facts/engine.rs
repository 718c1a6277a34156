//! The Docker engine: whether it answers, and if not, why not and what of it is installed.

use crate::docker::{self, Docker};
use crate::error::{causes_of, exit_of};
use crate::exit::Exit;
use crate::operate::program;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The engine of this machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Engine {
    /// Whether it answers.
    pub state: State,
    /// What of it is installed; more than one entry means that two engines may fight for the socket.
    pub installed: Vec<Installed>,
}

/// Whether the engine answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does, and says this of itself.
    Answers(docker::Engine),
    /// Its socket refuses this user.
    NotPermitted(String),
    /// `DOCKER_HOST` names another machine's.
    Remote(String),
    /// Nobody answers.
    Silent(String),
}

/// One installed engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Installed {
    /// A Debian package (`docker.io`, `docker-ce`).
    Package(String),
    /// Snap's, confined.
    Snap,
    /// A `dockerd` that belongs to no package known here.
    Binary(PathBuf),
}

impl Engine {
    /// The engine's own words, if it answers.
    #[must_use]
    pub fn answers(&self) -> Option<&docker::Engine> {
        match &self.state {
            State::Answers(engine) => Some(engine),
            _ => None,
        }
    }

    /// Whether anything could be started, or answers already.
    #[must_use]
    pub fn there(&self) -> bool {
        !self.installed.is_empty() || !matches!(self.state, State::Silent(_))
    }
}

/// Asks the engine, and looks for what is installed of it under `root`.
pub(super) async fn look(docker: Result<&Docker, &anyhow::Error>, root: &Path) -> Result<Engine> {
    let state = match docker {
        Ok(docker) => docker.engine().await.map_or_else(|error| State::Silent(words(&error)), State::Answers),
        Err(error) => match exit_of(error) {
            Exit::NotPermitted => State::NotPermitted(words(error)),
            Exit::Usage => State::Remote(words(error)),
            _ => State::Silent(words(error)),
        },
    };
    Ok(Engine { state, installed: installed(root) })
}

fn words(error: &anyhow::Error) -> String {
    causes_of(error).join(": ")
}

fn installed(root: &Path) -> Vec<Installed> {
    let package = |name: &&str| root.join(format!("var/lib/dpkg/info/{name}.list")).exists();
    let mut found: Vec<_> = ["docker.io", "docker-ce"]
        .into_iter()
        .filter(package)
        .map(|name| Installed::Package(name.to_owned()))
        .collect();
    if root.join("snap/bin/docker").exists() || root.join("var/snap/docker").exists() {
        found.push(Installed::Snap);
    }
    let binary = found.is_empty().then(|| program::find(root, "dockerd")).flatten();
    found.extend(binary.map(Installed::Binary));
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;
    use crate::error::Failure;

    async fn refused(exit: Exit) -> State {
        let error = Failure::new(exit, "words").into();
        look(Err(&error), root(&[]).path()).await.unwrap().state
    }

    #[tokio::test]
    async fn why_it_does_not_answer_is_told_apart() {
        assert!(matches!(refused(Exit::NotPermitted).await, State::NotPermitted(why) if why == "words"));
        assert!(matches!(refused(Exit::Usage).await, State::Remote(_)));
        assert!(matches!(refused(Exit::Unavailable).await, State::Silent(_)));
    }

    #[test]
    fn packages_and_snap_are_found_by_their_files() {
        let both = root(&[("var/lib/dpkg/info/docker.io.list", ""), ("snap/bin/docker", "")]);
        assert_eq!(installed(both.path()), [Installed::Package("docker.io".into()), Installed::Snap]);
        assert_eq!(
            installed(root(&[("var/lib/dpkg/info/docker-ce-cli.list", "")]).path()),
            [],
            "a client alone is no engine"
        );
    }
}
