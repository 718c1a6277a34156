//! Which names the documents of this stack have, so that they can be left out: the database knows them, and the folder.

use super::ground::Ground;
use super::names::Names;
use super::postgres;
use crate::facts::on_thread;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is not known by then is left to the names' places and endings.
const WITHIN: Duration = Duration::from_millis(1_200);
const WALK_WITHIN: Duration = Duration::from_millis(700);
const FILES_MAX: usize = 5_000;
/// Where the backend has its documents, in its container.
const INSIDE: [&str; 2] = ["/documents", "/var/lib/tars/documents"];

/// The names to hide, as far as they can be had.
pub async fn names_of(ground: &Ground<'_>) -> Names {
    let folder = ground.stack.setting("TARS_DOCS_DIR").to_owned();
    let (known, seen) = tokio::join!(
        async { tokio::time::timeout(WITHIN, in_database(ground)).await.ok().and_then(Result::ok).unwrap_or_default() },
        async {
            let root = PathBuf::from(&folder);
            let walk = on_thread(move || Ok(below(&root)));
            tokio::time::timeout(WITHIN, walk).await.ok().and_then(Result::ok).unwrap_or_default()
        },
    );
    let folders: Vec<_> =
        INSIDE.into_iter().chain([folder.as_str(), ground.stack.setting("NAS_MOUNT_POINT")]).collect();
    Names::hiding(known.into_iter().chain(seen), &folders)
}

async fn in_database(ground: &Ground<'_>) -> Result<Vec<String>> {
    postgres::document_names(ground.engine()?, &ground.running("postgres")?.id).await
}

/// Files below a folder, as paths in it; what a slow share does not tell in time is left out.
fn below(root: &Path) -> Vec<String> {
    let (begun, mut dirs, mut found) = (Instant::now(), vec![root.to_owned()], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in dir.read_dir().into_iter().flatten().flatten() {
            if begun.elapsed() > WALK_WITHIN || found.len() >= FILES_MAX {
                return found;
            }
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => dirs.push(path),
                Ok(_) => found.extend(path.strip_prefix(root).ok().map(|path| path.to_string_lossy().into_owned())),
                Err(_) => {}
            }
        }
    }
    found
}
