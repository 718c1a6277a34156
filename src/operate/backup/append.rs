//! What goes into the archive while the stack serves again: dumps, documents, models, settings; and what the saved
//! bytes hold.

use super::dump::Dump;
use super::models::Models;
use super::place::Place;
use super::quiet::Begun;
use super::spool::Spool;
use super::taking::{Taking, interrupted};
use super::{postgres, redis, settings};
use crate::archive::{Fate, FilesRecord, KNOWN_DOCUMENTS, Kind, Member};
use anyhow::Result;
use std::sync::Arc;

impl Taking<'_> {
    /// Chroma's record, from the second copy of its database, which then goes.
    ///
    /// # Errors
    /// When that copy cannot be removed.
    pub async fn record_chroma(&mut self) -> Result<()> {
        let Some((tree, files)) = self.chroma.take() else { return Ok(()) };
        let version = self.server("chroma");
        let golden = std::mem::take(&mut self.golden);
        let recorded = tokio::task::spawn_blocking(move || files.record(&version, &golden)).await?;
        let recorded = match self.chroma_disturbed.take() {
            Some(disturbed) => Err(disturbed),
            None => recorded,
        };
        self.came(super::CHROMADB, tree.bytes, recorded.as_ref().err());
        self.outcome.chroma = recorded.ok();
        crate::stack::state::remove(&self.index_copy())
    }

    /// Both dumps, once they have ended.
    ///
    /// # Errors
    /// When the archive takes no more. A dump that failed is written down and no more.
    pub async fn dumps_end(&mut self, begun: Begun) -> Result<()> {
        let (survey, docker) = (self.survey, self.context.docker()?.clone());
        if let Some((dump, container)) = begun.redis.zip(survey.container("redis")) {
            let server = self.server("redis");
            let record = async |spool: Arc<Spool>| redis::record(&docker, container, &spool, &server).await;
            self.outcome.redis = self.dump_ends(super::REDIS, dump, "redis/dump.rdb", record).await?;
        }
        if let Some((dump, container)) = begun.postgres.zip(survey.container("postgres")) {
            let server = self.server("postgres");
            let path = format!("postgres/{}.dump", plain(self.context.stack.setting("TARS_POSTGRES_DB")));
            let work = self.work.clone();
            let record = async |spool: Arc<Spool>| postgres::record(&docker, container, &spool, &server, &work).await;
            if let Some((recorded, known)) = self.dump_ends(super::POSTGRES, dump, &path, record).await? {
                self.outcome.postgres = Some(recorded);
                self.outcome.conversations = known.conversations;
                if let Some(list) = known.list {
                    self.outcome.known = Some(known.listed);
                    let (bytes, from) = (list.bytes()?, list.reader()?);
                    self.write(move |writer| writer.file(KNOWN_DOCUMENTS, 0o600, bytes, from)).await?;
                }
            }
        }
        Ok(())
    }

    /// Appends one dump, and reads it back at the same time.
    async fn dump_ends<R>(
        &mut self,
        name: &str,
        dump: Dump,
        path: &str,
        record: impl AsyncFnOnce(Arc<Spool>) -> Result<R>,
    ) -> Result<Option<R>> {
        let ended = self.unless_cancelled(dump.end()).await?;
        let ended = ended
            .and_then(|spool| if name == super::REDIS { redis::cut_mark(&spool).map(|()| spool) } else { Ok(spool) });
        let spool = match ended {
            Ok(spool) => spool,
            Err(error) => {
                self.came(name, 0, Some(&error));
                return Ok(None);
            }
        };
        let (bytes, from, path) = (spool.bytes()?, spool.reader()?, path.to_owned());
        let cancel = self.context.cancel.clone();
        let recorded = async {
            tokio::select! {
                recorded = record(spool.clone()) => recorded,
                () = cancel.cancelled() => Err(interrupted()),
            }
        };
        let appended = self.write(move |writer| writer.file(&path, 0o600, bytes, from));
        let (recorded, appended) = tokio::join!(recorded, appended);
        appended?;
        self.came(name, bytes, recorded.as_ref().err());
        Ok(recorded.ok())
    }

    /// The originals of uploads.
    ///
    /// # Errors
    /// When a file cannot be read or written: the archive is then worth nothing.
    pub async fn documents(&mut self) -> Result<()> {
        let tree = self.volume(&self.survey.documents, super::DOCUMENTS, whole).await?.0;
        self.came(super::DOCUMENTS, tree.bytes, None);
        self.outcome.documents = Some(FilesRecord { files: tree.files, bytes: tree.bytes });
        Ok(())
    }

    /// Ollama's models, when they are asked for.
    ///
    /// # Errors
    /// As [`Taking::documents`]. A damaged or missing blob is written down and no more.
    pub async fn models(&mut self) -> Result<()> {
        let Some(place) = &self.survey.models else { return Ok(()) };
        let (tree, models) = self.volume(place, "ollama", Models::default()).await?;
        let recorded = models.record();
        self.came(super::MODELS, tree.bytes, recorded.as_ref().err());
        self.outcome.models = recorded.ok();
        Ok(())
    }

    /// Settings and compose files.
    ///
    /// # Errors
    /// When one cannot be read, or a secret would stand in the clear.
    pub async fn config(&mut self) -> Result<()> {
        let files = settings::files(self.context, self.sealed)?;
        if !self.sealed {
            for file in &files {
                settings::refuse_secrets(self.context, &file.path, &file.content)?;
            }
        }
        let bytes = files.iter().map(|file| file.content.len() as u64).sum();
        let add = |file: settings::Setting, writer: &mut crate::archive::Writer| {
            writer.bytes(&file.path, 0o600, &file.content).map(|_| ())
        };
        self.write(move |writer| files.into_iter().try_for_each(|file| add(file, writer))).await?;
        self.came(super::CONFIG, bytes, None);
        Ok(())
    }

    async fn volume<V: crate::archive::Visit + Send + 'static>(
        &mut self,
        place: &Place,
        prefix: &'static str,
        visit: V,
    ) -> Result<(crate::archive::Tree, V)> {
        let opened = place.open(self.context).await?;
        let saved = self.tree(prefix, &opened, visit).await;
        Place::close(self.context, opened).await?;
        saved
    }

    fn server(&self, name: &str) -> String {
        self.survey.servers.get(name).cloned().unwrap_or_default()
    }
}

/// Everything but sockets and pipes, which hold nothing.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a visitor")]
fn whole(entry: &Member) -> Result<Fate> {
    Ok(if entry.kind == Kind::Special { Fate::Skip } else { Fate::Keep })
}

/// A database's name as a file's.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    name.chars().map(kept).collect()
}
