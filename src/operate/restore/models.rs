//! Models are content-addressed and have no generations: blobs that the live volume lacks are added to it, each already
//! checked against its own name; manifests come last, so that Ollama never sees a model without its blobs. Nothing is
//! removed.

use super::pipe::{Pipe, pipe, stream};
use super::source::{Source, part};
use super::stage::Stage;
use crate::archive::{self, Kind, Member, Tarball, Watch};
use crate::docker::HelperSpec;
use crate::stack::component::Component;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;

/// Where the volume stands in the helpers.
const AT: &str = "/models-volume";
/// Manifests are some kilobytes; more is none.
const MANIFESTS_BYTES: u64 = 16 << 20;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Blobs that were missing.
    pub blobs: u64,
    /// Blobs that were there.
    pub there: u64,
    /// Manifests written.
    pub manifests: u64,
}

/// Adds what is missing.
///
/// # Errors
/// When the volume cannot be read or written, or the archive not be read.
pub async fn load(stage: &Stage, image: &str, volume: &str, source: Source, watch: Watch) -> Result<Added> {
    let spec = |command: &[&str]| HelperSpec {
        image: image.to_owned(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        binds: vec![format!("{volume}:{AT}")],
        ..HelperSpec::default()
    };
    let list = format!(
        "mkdir -p {AT}/models/blobs && cd {AT}/models/blobs && for f in *; do [ ! -f \"$f\" ] || stat -c '%s %n' \"$f\"; done"
    );
    let lister = stage.helper("models-list", spec(&["sh", "-c", &list])).await?;
    // With its size: what a killed run left half-written is no blob.
    let mut there = BTreeMap::new();
    let mut each = |line: &str| {
        if let Some((size, name)) = line.trim().split_once(' ') {
            there.insert(name.to_owned(), size.parse::<u64>().unwrap_or_default());
        }
    };
    let (code, said) = stage.docker.run_helper(&lister, &mut each).await?;
    ensure!(code == 0, "the models that are there cannot be listed: {said}");
    stage.docker.remove(&lister).await?;
    let writer = stage.helper("models", spec(&["true"])).await?;
    let (to, from) = pipe();
    let reading = tokio::task::spawn_blocking(move || pack(&source, &watch, &there, Tarball::new(to)));
    let sent = stage.docker.upload_stream(&writer, AT, stream(from)).await;
    let packed = reading.await.context("the thread that reads the archive died")?;
    // A reader without a taker only says that: the taker's words come first.
    let added = match (sent, packed) {
        (Ok(()), packed) => packed?,
        (Err(error), Ok(_)) => return Err(error),
        (Err(sent), Err(packed)) => return Err(packed.context(format!("{sent:#}"))),
    };
    stage.docker.remove(&writer).await?;
    Ok(added)
}

fn pack(source: &Source, watch: &Watch, there: &BTreeMap<String, u64>, mut tar: Tarball<Pipe>) -> Result<Added> {
    let (mut added, mut manifests, mut held) = (Added::default(), Vec::new(), 0);
    let reader = archive::open(&source.path, &source.key, watch)?;
    let contents = reader.each(&mut |member, from| {
        let Some((Component::Models, inside)) = part(&member.path) else { return Ok(()) };
        if member.kind != Kind::File {
            return Ok(());
        }
        if let Some(blob) = inside.strip_prefix("models/blobs/") {
            if there.get(blob) == Some(&member.size) {
                added.there += 1;
            } else {
                tar.add(&fresh(member), inside, from)?;
                added.blobs += 1;
            }
        } else if inside.starts_with("models/manifests/") {
            held += member.size;
            ensure!(held <= MANIFESTS_BYTES, "the manifests of the models are too large");
            let mut text = Vec::new();
            from.read_to_end(&mut text)?;
            manifests.push((fresh(member), inside.to_owned(), text));
        }
        Ok(())
    })?;
    ensure!(contents.sha256 == source.contents.sha256, "{} changed while it was read", source.name());
    for (member, path, text) in &manifests {
        tar.add(member, path, &mut text.as_slice())?;
        added.manifests += 1;
    }
    tar.finish()?.end()?;
    Ok(added)
}

/// Ollama removes blobs that no manifest names once they are an hour old: these are new.
fn fresh(member: &Member) -> Member {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    Member { mode: 0o644, uid: 0, gid: 0, mtime: now, ..member.clone() }
}
