//! Step 2: Docker Engine and compose, installed and started where missing; the GPU's toolkit where it is wanted.

use super::{Install, Said};
use crate::check::Fix;
use crate::error::{Failure, exit_of, hints_of};
use crate::exit::Exit;
use crate::operate::compose::Compose;
use crate::operate::{engine, gpu};
use anyhow::Result;

impl Install<'_> {
    pub(super) async fn prerequisites(&mut self) -> Said {
        let mut did = self.engine().await?;
        if !did.is_empty() {
            // A silent engine hid its volumes, containers and ports from the preflight.
            self.look().await?;
        }
        self.take_over_old_settings().await?;
        if self.wants(&Fix::InstallCompose) || Compose::find().await.is_err() {
            self.consent("Docker compose is missing or too old. Install it from this system's packages?").await?;
            engine::install_compose(&self.context.ui).await?;
            did.push("compose installed".to_owned());
        }
        // From here on what runs may be stopped: an earlier run is brought to its end, this one's journal opened.
        self.recover().await?;
        did.extend(self.gpu_toolkit().await?);
        let compose = Compose::find().await?;
        let version = self.context.docker()?.engine().await?.version;
        did.push(format!("Docker {version}, compose {}", compose.version()));
        self.compose = Some(compose);
        Ok(did.join(", "))
    }

    /// What had to be done for an engine to answer; empty when one did from the beginning.
    async fn engine(&mut self) -> Result<Vec<String>> {
        let Err(error) = self.context.docker() else { return Ok(Vec::new()) };
        if exit_of(&error) != Exit::Unavailable {
            return Err(error);
        }
        let mut did = Vec::new();
        if !engine::is_installed() {
            self.consent("Docker is not installed. Install it from this system's packages?").await?;
            engine::install(&self.context.ui).await?;
            did.push("Docker installed".to_owned());
        }
        if self.context.reconnect().await.is_err() {
            let how = engine::start(self.context).await?;
            did.push(format!("engine started by {how}"));
        }
        Ok(did)
    }

    /// The stack comes up without the GPU: what keeps it from the containers is a warning with the way to it.
    async fn gpu_toolkit(&mut self) -> Result<Option<String>> {
        if !self.wants(&Fix::InstallGpuToolkit) {
            return Ok(None);
        }
        let question =
            "A GPU is there and containers cannot use it yet. Install NVIDIA's container toolkit and restart Docker?";
        let failed = if self.context.ui.confirm(question, true).await? {
            match gpu::install_toolkit(self.context).await {
                Ok(()) => return Ok(Some("GPU toolkit installed".to_owned())),
                Err(error) => error,
            }
        } else {
            Failure::new(Exit::Failed, "declined")
                .hint("run the same command again to install it, or add --cpu-only")
                .into()
        };
        let hint = hints_of(&failed).first().map_or_else(String::new, |hint| (*hint).to_owned());
        self.warn("gpu.runtime", format!("containers cannot use the GPU ({failed:#}); going on with the CPU"), hint);
        Ok(None)
    }

    fn wants(&self, fix: &Fix) -> bool {
        self.fixes.iter().any(|finding| finding.fix.as_ref() == Some(fix))
    }

    async fn consent(&self, question: &str) -> Result<()> {
        if self.context.ui.confirm(question, true).await? {
            return Ok(());
        }
        Err(Failure::new(Exit::Failed, "declined: tars cannot go on without it")
            .hint("install it by hand, then run the same command again")
            .into())
    }
}
