//! One backup on its way: the archive that is being written, what came of each component, and the wish to stop.
//!
//! The archive is written by blocking code on a thread of its own; everything asked of Docker is async. They meet in
//! `Taking::write` alone.

use super::chroma::Files;
use super::place::Opened;
use super::survey::Survey;
use super::{Asked, settings};
use crate::archive::{
    self, ComponentOutcome, Golden, Manifest, MountFate, MountKind, MountRecord, Name, Outcome, Seal, Status, Tree,
    Visit, Watch, Writer,
};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::backup::coverage::{Covered, Fate, Kind};
use crate::operate::keeping::drawer::fingerprint;
use crate::ui::Warning;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::io::{StreamReader, SyncIoBridge};

/// What is wanted of a backup.
#[derive(Debug)]
pub struct Wish {
    /// The components.
    pub asked: Asked,
    /// Who may open it.
    pub seal: Seal,
    /// The directory it goes to.
    pub dir: PathBuf,
    /// Its name.
    pub name: Name,
}

/// How long nothing may be read or written before the destination counts as dead.
const STALLED: Duration = Duration::from_mins(2);

/// A backup on its way.
pub struct Taking<'a> {
    pub(super) context: &'a Context,
    pub(super) survey: &'a Survey,
    pub(super) asked: Asked,
    pub(super) sealed: bool,
    /// The run's own directory for spools.
    pub(super) work: PathBuf,
    pub(super) outcome: Outcome,
    pub(super) golden: BTreeMap<String, Vec<Golden>>,
    pub(super) warnings: Vec<Warning>,
    /// From the first stop to the last answer.
    pub(super) down: Duration,
    /// Why what was stopped did not come back.
    pub(super) trouble: Option<anyhow::Error>,
    /// Chroma's files, until their record is made.
    pub(super) chroma: Option<(Tree, Files)>,
    /// Why they are not to be trusted.
    pub(super) chroma_disturbed: Option<anyhow::Error>,
    writer: Option<Writer>,
    /// How far the writing is.
    watch: Watch,
}

impl<'a> Taking<'a> {
    /// Begins the archive with its manifest; nothing has been stopped yet.
    ///
    /// # Errors
    /// When the destination cannot be written.
    pub async fn begin(
        context: &'a Context,
        survey: &'a Survey,
        wish: Wish,
        work: PathBuf,
        watch: Watch,
    ) -> Result<Self> {
        let sealed = wish.seal.encrypts();
        let manifest = manifest(context, survey, &wish);
        if !sealed {
            settings::refuse_secrets(context, "manifest.json", &serde_json::to_vec(&manifest)?)?;
        }
        let seen = watch.clone();
        let options = archive::Options { dir: wish.dir, name: wish.name, seal: wish.seal, threads: 0, watch };
        // Blocking: a passphrase takes a second, and a network share may hang.
        let writer = tokio::task::spawn_blocking(move || Writer::create(options, &manifest)).await??;
        let outcome = Outcome { key_id: key_id(context), ..Outcome::default() };
        Ok(Self {
            context,
            survey,
            asked: wish.asked,
            sealed,
            work,
            outcome,
            golden: BTreeMap::new(),
            warnings: Vec::new(),
            down: Duration::ZERO,
            trouble: None,
            chroma: None,
            chroma_disturbed: None,
            writer: Some(writer),
            watch: seen,
        })
    }

