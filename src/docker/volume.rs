//! Volumes and networks.

use super::{Docker, Volume, filter, found};
use anyhow::{Context, Result};
use bollard::query_parameters::{ListNetworksOptionsBuilder, ListVolumesOptions, RemoveVolumeOptions};

impl Docker {
    /// One volume by name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn volume(&self, name: &str) -> Result<Option<Volume>> {
        let answer = found(self.api.inspect_volume(name).await)
            .with_context(|| format!("the engine did not say whether volume {name} exists"))?;
        Ok(answer.map(Volume::from))
    }

    /// Every volume of this engine.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn volumes(&self) -> Result<Vec<Volume>> {
        let listed =
            self.api.list_volumes(None::<ListVolumesOptions>).await.context("the engine did not list its volumes")?;
        Ok(listed.volumes.unwrap_or_default().into_iter().map(Volume::from).collect())
    }

    /// Removes a volume and everything in it; a missing one is fine.
    ///
    /// # Errors
    /// When a container, even a stopped one, still mounts it.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        found(self.patient().remove_volume(name, None::<RemoveVolumeOptions>).await)
            .map(|_| ())
            .with_context(|| format!("could not remove volume {name}"))
    }

    /// Removes the networks with that label.
    ///
    /// # Errors
    /// When a container is still connected to one.
    pub async fn remove_networks(&self, label: &str) -> Result<Vec<String>> {
        let options = ListNetworksOptionsBuilder::default().filters(&filter("label", label)).build();
        let listed = self.api.list_networks(Some(options)).await.context("the engine did not list its networks")?;
        let mut removed = Vec::new();
        for network in listed {
            let (Some(id), Some(name)) = (network.id, network.name) else { continue };
            found(self.api.remove_network(&id).await).with_context(|| format!("could not remove network {name}"))?;
            removed.push(name);
        }
        Ok(removed)
    }
}

impl From<bollard::models::Volume> for Volume {
    fn from(volume: bollard::models::Volume) -> Self {
        Self { name: volume.name, mountpoint: volume.mountpoint, labels: volume.labels.into_iter().collect() }
    }
}
