//! Where data is loaded and proved: throw-away containers on a network that nothing else is on and that leads nowhere.
//!
//! Everything on it carries the run's label, so that a killed run's stage is swept by the next one.

use crate::context::Context;
use crate::docker::{Docker, HelperSpec};
use crate::operate::wait;
use crate::stack::service::{self, Service};
use crate::stack::{RUN_HOME_LABEL, RUN_LABEL};
use anyhow::{Context as _, Result};
use std::time::Duration;

/// One run's stage.
#[derive(Debug)]
pub struct Stage {
    /// The engine.
    pub docker: Docker,
    /// Its network's name.
    pub network: String,
    /// The backend's image: what asks on the stage, and lays out the documents' folder.
    pub backend: String,
    /// How long a server may take to answer.
    pub within: Duration,
    prefix: String,
    run: String,
    home: String,
}

impl Stage {
    /// Makes the network.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn open(context: &Context, backend: String) -> Result<Self> {
        let docker = context.docker()?.clone();
        let home = context.stack.home.path().display().to_string();
        let prefix = format!("{}-stage-{}", context.stack.project(), context.run);
        let labels = [(RUN_LABEL, context.run.as_str()), (RUN_HOME_LABEL, home.as_str())];
        docker.create_internal_network(&prefix, &labels).await?;
        let within = wait::deadline(&context.stack);
        Ok(Self { docker, network: prefix.clone(), backend, within, prefix, run: context.run.clone(), home })
    }

    /// Makes a helper on the stage; it does not run yet. Returns its name.
    ///
    /// # Errors
    /// When its image is missing or the engine refuses.
    pub async fn helper(&self, what: &str, spec: HelperSpec) -> Result<String> {
        let name = format!("{}-{what}", self.prefix);
        let spec = HelperSpec {
            name: name.clone(),
            network: self.network.clone(),
            aliases: vec![what.to_owned()],
            run: self.run.clone(),
            home: self.home.clone(),
            ..spec
        };
        self.docker.create_helper(&spec).await.with_context(|| format!("the helper {what} cannot be made"))?;
        Ok(name)
    }

    /// Starts a helper and waits until it answers as that service does.
    ///
    /// # Errors
    /// When it does not; its last log lines are in the error.
    pub async fn start(&self, name: &str, service: &str) -> Result<()> {
        self.docker.start(name).await?;
        wait::for_container(&self.docker, name, row(service)?, self.within).await.map(|_| ())
    }

    /// Ends a server so that everything it holds is on the disk, and removes its container.
    ///
    /// # Errors
    /// When it did not end well.
    pub async fn end(&self, name: &str) -> Result<()> {
        self.docker.stop(name, 90).await?;
        let ended = self.docker.container(name).await?.with_context(|| format!("{name} is gone"))?;
        // 143: the shell in front of a server ends by the signal that stopped it.
        anyhow::ensure!(matches!(ended.exit_code, 0 | 143), "{name} ended with status {}", ended.exit_code);
        self.docker.remove(name).await
    }

    /// Removes what is left of the stage.
    ///
    /// # Errors
    /// When the engine refuses; the next run sweeps it.
    pub async fn close(&self) -> Result<()> {
        for container in self.docker.containers(&format!("{RUN_LABEL}={}", self.run)).await? {
            if container.name.starts_with(&self.prefix) {
                self.docker.remove(&container.id).await?;
            }
        }
        self.docker.remove_network(&self.network).await
    }
}

/// A service's row.
pub(super) fn row(name: &str) -> Result<&'static Service> {
    service::named(name).with_context(|| format!("no service {name}"))
}
