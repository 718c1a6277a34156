//! Removing what a run made for itself: containers by its label, work directories by its name, half-written files.

use super::{generations, tree};
use crate::docker::{Container, Docker};
use crate::stack::home::Home;
use crate::stack::{KEPT_LABEL, PROJECT_LABEL, RUN_HOME_LABEL, RUN_LABEL, Stack, state};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run's own directory for large intermediate files; made on demand, removed by [`sweep`].
///
/// # Errors
/// When it cannot be made.
pub fn work_dir(home: &Home, run: &str) -> Result<PathBuf> {
    let dir = home.state_file("work").join(run);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Where a run writes down which archive it has not finished.
const PARTIAL: &str = "partial";
/// How long a directory of archives may take to answer.
const SHARE_WITHIN: Duration = Duration::from_secs(10);

/// Writes down an archive that is about to be begun, so that whoever sweeps after a killed run finds it.
///
/// # Errors
/// When it cannot be written.
pub fn note_partial(work: &Path, archive: &Path) -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    state::write(&work.join(PARTIAL), 0o600, archive.as_os_str().as_bytes())
}

/// What came of looking for the unfinished archive of a dead run; a finished one has another name.
enum Partial {
    /// There is none.
    None,
    /// Removed, or not, in words.
    Removed(String),
    /// Nobody can tell now: its directory is away, or does not answer. Its note stays.
    Unknown(String),
}

/// Removes it. On a thread of its own: a dead share may hold it for good.
async fn remove_partial(work: &Path) -> Partial {
    use std::os::unix::ffi::OsStringExt;
    let Ok(noted) = std::fs::read(work.join(PARTIAL)) else { return Partial::None };
    let archive = PathBuf::from(std::ffi::OsString::from_vec(noted));
    let named = archive.file_name().is_some_and(|name| crate::archive::Name::parse(&name.to_string_lossy()).is_some());
    if !named || archive.extension().is_none_or(|end| end != "partial") {
        return Partial::None;
    }
    let what = format!("unfinished archive {}", archive.display());
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let there = archive.symlink_metadata().map(|_| ());
        let away = !archive.parent().is_some_and(Path::is_dir);
        // Who asked may have gone on without an answer.
        let _ = answer.send((away, there.ok().map(|()| state::remove(&archive))));
    });
    match tokio::time::timeout(SHARE_WITHIN, answered).await {
        Ok(Ok((_, Some(removed)))) => Partial::Removed(sentence(&what, removed)),
        Ok(Ok((false, None))) => Partial::None,
        _ => Partial::Unknown(format!("its directory is away or does not answer: {what} is looked for again later")),
    }
}

/// Removes everything that runs left behind, `keep` excepted: each sentence says what went, or what did not and why.
/// Litter must never keep anybody from recovering. Only for who holds the lock: no other run is alive.
pub async fn sweep(docker: &Docker, home: &Home, keep: Option<&str>) -> Vec<String> {
    let mut said = engine(docker, home, keep).await;
    said.extend(files(home, keep).await);
    said
}

/// As [`sweep`], what is in the engine.
pub async fn engine(docker: &Docker, home: &Home, keep: Option<&str>) -> Vec<String> {
    let mut said = Vec::new();
    let mine = format!("{RUN_HOME_LABEL}={}", home.path().display());
    match docker.containers(&mine).await {
        Ok(containers) => {
            for container in
                containers.iter().filter(|container| is_helper(container) && is_litter(&container.labels, keep))
            {
                said.push(sentence(&format!("container {}", container.name), docker.remove(&container.id).await));
            }
        }
        Err(error) => said.push(format!("could not look for containers of earlier runs: {error:#}")),
    }
    said.extend(networks(docker, &mine, keep).await);
    said.extend(volumes(docker, home, keep).await);
    said
}

/// As [`sweep`], what is in the file system.
pub async fn files(home: &Home, keep: Option<&str>) -> Vec<String> {
    let mut said = Vec::new();
    for work in entries(&home.state_file("work")) {
        if keep.is_none_or(|keep| !work.ends_with(keep)) {
            match remove_partial(&work).await {
                Partial::None => {}
                Partial::Removed(words) => said.push(words),
                Partial::Unknown(words) => {
                    said.push(words);
                    continue;
                }
            }
            said.push(sentence(&format!("directory {}", work.display()), tree::remove_with_mounts(&work)));
        }
    }
    // A write that was killed between "new" and "rename"; every write takes place under the lock.
    for new in [home.path().to_owned(), home.state()].iter().flat_map(|dir| entries(dir)).filter(|path| is_new(path)) {
        said.push(sentence(&format!("file {}", new.display()), state::remove(&new)));
    }
    said
}

