//! Volumes and networks.

use super::{Docker, Network, Volume, filter, found};
use anyhow::{Context, Result};
use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{ListNetworksOptionsBuilder, ListVolumesOptions, RemoveVolumeOptions};
use std::collections::HashMap;

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

    /// Makes a volume; one of that name that is there already is an error, never taken over.
    ///
    /// # Errors
    /// When it exists or the engine refuses.
    pub async fn create_volume(&self, name: &str, labels: &[(&str, &str)]) -> Result<Volume> {
        // The engine itself answers "made" for one that was there.
        anyhow::ensure!(self.volume(name).await?.is_none(), "the volume {name} exists already");
        let request =
            VolumeCreateRequest { name: Some(name.to_owned()), labels: Some(map(labels)), ..Default::default() };
        let made = self.api.create_volume(request).await;
        made.map(Volume::from).with_context(|| format!("could not make the volume {name}"))
    }

    /// Makes a network without a way out or in: what is on it reaches each other and nothing else.
    ///
    /// # Errors
    /// When the engine refuses (its address pools may be used up).
    pub async fn create_internal_network(&self, name: &str, labels: &[(&str, &str)]) -> Result<String> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            internal: Some(true),
            labels: Some(map(labels)),
            ..Default::default()
        };
        let made = self.api.create_network(request).await;
        Ok(made.with_context(|| format!("could not make the network {name}"))?.id)
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

    /// The networks with that label (`key` or `key=value`).
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn networks(&self, label: &str) -> Result<Vec<Network>> {
        let options = ListNetworksOptionsBuilder::default().filters(&filter("label", label)).build();
        let listed = self.api.list_networks(Some(options)).await.context("the engine did not list its networks")?;
        let network = |network: bollard::models::Network| {
            let labels = network.labels.unwrap_or_default().into_iter().collect();
            Some(Network { id: network.id?, name: network.name?, labels })
        };
        Ok(listed.into_iter().filter_map(network).collect())
    }

    /// Removes one network; a missing one is fine.
    ///
    /// # Errors
    /// When a container is still connected to it.
    pub async fn remove_network(&self, name: &str) -> Result<()> {
        found(self.api.remove_network(name).await)
            .map(|_| ())
            .with_context(|| format!("could not remove the network {name}"))
    }

    /// Removes the networks with that label.
    ///
    /// # Errors
    /// When a container is still connected to one.
    pub async fn remove_networks(&self, label: &str) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        for network in self.networks(label).await? {
            self.remove_network(&network.id).await?;
            removed.push(network.name);
        }
        Ok(removed)
    }
}

fn map(labels: &[(&str, &str)]) -> HashMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl From<bollard::models::Volume> for Volume {
    fn from(volume: bollard::models::Volume) -> Self {
        Self { name: volume.name, mountpoint: volume.mountpoint, labels: volume.labels.into_iter().collect() }
    }
}
