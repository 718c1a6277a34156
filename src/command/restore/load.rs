//! What a restore and a drill do alike: read and check the archive, decide, refuse, and fill volumes on a stage.

use super::RestoreArgs;
use super::report::{Restored, Row};
use crate::archive::{CollectionRecord, Key, Sidecar, Watch};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::backend_image;
use crate::operate::restore::fill::{Filled, Filling};
use crate::operate::restore::plan::{self, Plan};
use crate::operate::restore::source::{self, Source};
use crate::operate::restore::stage::Stage;
use crate::operate::restore::{forecast, newer, refuse};
use crate::stack::component::Component;
use crate::stack::envfile::EnvFile;
use crate::ui::{self, Warning};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long loaders get to notice that nobody wants them to go on.
const WIND_DOWN: Duration = Duration::from_secs(30);

/// An archive that was checked and may be loaded.
pub struct Checked {
    /// The archive.
    pub source: Source,
    /// What becomes of each component.
    pub plan: Plan,
    /// The backend's image.
    pub backend: String,
    /// What is newer than the archive.
    pub newer: Vec<String>,
    /// What could not be known.
    pub unknown: Vec<String>,
    /// Why Chroma comes from `vectors/`.
    pub from_vectors: Option<String>,
}

/// The error of a run that the operator ended.
pub fn interrupted() -> anyhow::Error {
    Failure::new(Exit::Interrupted, "interrupted").hint("nothing was switched, and what was made is gone again").into()
}

/// Ends the reading when the operator wants to stop.
pub fn watch(context: &Context) -> Watch {
    let (watch, cancel) = (Watch::new(), context.cancel.clone());
    let seen = watch.clone();
    tokio::spawn(async move {
        cancel.cancelled().await;
        seen.cancel();
    });
    watch
}

/// Reads the whole archive and decides. Nothing has been made yet.
///
/// # Errors
/// When the archive has a fault, its data cannot be loaded here, or does not fit.
pub async fn check(context: &Context, args: &RestoreArgs, file: &str) -> Result<Checked> {
    let path = source::find(context, file)?;
    let key = Key::from_files(args.identity.as_deref(), args.passphrase_file.as_deref())?;
    let mut source = read(context, args, path, key).await?;
    let plan = plan::decide(&source, &context.stack, &args.component, args.force)?;
    let refuse::Said { unknown, from_vectors } = refuse::too_new(context, &source, &plan.restored).await?;
    source.from_vectors = from_vectors.is_some();
    if !args.force {
        forecast::refuse_narrow(context, forecast::need(&source, &plan.restored)).await?;
    }
    let (backend, _) = backend_image::ensure(context.docker()?).await?;
    let newer =
        if args.drill { Vec::new() } else { Box::pin(newer::look(context, &source, &plan.restored, &backend)).await };
    Ok(Checked { source, plan, backend, newer, unknown, from_vectors })
}

async fn read(context: &Context, args: &RestoreArgs, path: std::path::PathBuf, key: Key) -> Result<Source> {
    let sidecar = if args.skip_validation { Sidecar::Ignore } else { Sidecar::Check };
    let total = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    let mut bar = context.ui.bar(&format!("checking {}", path.display()));
    let watch = watch(context);
    let seen = watch.clone();
    let mut reading = tokio::task::spawn_blocking(move || Source::read(path, key, sidecar, &seen));
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            read = &mut reading => return read.context("the thread that reads the archive died")?,
            _ = look.tick() => bar.bytes(watch.bytes(), total),
        }
    }
}