/// Removes what runs left on purpose, for a look: the copies of drills.
pub async fn kept(docker: &Docker, home: &Home) -> Vec<String> {
    let (mut said, mine) = (Vec::new(), format!("{RUN_HOME_LABEL}={}", home.path().display()));
    for container in docker.containers(&mine).await.unwrap_or_default() {
        if container.labels.contains_key(KEPT_LABEL) {
            said.push(sentence(&format!("container {}", container.name), docker.remove(&container.id).await));
        }
    }
    for volume in docker.volumes().await.unwrap_or_default() {
        if is_of(&volume.labels, home) && volume.labels.contains_key(KEPT_LABEL) {
            said.push(sentence(&format!("volume {}", volume.name), docker.remove_volume(&volume.name).await));
        }
    }
    said
}

/// Removes what one run made for itself: after Ctrl-C, while others of its home may be alive.
///
/// # Errors
/// When the engine refuses.
pub async fn own(docker: &Docker, home: &Home, run: &str) -> Result<()> {
    for container in docker.containers(&format!("{RUN_LABEL}={run}")).await?.iter().filter(|c| is_helper(c)) {
        docker.remove(&container.id).await?;
    }
    let mine = format!("{RUN_LABEL}={run}");
    for network in docker.networks(&mine).await? {
        docker.remove_network(&network.id).await?;
    }
    for volume in docker
        .volumes()
        .await?
        .iter()
        .filter(|volume| is_of(&volume.labels, home) && volume.labels.get(RUN_LABEL).is_some_and(|of| of == run))
    {
        docker.remove_volume(&volume.name).await?;
    }
    tree::remove_with_mounts(&home.state_file("work").join(run))
}

async fn networks(docker: &Docker, mine: &str, keep: Option<&str>) -> Vec<String> {
    let networks = match docker.networks(mine).await {
        Ok(networks) => networks,
        Err(error) => return vec![format!("could not look for networks of earlier runs: {error:#}")],
    };
    let mut said = Vec::new();
    for network in networks.iter().filter(|network| is_litter(&network.labels, keep)) {
        said.push(sentence(&format!("network {}", network.name), docker.remove_network(&network.id).await));
    }
    said
}

/// Volumes of helpers, and generations that a dead run was still filling.
async fn volumes(docker: &Docker, home: &Home, keep: Option<&str>) -> Vec<String> {
    let volumes = match docker.volumes().await {
        Ok(volumes) => volumes,
        Err(error) => return vec![format!("could not look for volumes of earlier runs: {error:#}")],
    };
    let mut said = Vec::new();
    for volume in volumes.iter().filter(|volume| is_of(&volume.labels, home) && is_litter(&volume.labels, keep)) {
        said.push(sentence(&format!("volume {}", volume.name), docker.remove_volume(&volume.name).await));
    }
    match generations::settle(docker, &Stack::read(home.clone()), keep).await {
        Ok(settled) => said.extend(settled),
        Err(error) => said.push(format!("generations of earlier runs stay: {error:#}")),
    }
    said
}

type Labels = std::collections::BTreeMap<String, String>;

fn is_of(labels: &Labels, home: &Home) -> bool {
    labels.get(RUN_HOME_LABEL).is_some_and(|of| home.is(Path::new(of)))
}

/// What a run made for itself and did not leave for a look.
fn is_litter(labels: &Labels, keep: Option<&str>) -> bool {
    let run = labels.get(RUN_LABEL).map(String::as_str);
    run.is_some() && run != keep && !labels.contains_key(KEPT_LABEL) && !labels.contains_key(PROJECT_LABEL)
}

/// A container inherits its image's labels, and an image those of the container it was built in: what compose made is
/// never a helper, whatever its labels say.
fn is_helper(container: &Container) -> bool {
    container.project().is_empty()
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
