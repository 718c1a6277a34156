//! The only module that names bollard: the engine of this machine, over its unix socket.
//!
//! It speaks in the types below, not in bollard's; of the stack it knows only the labels, and nothing of
//! files or commands. Every
//! short call has a deadline, so that a hanging engine is an error with words and not a hanging `tars`.

mod container;
mod exec;
mod image;
mod pause;
mod transfer;
mod types;
mod volume;

pub use container::{LogRange, port_taken};
pub use exec::Output;
pub use transfer::Ended;
pub use types::{
    Container, Engine, Environment, Health, HelperSpec, Image, Mount, Network, Port, Pulling, Status, Volume,
};

use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// The deadline of a call that only looks, in seconds.
const LOOK_S: u64 = 20;
/// How long an engine may take for its first word.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// The deadline of a call that moves data (import, load, commit), in seconds.
const MOVE_S: u64 = 1800;

/// A connection to the engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Docker {
    api: bollard::Docker,
}

impl Docker {
    /// Connects to this machine's engine and hears it answer.
    ///
    /// # Errors
    /// Exit 69 when none answers, 77 when the socket may not be opened, 64 for a remote `DOCKER_HOST`.
    pub async fn connect() -> Result<Self> {
        let socket = socket()?;
        if let Err(error) = tokio::net::UnixStream::connect(&socket).await {
            return Err(refused(&socket, error).into());
        }
        let path = socket.to_str().context("the engine's socket has a path that is no UTF-8")?;
        let api = bollard::Docker::connect_with_unix(path, LOOK_S, bollard::API_DEFAULT_VERSION)?;
        // An engine that takes the connection and says nothing is as good as none.
        let api = match tokio::time::timeout(ANSWER_WITHIN, api.negotiate_version()).await {
            Ok(Ok(api)) => api,
            Ok(Err(error)) => return Err(silent(&socket).caused_by(error).into()),
            Err(_) => return Err(silent(&socket).into()),
        };
        Ok(Self { api })
    }

    /// What the engine says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn engine(&self) -> Result<Engine> {
        let info = self.api.info().await.context("the engine did not say what it is")?;
        Ok(Engine::from(info))
    }

    /// A connection of its own to the engine's socket, for questions whose answers are passed on as they are.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn raw(&self) -> Result<tokio::net::UnixStream> {
        let socket = socket()?;
        let opened = tokio::net::UnixStream::connect(&socket).await;
        opened.with_context(|| format!("could not connect to {}", socket.display()))
    }

    /// The same connection for calls that move data and may take long.
    fn patient(&self) -> bollard::Docker {
        self.api.clone().with_timeout(Duration::from_secs(MOVE_S))
    }
}

/// `DOCKER_HOST` where it names a socket, else the system's socket, else the user's own (rootless).
fn socket() -> Result<PathBuf> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => match host.strip_prefix("unix://") {
            Some(path) => Ok(path.into()),
            None => Err(Failure::new(
                Exit::Usage,
                format!("DOCKER_HOST={host} is another machine's engine; tars works with this machine's own for now"),
            )
            .hint("unset DOCKER_HOST, or name a unix:// socket")
            .into()),
        },
        _ => {
            let system = PathBuf::from("/var/run/docker.sock");
            // Cron knows no XDG_RUNTIME_DIR.
            let own = || format!("/run/user/{}", rustix::process::getuid().as_raw()).into();
            let rootless = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_else(own)).join("docker.sock");
            Ok(if !system.exists() && rootless.exists() { rootless } else { system })
        }
    }
}

fn refused(socket: &std::path::Path, error: std::io::Error) -> Failure {
    let failure = match error.kind() {
        std::io::ErrorKind::PermissionDenied => Failure::new(
            Exit::NotPermitted,
            format!("may not use the Docker engine: {} refuses this user", socket.display()),
        )
        .hint("use sudo, or join its group: sudo usermod -aG docker \"$USER\"  (then log in again)"),
        _ => Failure::new(Exit::Unavailable, "no Docker engine runs on this machine")
            .hint("start it: sudo systemctl start docker  (not installed yet: sudo tars install)"),
    };
    failure.caused_by(anyhow::Error::from(error).context(format!("could not connect to {}", socket.display())))
}

fn silent(socket: &std::path::Path) -> Failure {
    Failure::new(Exit::Unavailable, format!("the Docker engine at {} does not answer", socket.display()))
        .hint("look at its log (journalctl -u docker), then: sudo systemctl restart docker")
}

/// One filter: `label=key=value`.
fn filter(kind: &str, value: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([(kind.to_owned(), vec![value.to_owned()])])
}

/// Whether an error is the engine's 404.
fn missing(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
}

/// `None` instead of the engine's 404.
fn found<T>(answer: Result<T, bollard::errors::Error>) -> Result<Option<T>, bollard::errors::Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