/// Fills these volumes, which exist, and compares; the stage is gone when it returns. An interrupt ends it.
///
/// # Errors
/// As [`Filling::run`].
pub async fn fill(
    context: &Context,
    checked: &Checked,
    volumes: BTreeMap<Component, String>,
    env: &EnvFile,
) -> Result<Filled> {
    let watch = watch(context);
    let mut bar = context.ui.bar("loading");
    let stage = Stage::open(context, checked.backend.clone()).await?;
    let filling = Filling { stage: &stage, source: &checked.source, volumes, env, watch: watch.clone() };
    let total = checked.source.contents.size;
    let mut look = tokio::time::interval(Duration::from_millis(200));
    let filled = {
        let mut work = std::pin::pin!(filling.run());
        loop {
            tokio::select! {
                filled = &mut work => break filled,
                () = context.cancel.cancelled() => {
                    // Not dropped where it is: the engine would go on making the container that it was asked for. Without
                    // the archive every loader soon comes to its end.
                    tokio::time::timeout(WIND_DOWN, &mut work).await.ok();
                    break Err(interrupted());
                }
                _ = look.tick() => match watch.bytes() {
                    done if done < total => bar.bytes(done, total),
                    _ => bar.words("the servers take it in, and are asked what they have"),
                },
            }
        }
    };
    watch.cancel();
    let closed = stage.close().await;
    let filled = filled?;
    closed.map(|()| filled)
}

/// What was there before a word about the outcome: the archive and the components.
pub fn report(checked: &Checked, did: &'static str) -> Restored {
    let mut components: Vec<_> = checked
        .plan
        .restored
        .iter()
        .map(|component| Row { name: *component, status: "restored", detail: size(&checked.source, *component) })
        .collect();
    let kept = checked.plan.kept.iter();
    components.extend(kept.map(|(name, why)| Row { name: *name, status: "kept", detail: why.clone() }));
    let unknown =
        checked.unknown.iter().map(|message| Warning { id: "restore.version", message: message.clone(), hint: None });
    Restored {
        did,
        archive: Some(checked.source.path.display().to_string()),
        components,
        newer: checked.newer.clone(),
        notes: checked.from_vectors.iter().cloned().collect(),
        warnings: unknown.collect(),
        ..Restored::default()
    }
}

/// Counts of what was loaded, in place of sizes.
pub fn tell(report: &mut Restored, checked: &Checked, filled: &Filled) {
    for row in &mut report.components {
        let said = match row.name {
            Component::Postgres => filled
                .loaded
                .postgres
                .as_ref()
                .map(|tables| format!("{} tables, {} rows", tables.len(), tables.values().sum::<u64>())),
            Component::Redis => {
                filled.loaded.redis.map(|redis| format!("{} keys, {} with a time to live", redis.keys, redis.expires))
            }
            Component::Chromadb => filled.loaded.chroma.as_ref().map(|all| {
                format!(
                    "{} collections, {} records with their vectors",
                    all.len(),
                    all.iter().map(|one| one.vectors).sum::<u64>()
                )
            }),
            Component::Documents => filled.loaded.documents.map(|size| format!("{} files", size.files)),
            Component::Models => None,
        };
        if let Some(said) = said {
            row.detail = said;
        }
    }
    report.notes.extend(filled.exported.iter().flatten().filter_map(|row| after_export(checked, row)));
    if let Some(error) = &filled.redis_failed {
        for row in report.components.iter_mut().filter(|row| row.name == Component::Redis) {
            (row.status, row.detail) = ("failed", error.to_string());
        }
        report.warnings.push(Warning {
            id: "restore.redis",
            message: format!("Redis could not be restored ({error:#})"),
            hint: Some("it is a cache; the live one stays".to_owned()),
        });
    }
    if let Some(role) = &filled.role_missing {
        report.warnings.push(Warning {
            id: "restore.grants",
            message: format!("the archive grants rights to the role {role}, which is not here: no grant was restored"),
            hint: Some("make the role and grant again what it needs".to_owned()),
        });
    }
}

/// What changed between the export, which stops nothing, and the copy that the record was taken from.
fn after_export(checked: &Checked, exported: &CollectionRecord) -> Option<String> {
    let record = checked.source.contents.outcome.chroma.as_ref()?;
    let copied = record.collections.iter().find(|row| row.id == exported.id && row.ids != exported.ids)?;
    Some(format!(
        "{} had {} records when it was exported, and {} when its files were copied: the export is what came back",
        copied.name, exported.ids, copied.ids
    ))
}

fn size(source: &Source, component: Component) -> String {
    let size = source.seen.sizes.get(&component).copied().unwrap_or_default();
    format!("{} in {} files", ui::bytes(size.bytes), size.files)
}
