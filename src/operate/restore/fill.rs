//! Loading everything side by side: one reader feeds all loaders, each starts its server as soon as it has its data,
//! and what the servers then have is compared with the archive's record.

use super::compare::{self, Loaded};
use super::feed::Feed;
use super::pipe::{Receiver, stream};
use super::postgres::{self, Account, Restored};
use super::redis;
use super::source::{Size, Source};
use super::stage::Stage;
use super::vectors::{self, Imported};
use super::{bad_archive, bad_archive_alone, chroma, legacy};
use crate::archive::{CollectionRecord, Watch};
use crate::client::examine::Golden;
use crate::docker::HelperSpec;
use crate::error::of_chain;
use crate::stack::component::Component;
use crate::stack::env;
use crate::stack::envfile::EnvFile;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};

/// What the new volumes are filled for.
pub struct Filling<'a> {
    /// Where.
    pub stage: &'a Stage,
    /// From what.
    pub source: &'a Source,
    /// Component → its new volume.
    pub volumes: BTreeMap<Component, String>,
    /// The settings that the data will be used with.
    pub env: &'a EnvFile,
    /// Ends the reading.
    pub watch: Watch,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Filled {
    /// What the servers have.
    pub loaded: Loaded,
    /// Redis is a cache: why it could not be loaded.
    pub redis_failed: Option<anyhow::Error>,
    /// A role that the dump grants rights to and that is not here.
    pub role_missing: Option<String>,
    /// What Chroma must have where it was loaded from `vectors/`: the export is older than the record.
    pub exported: Option<Vec<CollectionRecord>>,
}

