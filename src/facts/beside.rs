//! What the stores write beside their volumes: it is gone with the next container, and no backup has it.
//!
//! Root reads the container's own layer, which takes milliseconds. Asking the engine for the difference takes seconds with
//! some kinds of storage and locks the container, so only a deep look does that.

use super::fact::on_thread;
use crate::docker::{Container, Docker};
use crate::stack::service::named;
use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Files of a server that its volume does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The service.
    pub service: String,
    /// Where its data lies in the container's own layer.
    pub paths: Vec<String>,
}

/// By these names the data of each server is known, wherever it lies.
const MARKS: [(&str, &[&str]); 4] = [
    ("postgres", &["PG_VERSION", "base", "pg_wal"]),
    ("chromadb", &["chroma.sqlite3"]),
    ("redis", &["dump.rdb", "appendonlydir", "appendonly.aof"]),
    ("ollama", &["blobs", "manifests"]),
];

/// How deep below `/` a server's data is looked for.
const DEPTH: usize = 6;

/// Looks at what each running store has written outside of its volumes.
pub(super) async fn look(docker: &Docker, containers: &[Container], deep: bool) -> Result<Vec<Beside>> {
    let stores = containers.iter().filter(|container| container.runs()).filter_map(|container| {
        let marks = MARKS.iter().find(|(name, _)| *name == container.service())?.1;
        Some(async move {
            let written = written(docker, container, deep).await?;
            Ok(Beside { service: container.service().to_owned(), paths: telling(&written, container, marks) })
        })
    });
    let all: Result<Vec<Beside>> = try_join_all(stores).await;
    Ok(all?.into_iter().filter(|beside| !beside.paths.is_empty()).collect())
}

async fn written(docker: &Docker, container: &Container, deep: bool) -> Result<Vec<String>> {
    let layer = PathBuf::from(&container.layer);
    let own = on_thread(move || Ok(layer.is_absolute().then(|| below(&layer)).flatten())).await?;
    match own {
        Some(paths) => Ok(paths),
        None if deep => docker.changes(&container.id).await,
        None => bail!("only root, or a deep look, sees what containers write beside their volumes"),
    }
}

/// Every path of a layer, as the container names it; `None` when this user may not look.
fn below(layer: &Path) -> Option<Vec<String>> {
    std::fs::read_dir(layer).ok()?;
    let (mut paths, mut todo) = (Vec::new(), vec![(layer.to_owned(), 0)]);
    while let Some((dir, depth)) = todo.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(layer).ok()?;
            paths.push(format!("/{}", name.display()));
            if depth + 1 < DEPTH && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                todo.push((path, depth + 1));
            }
        }
    }
    Some(paths)
}

fn telling(changes: &[String], container: &Container, marks: &[&str]) -> Vec<String> {
    let volumes = named(container.service()).map(|service| service.volumes).unwrap_or_default();
    let on_volume = |path: &str| {
        let below = |dir: &str| path == dir || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
        // Only where something is really mounted there.
        volumes.iter().any(|row| below(row.path) && container.mounts.iter().any(|mount| mount.destination == row.path))
    };
    let named = |path: &str| path.rsplit('/').next().is_some_and(|name| marks.contains(&name));
    changes.iter().filter(|path| named(path) && !on_volume(path)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::container;
    use super::*;

    #[test]
    fn a_layer_is_read_as_the_container_names_it() {
        let layer = super::super::testing::root(&[("chroma/chroma.sqlite3", ""), ("a/b/c/d/e/f/g", "")]);
        let paths = below(layer.path()).unwrap();
        assert!(paths.contains(&"/chroma/chroma.sqlite3".to_owned()) && paths.contains(&"/a/b/c/d/e/f".to_owned()));
        assert!(!paths.contains(&"/a/b/c/d/e/f/g".to_owned()), "not for ever");
        assert_eq!(below(Path::new("/nowhere/at/all")), None);
    }

    #[test]
    fn data_beside_the_volume_is_known_by_its_names() {
        let mut chroma = container("p-chromadb", "p", &[(crate::stack::SERVICE_LABEL, "chromadb")]);
        let changes = ["/chroma", "/chroma/chroma.sqlite3", "/data/chroma.sqlite3", "/tmp/x"].map(str::to_owned);
        assert_eq!(telling(&changes, &chroma, &["chroma.sqlite3"]).len(), 2, "nothing is mounted");
        chroma.mounts.push(crate::docker::Mount {
            volume: "v".into(),
            source: String::new(),
            destination: "/data".into(),
            writable: true,
        });
        assert_eq!(telling(&changes, &chroma, &["chroma.sqlite3"]), ["/chroma/chroma.sqlite3"]);
    }
}
