//! Images: looked up, pulled, loaded, imported, committed, removed.

use super::{Docker, Image, Pulling, filter, found};
use anyhow::{Context, Result};
use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateImageOptionsBuilder, ImportImageOptionsBuilder, ListImagesOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use std::collections::HashMap;

/// How long a pull may bring nothing at all before it counts as cut off.
const PULL_SILENCE: std::time::Duration = std::time::Duration::from_mins(2);

impl Docker {
    /// One image by name or id; `None` when this engine does not have it.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn image(&self, name: &str) -> Result<Option<Image>> {
        let answer = found(self.api.inspect_image(name).await)
            .with_context(|| format!("the engine did not say whether it has {name}"))?;
        Ok(answer.map(|image| Image {
            id: image.id.unwrap_or_default(),
            tags: image.repo_tags.unwrap_or_default(),
            digests: image.repo_digests.unwrap_or_default(),
            bytes: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            created_s: image.created.and_then(|at| at.parse::<jiff::Timestamp>().ok()).map_or(0, |at| at.as_second()),
            labels: image.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect(),
        }))
    }

    /// Every image with that label.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn images(&self, label: &str) -> Result<Vec<Image>> {
        let options = ListImagesOptionsBuilder::default().filters(&filter("label", label)).build();
        let images = self.api.list_images(Some(options)).await.context("the engine did not list its images")?;
        Ok(images
            .into_iter()
            .map(|image| Image {
                id: image.id,
                tags: image.repo_tags,
                digests: image.repo_digests,
                bytes: u64::try_from(image.size).unwrap_or_default(),
                created_s: image.created,
                labels: image.labels.into_iter().collect(),
            })
            .collect())
    }

    /// Pulls an image from its registry.
    ///
    /// # Errors
    /// The engine's own sentence (`no such host`, `toomanyrequests`, …); the caller decides what it means.
    pub async fn pull(&self, name: &str, mut on_progress: impl FnMut(Pulling)) -> Result<()> {
        let (image, tag) = match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
            Some((image, tag)) if !name.contains('@') => (image, tag),
            // A digest is passed as it is: the engine knows that form.
            _ => (name, if name.contains('@') { "" } else { "latest" }),
        };
        let options = CreateImageOptionsBuilder::default().from_image(image).tag(tag).build();
        let mut layers: HashMap<String, (u64, u64)> = HashMap::new();
        let patient = self.patient();
        let mut stream = std::pin::pin!(patient.create_image(Some(options), None, None));
        // An engine says nothing of a layer that has stopped coming (facts: 20.10, for ever).
        while let Some(step) = tokio::time::timeout(PULL_SILENCE, stream.try_next())
            .await
            .with_context(|| format!("i/o timeout: nothing came for {} s", PULL_SILENCE.as_secs()))??
        {
            let (Some(id), Some(detail)) = (step.id, step.progress_detail) else { continue };
            // Downloading and extracting count the same bytes again; only the download is shown.
            if step.status.as_deref() != Some("Downloading") {
                continue;
            }
            let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
            layers.insert(id, (number(detail.current), number(detail.total)));
            let sum = layers.values().fold(Pulling::default(), |sum, (done, total)| Pulling {
                done: sum.done + done,
                total: sum.total + total,
            });
            on_progress(sum);
        }
        Ok(())
    }

    /// Loads the images of a `docker save` archive; returns the lines the engine says (`Loaded image: …`).
    ///
    /// # Errors
    /// When the archive is none, or the disk is full.
    pub async fn load(
        &self,
        archive: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Result<Vec<String>> {
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let patient = self.patient();
        let mut stream = std::pin::pin!(patient.import_image_stream(options, archive, None));
        let mut said = Vec::new();
        while let Some(step) = stream.try_next().await.context("the engine could not load the image file")? {
            said.extend(step.stream.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
        }
        Ok(said)
    }

    /// Makes an image of one layer from a tar, with Dockerfile instructions as its configuration.
    ///
    /// An error within the stream reaches the engine as a broken request, so that a part is never an image.
    ///
    /// # Errors
    /// When the engine refuses, or the stream breaks.
    pub async fn import(
        &self,
        name: &str,
        changes: &[String],
        tar: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Result<()> {
        let (repo, tag) = name.rsplit_once(':').context("an image without a tag")?;
        let options =
            CreateImageOptionsBuilder::default().from_src("-").repo(repo).tag(tag).changes(changes.to_vec()).build();
        let body = bollard::body_try_stream(tar);
        let patient = self.patient();
        let mut stream = std::pin::pin!(patient.create_image(Some(options), Some(body), None));
        while let Some(step) = stream.next().await {
            step.with_context(|| format!("the engine could not import {name}"))?;
        }
        Ok(())
    }

    /// Makes an image of a container's present state, with Dockerfile instructions as its configuration.
    ///
    /// # Errors
    /// When the engine refuses, or the disk is full.
    pub async fn commit(&self, container: &str, name: &str, changes: &[String]) -> Result<()> {
        let (repo, tag) = name.rsplit_once(':').context("an image without a tag")?;
        let options = CommitContainerOptionsBuilder::default()
            .container(container)
            .repo(repo)
            .tag(tag)
            .changes(&changes.join("\n"))
            .build();
        let made = self.patient().commit_container(options, ContainerConfig::default()).await;
        made.map(|_| ()).with_context(|| format!("the engine could not make the image {name}"))
    }

    /// Removes an image by name or id; a missing one is fine.
    ///
    /// # Errors
    /// When a container still uses it.
    pub async fn remove_image(&self, name: &str) -> Result<()> {
        let options = RemoveImageOptionsBuilder::default().build();
        found(self.patient().remove_image(name, Some(options), None).await)
            .map(|_| ())
            .with_context(|| format!("could not remove the image {name}"))
    }
}