impl Filling<'_> {
    /// Loads and compares. The servers have ended when it returns, and everything is on the disk.
    ///
    /// # Errors
    /// When anything but Redis cannot be loaded, or is not what the record says.
    pub async fn run(&self) -> Result<Filled> {
        let mut filled = Box::pin(self.load(&self.volumes.keys().copied().collect(), true)).await?;
        if filled.role_missing.is_some() && filled.loaded.postgres.is_none() {
            // Nothing of the first try is there: it was one transaction.
            let again = Box::pin(self.load(&[Component::Postgres].into(), false)).await?;
            filled.loaded.postgres = again.loaded.postgres;
        }
        let counted = !self.source.is_legacy();
        let mut record = self.source.contents.outcome.clone();
        if let (Some(chroma), Some(exported)) = (&mut record.chroma, &filled.exported) {
            chroma.collections.clone_from(exported);
        }
        let mut wrong = compare::differences(&record, counted, &filled.loaded);
        if filled.redis_failed.is_none() && wrong.iter().any(|words| words.starts_with("redis:")) {
            let words = wrong.iter().filter(|words| words.starts_with("redis:")).cloned().collect::<Vec<_>>();
            filled.redis_failed = Some(bad_archive_alone(words.join("; ")));
        }
        wrong.retain(|words| !words.starts_with("redis:"));
        if wrong.is_empty() {
            return Ok(filled);
        }
        let cause = of_chain(wrong).context("no difference")?;
        Err(bad_archive("what was loaded is not what the archive's record says", cause))
    }

    async fn load(&self, components: &BTreeSet<Component>, grants: bool) -> Result<Filled> {
        let key = env::generate_secret()?;
        let (feed, mut ends) = Feed::new(components, self.source, &key);
        let (source, watch) = (self.source.clone(), self.watch.clone());
        let mut ends_of = |component| ends.remove(&component);
        let postgres = self.postgres(ends_of(Component::Postgres), grants);
        let chroma = self.chroma(ends_of(Component::Chromadb));
        let redis = self.redis(ends_of(Component::Redis));
        let documents = self.documents(ends_of(Component::Documents));
        let reading = tokio::task::spawn_blocking(move || feed.run(&source, &watch));
        let (postgres, chroma, redis, documents, read) = tokio::join!(postgres, chroma, redis, documents, reading);
        let read = read.context("the thread that reads the archive died")?;
        // A reading that broke off makes every loader fail: its own words come first.
        read?;
        let mut filled = Filled::default();
        if let Some(Imported { found, expected }) = chroma? {
            filled.loaded.chroma = Some(found);
            filled.exported = self.source.from_vectors.then_some(expected);
        }
        filled.loaded.documents = documents?;
        match postgres? {
            Some(Ok(tables)) => filled.loaded.postgres = Some(tables),
            Some(Err(role)) => filled.role_missing = Some(role),
            None => {}
        }
        match redis {
            Ok(keys) => filled.loaded.redis = keys,
            Err(error) => filled.redis_failed = Some(error),
        }
        Ok(filled)
    }

    fn setting(&self, key: &str) -> &str {
        self.env.get(key).filter(|value| !value.is_empty()).unwrap_or_else(|| env::default_of(key))
    }

    /// Rows of every table, or the role that is missing.
    async fn postgres(
        &self,
        dump: Option<Receiver>,
        grants: bool,
    ) -> Result<Option<Result<BTreeMap<String, u64>, String>>> {
        let (Some(dump), Some(volume)) = (dump, self.volumes.get(&Component::Postgres)) else { return Ok(None) };
        let (stage, image) = (self.stage, self.setting("TARS_IMAGE_POSTGRES"));
        let server = postgres::start(stage, "postgres", image, &Account::of(self.env), Some(volume)).await?;
        let tables = if self.source.seen.sql {
            legacy::load(stage, image, &server, dump).await?
        } else if let Restored::RoleMissing(role) = postgres::load(&stage.docker, &server, dump, grants).await? {
            stage.end(&server).await?;
            return Ok(Some(Err(role)));
        } else {
            postgres::count(&stage.docker, &server).await?
        };
        stage.end(&server).await?;
        Ok(Some(Ok(tables)))
    }

    async fn chroma(&self, files: Option<Receiver>) -> Result<Option<Imported>> {
        let (Some(files), Some(volume)) = (files, self.volumes.get(&Component::Chromadb)) else { return Ok(None) };
        let stage = self.stage;
        let name = stage.helper("chromadb", chroma::spec(self.setting("TARS_IMAGE_CHROMA"), volume)).await?;
        let record = self.source.contents.outcome.chroma.as_ref();
        let collections = record.map(|record| record.collections.as_slice()).unwrap_or_default();
        if self.source.from_vectors {
            let imported = vectors::load(stage, &name, files, collections).await?;
            stage.end(&name).await?;
            return Ok(Some(imported));
        }
        let golden = collections.iter().flat_map(|row| {
            row.golden.iter().map(|one| Golden {
                collection: row.id.clone(),
                id: one.id.clone(),
                vector: one.vector.clone(),
            })
        });
        let tenants: BTreeSet<_> = collections.iter().map(|row| row.tenant.clone()).collect();
        let tenants: Vec<_> = tenants.into_iter().filter(|tenant| !tenant.is_empty()).collect();
        let found = chroma::load(stage, &name, files, golden.collect(), &tenants).await?;
        stage.end(&name).await?;
        Ok(Some(Imported { found, expected: Vec::new() }))
    }

    async fn redis(&self, files: Option<Receiver>) -> Result<Option<redis::Keys>> {
        let (Some(files), Some(volume)) = (files, self.volumes.get(&Component::Redis)) else { return Ok(None) };
        let (stage, password) = (self.stage, self.setting("TARS_REDIS_PASSWORD"));
        let name = stage.helper("redis", redis::spec(self.setting("TARS_IMAGE_REDIS"), password, volume)).await?;
        let keys = redis::load(stage, &name, files).await?;
        stage.end(&name).await?;
        Ok(Some(keys))
    }

    /// The files go in through a container that never runs; its image gives the folder its owner.
    async fn documents(&self, files: Option<Receiver>) -> Result<Option<Size>> {
        let (Some(files), Some(volume)) = (files, self.volumes.get(&Component::Documents)) else { return Ok(None) };
        let path = Component::Documents.volume().path;
        let spec = HelperSpec {
            image: self.stage.backend.clone(),
            command: vec!["/tars".to_owned()],
            binds: vec![format!("{volume}:{path}")],
            ..HelperSpec::default()
        };
        let name = self.stage.helper("documents", spec).await?;
        self.stage.docker.upload_stream(&name, path, stream(files)).await?;
        self.stage.docker.remove(&name).await?;
        // Counted on the first reading; the second one read the very same bytes.
        Ok(Some(self.source.seen.sizes.get(&Component::Documents).copied().unwrap_or_default()))
    }
}
