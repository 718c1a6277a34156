//! Removing what a run made for itself: containers by its label, work directories by its name, half-written files.

use super::tree;
use crate::docker::Docker;
use crate::stack::home::Home;
use crate::stack::{RUN_HOME_LABEL, RUN_LABEL, state};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// A run's own directory for large intermediate files; made on demand, removed by [`sweep`].
///
/// # Errors
/// When it cannot be made.
pub fn work_dir(home: &Home, run: &str) -> Result<PathBuf> {
    let dir = home.state_file("work").join(run);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Removes everything that runs left behind, `keep` excepted: each sentence says what went, or what did not and why.
/// Litter must never keep anybody from recovering. Only for who holds the lock: no other run is alive.
pub async fn sweep(docker: &Docker, home: &Home, keep: Option<&str>) -> Vec<String> {
    let mut said = Vec::new();
    let mine = format!("{RUN_HOME_LABEL}={}", home.path().display());
    match docker.containers(&mine).await {
        Ok(containers) => {
            for container in containers.iter().filter(|container| keep != Some(container.label(RUN_LABEL))) {
                said.push(sentence(&format!("container {}", container.name), docker.remove(&container.id).await));
            }
        }
        Err(error) => said.push(format!("could not look for containers of earlier runs: {error:#}")),
    }
    for work in entries(&home.state_file("work")) {
        if keep.is_none_or(|keep| !work.ends_with(keep)) {
            said.push(sentence(&format!("directory {}", work.display()), tree::remove_with_mounts(&work)));
        }
    }
    // A write that was killed between "new" and "rename"; every write takes place under the lock.
    for new in [home.path().to_owned(), home.state()].iter().flat_map(|dir| entries(dir)).filter(|path| is_new(path)) {
        said.push(sentence(&format!("file {}", new.display()), state::remove(&new)));
    }
    said
}

/// Removes what one run made for itself: after Ctrl-C, while others of its home may be alive.
///
/// # Errors
/// When the engine refuses.
pub async fn own(docker: &Docker, home: &Home, run: &str) -> Result<()> {
    for container in docker.containers(&format!("{RUN_LABEL}={run}")).await? {
        docker.remove(&container.id).await?;
    }
    tree::remove_with_mounts(&home.state_file("work").join(run))
}

fn sentence(what: &str, removed: Result<()>) -> String {
    match removed {
        Ok(()) => format!("removed {what}"),
        Err(error) => format!("{what} of an earlier run stays: {error:#}"),
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn is_new(path: &Path) -> bool {
    path.is_file() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(state::NEW_PREFIX))
}
