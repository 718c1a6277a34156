//! Removing what a run made for itself: containers, volumes, networks by its label, work directories by its name.

use crate::docker::Docker;
use crate::stack::home::Home;
use crate::stack::{RUN_HOME_LABEL, RUN_LABEL};
use anyhow::Result;
use std::path::PathBuf;

/// A run's own directory for large intermediate files; made on demand, removed by [`sweep`].
///
/// # Errors
/// When it cannot be made.
pub fn work_dir(home: &Home, run: &str) -> Result<PathBuf> {
    let dir = home.state_file("work").join(run);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Removes everything that runs left behind, `keep` excepted. Only for who holds the lock: no other run is alive.
///
/// # Errors
/// When the engine refuses.
pub async fn sweep(docker: &Docker, home: &Home, keep: Option<&str>) -> Result<Vec<String>> {
    let mine = format!("{RUN_HOME_LABEL}={}", home.path().display());
    let mut removed = Vec::new();
    for container in docker.containers(&mine).await? {
        if keep != Some(container.label(RUN_LABEL)) {
            docker.remove(&container.id).await?;
            removed.push(format!("container {}", container.name));
        }
    }
    let entries = std::fs::read_dir(home.state_file("work")).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| keep.is_none_or(|keep| entry.file_name() != keep)) {
        remove_tree(&entry.path())?;
        removed.push(format!("directory {}", entry.path().display()));
    }
    Ok(removed)
}

/// Removes a work directory, taking mounts of a killed root-building (`proc` and the like) off first.
fn remove_tree(dir: &std::path::Path) -> Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below =
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|at| std::path::Path::new(at).starts_with(dir));
    for mount in below.collect::<Vec<_>>().into_iter().rev() {
        rustix::mount::unmount(mount, rustix::mount::UnmountFlags::DETACH)?;
    }
    Ok(std::fs::remove_dir_all(dir)?)
}

/// Removes what one run made for itself: after Ctrl-C, while others of its home may be alive.
///
/// # Errors
/// When the engine refuses.
pub async fn own(docker: &Docker, home: &Home, run: &str) -> Result<()> {
    for container in docker.containers(&format!("{RUN_LABEL}={run}")).await? {
        docker.remove(&container.id).await?;
    }
    let work = home.state_file("work").join(run);
    if work.exists() { remove_tree(&work) } else { Ok(()) }
}
