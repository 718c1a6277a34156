//! `--export-vectors`: every record of every collection through Chroma's API, as lines of JSON that any version reads.
//!
//! Taken before anything is stopped, so that it costs no down time; it is a second way and no snapshot.

use super::ask::{Chroma, Collection};
use super::spool::Spool;
use super::taking::Taking;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context as _, Result};
use std::io::{BufWriter, Write};

impl Taking<'_> {
    /// The collections as they are now; empty when the server does not run or is not asked for.
    ///
    /// # Errors
    /// When it runs and does not answer.
    pub async fn collections(&self) -> Result<Vec<Collection>> {
        let container = self.survey.container("chromadb").filter(|container| container.runs());
        match container.filter(|_| self.asked.chromadb || self.asked.vectors) {
            Some(container) => self.unless_cancelled(listed(self.context.docker()?, &container.id)).await?,
            None => Ok(Vec::new()),
        }
    }

    /// Exports them, one file each.
    ///
    /// # Errors
    /// When the archive takes no more. A server that fails is written down and no more.
    pub async fn vectors(&mut self, collections: &[Collection]) -> Result<()> {
        if !self.asked.vectors {
            return Ok(());
        }
        let Some(container) = self.survey.container("chromadb").filter(|container| container.runs()) else {
            return Err(Failure::new(Exit::Unavailable, "--export-vectors: chromadb does not run")
                .hint("start it: tars start")
                .into());
        };
        self.context.ui.say("exporting vectors …");
        let mut bytes = 0;
        for collection in collections {
            let exported = self.unless_cancelled(self.export(&container.id, collection)).await?;
            let spool = match exported {
                Ok(spool) => spool,
                Err(error) => {
                    self.came(super::VECTORS, bytes, Some(&error));
                    return Ok(());
                }
            };
            let (size, from, path) = (spool.bytes()?, spool.reader()?, format!("vectors/{}.jsonl", collection.id));
            self.write(move |writer| writer.file(&path, 0o600, size, from)).await?;
            bytes += size;
        }
        self.came(super::VECTORS, bytes, None);
        Ok(())
    }

    async fn export(&self, container: &str, collection: &Collection) -> Result<Spool> {
        let spool = Spool::in_dir(&self.work)?;
        let mut to = BufWriter::with_capacity(1 << 20, spool.appender()?);
        let mut chroma = Chroma::connect(self.context.docker()?, container).await?;
        let written = chroma.export(collection, |line| {
            serde_json::to_writer(&mut to, line)?;
            to.write_all(b"\n").context("could not keep it")
        });
        written.await.with_context(|| format!("could not export the collection {}", collection.name))?;
        to.flush().context("could not keep it")?;
        Ok(spool)
    }
}

async fn listed(docker: &crate::docker::Docker, container: &str) -> Result<Vec<Collection>> {
    let asked = async { Chroma::connect(docker, container).await?.collections().await };
    asked.await.map_err(|error| {
        Failure::new(Exit::Failed, "chromadb does not list its collections")
            .hint("look at: tars status, tars logs chromadb; or leave it out: --skip-chromadb")
            .caused_by(error)
            .into()
    })
}
