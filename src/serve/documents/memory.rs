//! What the index task remembers of each generation between its rounds; all of it can be asked again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::embedder::Embedder;
use super::generation::Generation;
use super::pace::Pace;
use crate::app::App;
use crate::client::chroma::Chroma;
use crate::client::ollama::Ollama;

/// Per generation, so that one whose model is gone takes no other along.
#[derive(Default)]
pub(super) struct Memory {
    collections: HashMap<i32, String>,
    embedders: HashMap<String, Arc<Embedder>>,
    compared: HashSet<i32>,
    /// How much the embedder gets at once.
    pub(super) pace: Pace,
}

impl Memory {
    pub(super) async fn embedder(&mut self, ollama: &Ollama, model: &str) -> Result<Arc<Embedder>> {
        if let Some(known) = self.embedders.get(model) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(Embedder::new(ollama, model).await?);
        self.embedders.insert(model.to_owned(), Arc::clone(&new));
        Ok(new)
    }

    /// The id of a generation's collection; one that is not there is made.
    pub(super) async fn collection(&mut self, chroma: &Chroma, generation: &Generation) -> Result<String> {
        if let Some(id) = self.collections.get(&generation.id) {
            return Ok(id.clone());
        }
        let id = chroma.collection(&generation.collection).await.context("Chroma")?.id;
        self.collections.insert(generation.id, id.clone());
        Ok(id)
    }

    /// Once after each start and each trouble: a Chroma that holds fewer vectors than Postgres knows of was restored,
    /// emptied or replaced. What it lacks is made again.
    pub(super) async fn compare(&mut self, app: &App, chroma: &Chroma, generation: &Generation) -> Result<()> {
        const KNOWN: &str = "select coalesce(sum(done - skipped), 0)::bigint from vectors where generation = $1";
        if self.compared.contains(&generation.id) {
            return Ok(());
        }
        let id = self.collection(chroma, generation).await?;
        let there = i64::try_from(chroma.count(&id).await.context("Chroma")?)?;
        let connection = app.db.get().await?;
        let known: i64 = connection.query_one(KNOWN, &[&generation.id]).await?.get(0);
        if there < known {
            tracing::warn!(there, known, "Chroma holds fewer vectors than the database knows: they are made again");
            connection.execute("delete from vectors where generation = $1", &[&generation.id]).await?;
        }
        self.compared.insert(generation.id);
        Ok(())
    }

    /// Whatever was remembered of a generation may be the reason of its trouble.
    pub(super) fn forget(&mut self, generation: &Generation) {
        self.embedders.remove(&generation.model);
        self.collections.remove(&generation.id);
        self.compared.remove(&generation.id);
    }

    /// Somebody could not ask Chroma: it may be another one now.
    pub(super) fn forget_collections(&mut self) {
        self.collections.clear();
        self.compared.clear();
    }
}
