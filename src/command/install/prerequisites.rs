//! Step 2: Docker Engine and compose, installed and started where missing; the GPU's toolkit where it is wanted.

use super::{Install, Said};
use crate::error::{Failure, exit_of};
use crate::exit::Exit;
use crate::operate::{engine, gpu};
use anyhow::Result;

impl Install<'_> {
    pub(super) async fn prerequisites(&mut self) -> Said {
        let mut did = Vec::new();
        if let Err(error) = self.context.docker() {
            if exit_of(&error) != Exit::Unavailable {
                return Err(error);
            }
            if !engine::is_installed() {
                self.consent("Docker is not installed. Install it from this system's packages?")?;
                engine::install(&self.context.ui).await?;
                did.push("Docker installed".to_owned());
            }
            if self.context.reconnect().await.is_err() {
                let how = engine::start(self.context).await?;
                did.push(format!("engine started by {how}"));
            }
        }
        let (compose, installed) = self.compose().await?;
        if installed {
            did.push("compose installed".to_owned());
        }
        let version = self.context.docker()?.engine().await?.version;
        did.push(format!("Docker {version}, compose {}", compose.version()));
        self.compose = Some(compose);
        did.extend(self.gpu_toolkit().await?);
        Ok(did.join(", "))
    }

    async fn compose(&mut self) -> Result<(crate::operate::compose::Compose, bool)> {
        if crate::operate::compose::Compose::find().await.is_err() {
            self.consent("Docker compose is not installed. Install it from this system's packages?")?;
        }
        engine::ensure_compose(&self.context.ui).await
    }

    /// The stack comes up without the GPU; what keeps it from the containers is a warning with the way to it.
    async fn gpu_toolkit(&mut self) -> Result<Option<String>> {
        let Ok(card) = self.facts.gpu.known().cloned() else { return Ok(None) };
        let off = self.args.cpu_only || self.context.stack.setting("TARS_GPU") == "off";
        if !card.present() || off {
            return Ok(None);
        }
        if !gpu::driver_loaded() {
            self.warn(
                "gpu.driver",
                "an NVIDIA GPU is there but its driver is not loaded; going on with the CPU",
                driver_command(&self.facts),
            );
            return Ok(None);
        }
        let engine = self.context.docker()?.engine().await?;
        if engine.runtimes.iter().any(|runtime| runtime == "nvidia")
            || engine.devices.iter().any(|id| id.starts_with("nvidia.com/"))
        {
            return Ok(None);
        }
        self.consent(
            "A GPU is there and containers cannot use it yet. Install NVIDIA's container toolkit and restart Docker?",
        )?;
        match gpu::install_toolkit(self.context).await {
            Ok(()) => Ok(Some("GPU toolkit installed".to_owned())),
            Err(error) => {
                let hint = crate::error::hints_of(&error).first().map_or_else(String::new, |hint| (*hint).to_owned());
                self.warn(
                    "gpu.runtime",
                    format!("containers cannot use the GPU: {error:#}; going on with the CPU"),
                    hint,
                );
                Ok(None)
            }
        }
    }

    pub(super) fn consent(&self, question: &str) -> Result<()> {
        if self.context.ui.confirm(question, true)? {
            return Ok(());
        }
        Err(Failure::new(Exit::Failed, "declined: tars cannot go on without it")
            .hint("install it by hand, then run the same command again")
            .into())
    }
}

/// The distribution's own command for the driver.
fn driver_command(facts: &crate::facts::Facts) -> String {
    let ubuntu = facts.host.known().is_ok_and(|host| host.os_id == "ubuntu");
    let command = if ubuntu {
        "sudo ubuntu-drivers install"
    } else {
        "sudo apt-get install nvidia-driver (from Debian's non-free)"
    };
    format!("{command}, reboot, then run the same command again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_hosts_get_debians_words() {
        assert!(driver_command(&crate::facts::Facts::default()).contains("nvidia-driver"));
    }
}
