//! What only much reading shows: every vector of every collection, every byte of every model, the size of every volume.
//! `doctor --deep` looks; what it saw stays in `state/deep.json` and is shown with its age until the next time.

use super::env::Env;
use super::fact::Fact;
use super::volumes;
use crate::docker::{Container, Docker};
use crate::operate::backup::ask::Chroma;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long each part may take: terabytes of models are read at the speed of the disk.
pub const WITHIN: Duration = Duration::from_mins(30);
const FILE: &str = "deep.json";

/// What was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Deep {
    /// When.
    pub at: Timestamp,
    /// Collections: name, ids, and how many of them have a vector.
    pub vectors: Fact<Vec<Vectors>>,
    /// Blobs of models that are not what their names say, or that a manifest names and that are not there.
    pub corrupt: Fact<Vec<String>>,
    /// Every volume's size in bytes, by its name.
    pub sizes: BTreeMap<String, u64>,
}

/// One collection, read to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vectors {
    /// The collection.
    pub collection: String,
    /// Its ids.
    pub ids: u64,
    /// How many of them have a vector.
    pub vectors: u64,
}

/// Every blob's own sum, and what the manifests name.
const SUMS: &str = "cd /root/.ollama/models 2>/dev/null || exit 0; cd blobs && for f in sha256-*; do case $f in *-partial*|'sha256-*') ;; *) sha256sum \"$f\";; esac; done; \
                    cd .. && grep -rhoE 'sha256:[0-9a-f]{64}' manifests | sort -u";

/// Reads everything.
pub(super) async fn look(docker: &Docker, env: &Env, containers: &[Container]) -> Deep {
    let of = |name: &str| containers.iter().find(|container| container.service() == name && container.runs());
    let vectors = async {
        let chroma = of("chromadb").context("chromadb does not run")?;
        count(docker, chroma).await
    };
    let corrupt = async {
        match of("ollama") {
            Some(ollama) => sums(docker, ollama).await,
            None if env.get("TARS_LLM") == "container" => bail!("ollama does not run"),
            None => Ok(Vec::new()),
        }
    };
    let sizes = async {
        let listed = docker.volumes().await?;
        Ok::<_, anyhow::Error>(volumes::look(env, &listed, WITHIN).await)
    };
    let (vectors, corrupt, sizes) = tokio::join!(
        super::fact::within(WITHIN, "the vectors", vectors),
        super::fact::within(WITHIN, "the models", corrupt),
        sizes
    );
    let sizes = sizes.unwrap_or_default().into_iter().filter_map(|volume| Some((volume.name, volume.bytes?))).collect();
    Deep { at: Timestamp::now(), vectors, corrupt, sizes }
}

async fn count(docker: &Docker, container: &Container) -> Result<Vec<Vectors>> {
    let mut chroma = Chroma::connect(docker, &container.id).await?;
    let mut all = Vec::new();
    for collection in chroma.collections().await? {
        let vectors = chroma
            .vectors(&collection)
            .await
            .with_context(|| format!("the collection {} cannot be read", collection.name))?;
        all.push(Vectors { collection: collection.name, ids: collection.count, vectors });
    }
    Ok(all)
}

async fn sums(docker: &Docker, container: &Container) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let output = docker.exec_lines(&container.id, &["sh", "-c", SUMS], &[], |line| said.push(line.to_owned())).await?;
    if !output.ok() && said.is_empty() {
        bail!("reading the models ended with status {}: {}", output.code, output.stderr.trim());
    }
    Ok(wrong(&said))
}

/// `SUM  sha256-NAME` for each blob, `sha256:NAME` for each that a manifest names.
fn wrong(said: &[String]) -> Vec<String> {
    let blobs: Vec<_> = said.iter().filter_map(|line| line.split_once("  sha256-")).collect();
    let there: BTreeSet<_> = blobs.iter().map(|(_, name)| *name).collect();
    let damaged = blobs.iter().filter(|(sum, name)| sum != name).map(|(_, name)| format!("sha256-{name}"));
    let named = said.iter().filter_map(|line| line.strip_prefix("sha256:"));
    let missing = named.filter(|name| !there.contains(name)).map(|name| format!("sha256-{name} (missing)"));
    damaged.chain(missing).collect()
}

/// What the last deep look saw; `None` before the first.
pub(super) fn last(home: &Home) -> Result<Option<Deep>> {
    Ok(state::load::<Kept<Deep>>(&home.state_file(FILE))?.map(|kept| kept.data))
}

/// Keeps what was seen for the looks that follow.
///
/// # Errors
/// When the state cannot be written.
pub fn keep(home: &Home, deep: &Deep) -> Result<()> {
    state::save(&home.state_file(FILE), 0o644, &Kept::new(deep.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_and_missing_blobs_are_named() {
        let (a, b, c) = ("a".repeat(64), "b".repeat(64), "c".repeat(64));
        let said =
            [format!("{a}  sha256-{a}"), format!("{c}  sha256-{b}"), format!("sha256:{a}"), format!("sha256:{c}")];
        assert_eq!(wrong(&said), [format!("sha256-{b}"), format!("sha256-{c} (missing)")]);
        assert!(wrong(&[]).is_empty());
    }

    #[test]
    fn what_was_seen_is_read_again() {
        let (_dir, home) = Home::temporary();
        assert!(last(&home).unwrap().is_none());
        let deep = Deep { corrupt: Fact::Known(vec!["x".into()]), ..Deep::default() };
        keep(&home, &deep).unwrap();
        assert_eq!(last(&home).unwrap().unwrap().corrupt, deep.corrupt);
    }
}
