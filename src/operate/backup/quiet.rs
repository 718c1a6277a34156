//! The short quiet: backend stopped, dumps begun, Chroma stopped and copied, both started again whatever happened.

use super::ask::{self, Chroma};
use super::chroma::Files;
use super::dump::{Dump, PG_DUMP, REDIS_RDB};
use super::place::{Opened, Place};
use super::quiesce::{Quiesced, stayed_stopped};
use super::taking::{Taking, interrupted};
use crate::archive::Golden;
use crate::ui::Warning;
use anyhow::Result;
use futures_util::future::join3;
use std::collections::BTreeMap;

/// What the quiet leaves: dumps on their way.
#[derive(Debug, Default)]
pub struct Begun {
    /// The database's.
    pub postgres: Option<Dump>,
    /// The cache's.
    pub redis: Option<Dump>,
}

impl Taking<'_> {
    /// Goes through it. What was stopped runs again when this returns, also with an error; when it does not come back,
    /// that is kept in `trouble`, and the archive is made all the same.
    ///
    /// # Errors
    /// When the journal cannot be written, a server cannot be stopped, or the archive takes no more.
    pub async fn quiet(&mut self, collections: &[ask::Collection]) -> Result<Begun> {
        let source = match &self.survey.chroma {
            Some(place) => Some(place.open(self.context).await?),
            None => None,
        };
        let mut quiesced = Quiesced::begin(self.context, "backup", &self.survey.ran()).await?;
        let worked = self.in_quiet(&mut quiesced, source.as_ref(), collections).await;
        self.context.ui.say("starting again …");
        let (down, back) = quiesced.restart(self.context).await;
        self.down = down;
        match (worked, back) {
            (worked, Ok(())) => {
                if let Some(source) = source {
                    Place::close(self.context, source).await?;
                }
                worked
            }
            (Ok(begun), Err(trouble)) => {
                self.trouble = Some(trouble);
                Ok(begun)
            }
            (Err(error), Err(trouble)) => {
                Err(trouble.context(format!("{error:#}; and what was stopped did not come back")))
            }
        }
    }

    async fn in_quiet(
        &mut self,
        quiesced: &mut Quiesced,
        source: Option<&Opened>,
        collections: &[ask::Collection],
    ) -> Result<Begun> {
        let (survey, docker) = (self.survey, self.context.docker()?);
        self.context.ui.say("stopping the backend …");
        quiesced.stop(docker, survey.container("backend")).await?;
        quiesced.step("dump")?;
        self.context.ui.say("taking snapshots …");
        let begun = self.dumps(collections).await?;
        if let Some(source) = source {
            self.context.ui.say("stopping chromadb …");
            quiesced.stop(docker, survey.container("chromadb")).await?;
            quiesced.step("copy")?;
            self.context.ui.say("copying chromadb …");
            self.copy(source).await?;
        }
        if self.context.cancel.is_cancelled() { Err(interrupted()) } else { Ok(begun) }
    }

    /// Begins both dumps, and asks Chroma for stored vectors while their servers take their snapshots: nobody writes.
    async fn dumps(&mut self, collections: &[ask::Collection]) -> Result<Begun> {
        let docker = self.context.docker()?;
        let begin = |asked: bool, service: &str, what, shell| {
            let container = self.survey.container(service).filter(|_| asked);
            container.map(|container| Dump::begin(docker, &container.id, what, shell, &self.work)).transpose()
        };
        let mut postgres = begin(self.asked.postgres, "postgres", "pg_dump", PG_DUMP)?;
        let mut redis = begin(self.asked.redis, "redis", "redis-cli --rdb", REDIS_RDB)?;
        let taken = join3(taken(postgres.as_mut()), taken(redis.as_mut()), self.golden(collections));
        let (.., golden) = self.unless_cancelled(taken).await?;
        match golden {
            Ok(golden) => self.golden = golden,
            Err(error) => self.warnings.push(Warning {
                id: "backup.golden",
                message: format!("chromadb could not be asked for stored vectors, so that a drill cannot ask for them either: {error:#}"),
                hint: None,
            }),
        }
        Ok(Begun { postgres, redis })
    }

    async fn golden(&self, collections: &[ask::Collection]) -> Result<BTreeMap<String, Vec<Golden>>> {
        let mut golden = BTreeMap::new();
        let Some(container) = self.survey.container("chromadb").filter(|_| !collections.is_empty()) else {
            return Ok(golden);
        };
        let mut chroma = Chroma::connect(self.context.docker()?, &container.id).await?;
        for collection in collections {
            golden.insert(collection.id.clone(), chroma.golden(collection).await?);
        }
        Ok(golden)
    }

    /// Chroma's files, from their first byte to their last, while nobody writes them.
    async fn copy(&mut self, source: &Opened) -> Result<()> {
        let (tree, files) = self.tree(super::CHROMADB, source, Files::new(self.index_copy())).await?;
        self.chroma = Some((tree, files));
        if let Some(before) = self.survey.container("chromadb") {
            self.chroma_disturbed = stayed_stopped(self.context.docker()?, before).await.err();
        }
        Ok(())
    }
}

async fn taken(dump: Option<&mut Dump>) {
    if let Some(dump) = dump {
        dump.taken().await;
    }
}