    /// Does something with the archive, on a thread where blocking is allowed.
    ///
    /// # Errors
    /// What `work` says.
    pub(super) async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut writer = self.writer.take().context("the archive is closed already")?;
        let mut working = tokio::task::spawn_blocking(move || {
            let done = work(&mut writer);
            (writer, done)
        });
        let mut before = self.watch.bytes();
        loop {
            match tokio::time::timeout(STALLED, &mut working).await {
                Ok(worked) => {
                    let (writer, done) = worked?;
                    self.writer = Some(writer);
                    return done;
                }
                // A share that hangs holds its writer for good; the stack must not be down as long. The thread is left.
                Err(_) if self.watch.bytes() == before => {
                    let minutes = STALLED.as_secs() / 60;
                    let message = format!("nothing could be read or written for {minutes} minutes");
                    return Err(Failure::new(Exit::Failed, message)
                        .hint("look at the disk or the network share that the archive goes to (and at the engine), or choose another place: --output-dir DIR")
                        .into());
                }
                Err(_) => before = self.watch.bytes(),
            }
        }
    }

    /// Puts a volume's files into the archive, through a visitor that is handed back.
    ///
    /// # Errors
    /// When a file cannot be read or written; the archive is then worth nothing.
    pub(super) async fn tree<V: Visit + Send + 'static>(
        &mut self,
        prefix: &'static str,
        from: &Opened,
        mut visit: V,
    ) -> Result<(Tree, V)> {
        match from {
            Opened::Directory(root) => {
                let root = root.clone();
                self.write(move |writer| Ok((writer.directory(prefix, &root, &mut visit)?, visit))).await
            }
            Opened::Helper(id, path) => {
                let stream = Box::pin(self.context.docker()?.archive(id, path));
                let runtime = tokio::runtime::Handle::current();
                self.write(move |writer| {
                    let from = SyncIoBridge::new_with_handle(StreamReader::new(stream), runtime);
                    Ok((writer.tar(prefix, from, &mut visit)?, visit))
                })
                .await
            }
        }
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it cannot be written, or would tell a secret.
    pub(super) async fn finish(&mut self) -> Result<archive::Written> {
        if !self.sealed {
            settings::refuse_secrets(self.context, "outcome.json", &serde_json::to_vec(&self.outcome)?)?;
        }
        let (writer, outcome) = (self.writer.take().context("the archive is closed already")?, self.outcome.clone());
        tokio::task::spawn_blocking(move || writer.finish(&outcome)).await?
    }

    /// Where the second copy of Chroma's database is, while its record is made.
    pub(super) fn index_copy(&self) -> PathBuf {
        self.work.join("chroma.sqlite3")
    }

    /// Writes down what came of a component.
    pub(super) fn came(&mut self, name: &str, bytes: u64, problem: Option<&anyhow::Error>) {
        let error = problem.map(|error| self.context.ui.clean(&format!("{error:#}")));
        let status = if error.is_some() { Status::Failed } else { Status::Saved };
        self.outcome.components.push(ComponentOutcome { name: name.to_owned(), status, bytes, error });
    }

    /// A future's value, or the error of an interrupted run.
    pub(super) async fn unless_cancelled<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            value = future => Ok(value),
            () = self.context.cancel.cancelled() => Err(interrupted()),
        }
    }
}

/// The error that ends a run that the operator does not want any more.
#[must_use]
pub fn interrupted() -> anyhow::Error {
    Failure::new(Exit::Interrupted, "interrupted")
        .hint("what was stopped runs again, and no unfinished archive is left")
        .into()
}

fn key_id(context: &Context) -> Option<String> {
    let key = context.stack.setting("TARS_ENCRYPTION_KEY");
    (!key.is_empty()).then(|| fingerprint(key))
}

fn manifest(context: &Context, survey: &Survey, wish: &Wish) -> Manifest {
    Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created: wish.name.time().to_string(),
        run: context.run.clone(),
        project: context.stack.project().to_owned(),
        asked: wish.asked.names().into_iter().map(str::to_owned).collect(),
        images: survey.images.clone(),
        servers: survey.servers.clone(),
        mounts: survey.mounts.iter().filter_map(mount).collect(),
        key_id: key_id(context),
        ..Manifest::default()
    }
}

/// What is held in memory holds no data.
fn mount(covered: &Covered) -> Option<MountRecord> {
    let kind = match covered.kind {
        Kind::Volume => MountKind::Volume,
        Kind::Anonymous => MountKind::Anonymous,
        Kind::Bind => MountKind::Bind,
        Kind::Memory => return None,
    };
    let fate = match &covered.fate {
        Fate::Saved(_) => MountFate::Saved,
        Fate::Excluded(why) => MountFate::Excluded(why.clone()),
        Fate::Uncovered => MountFate::Uncovered,
    };
    Some(MountRecord {
        container: covered.container.clone(),
        destination: covered.destination.clone(),
        source: covered.source.clone(),
        kind,
        writable: covered.writable,
        fate,
    })
}
