//! What may go when a disk gets full, with sizes: the generation before the live one, images of earlier versions,
//! unfinished archives, bundles that were sent long ago, copies that drills left for a look.
//!
//! Looking and removing are two steps, so that whoever asks sees first what would go. Nothing here touches live data,
//! archives or settings.

use super::generations::{self, Generations};
use super::keeping::destination;
use super::keeping::look::{self, Answer, Question};
use super::undo;
use crate::docker::{Container, Docker, Image};
use crate::stack::home::Home;
use crate::stack::{KEPT_LABEL, RECIPE_LABEL, RUN_HOME_LABEL, Stack, state};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// An image that was made so lately may be about to be used.
const NEW: Duration = Duration::from_hours(1);
/// How long a directory of archives may take.
const LOOK_WITHIN: Duration = Duration::from_secs(4);

/// One thing that may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// For people: a name.
    pub name: String,
    /// What it is good for still, or why it is not.
    pub note: String,
    /// Its size, where it shows.
    pub bytes: Option<u64>,
}

/// What may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A generation of volumes that is not live.
    Generation(u32),
    /// An image, by its id.
    Image(String),
    /// A file that no run will finish.
    Partial(PathBuf),
    /// A support bundle that is not the newest.
    Bundle(PathBuf),
    /// A volume that a drill left for a look, with its containers.
    Copy(String),
}

/// Looks for everything that may go. `sizes` are those of volumes, where they are known.
///
/// # Errors
/// When the state cannot be understood, or the engine does not answer.
pub async fn look(docker: &Docker, stack: &Stack, sizes: &BTreeMap<String, u64>) -> Result<Vec<Item>> {
    let mut items = old_generations(stack, sizes)?;
    let (images, containers) = tokio::join!(docker.images(RECIPE_LABEL), docker.containers(crate::stack::STACK_LABEL));
    items.extend(old_images(&images?, &containers?, stack.setting("TARS_IMAGE_BACKEND"), now_s()));
    items.extend(copies(docker, &stack.home, sizes).await?);
    items.extend(partial(stack).await);
    items.extend(bundles(&stack.home));
    Ok(items)
}

/// Removes one of them. Only for who holds the lock of the home.
///
/// # Errors
/// When it stays: the reason.
pub async fn remove(docker: &Docker, stack: &Stack, item: &Item) -> Result<()> {
    match &item.what {
        What::Generation(number) => {
            let mut all = Generations::load(&stack.home)?;
            let said = generations::remove(docker, stack, &mut all, *number).await?;
            let left: Vec<_> = said.iter().filter(|line| line.contains(" stays: ")).map(String::as_str).collect();
            anyhow::ensure!(left.is_empty(), "{}", left.join("; "));
            undo::forget_settings(&stack.home, *number)
        }
        What::Image(id) => docker.remove_image(id).await,
        What::Partial(path) | What::Bundle(path) => state::remove(path),
        What::Copy(volume) => {
            for container in docker.containers(KEPT_LABEL).await? {
                if container.mounts.iter().any(|mount| mount.volume == *volume) {
                    docker.remove(&container.id).await?;
                }
            }
            docker.remove_volume(volume).await
        }
    }
}

/// Every generation that is whole and not live. The one that an undo would bring back is said to be that.
fn old_generations(stack: &Stack, sizes: &BTreeMap<String, u64>) -> Result<Vec<Item>> {
    let all = Generations::load(&stack.home)?;
    // Without settings nobody knows what is live.
    let (Some(live), Some(_)) = (all.live(stack).map(|live| live.number), &stack.env) else { return Ok(Vec::new()) };
    let previous = all.previous(stack).map(|previous| previous.number);
    let old = all.all().iter().filter(|one| one.number != live && one.loading.is_none() && one.filled);
    let item = |number: u32| {
        let volumes = all.only_of(number, stack);
        let known: Option<Vec<_>> = volumes.iter().map(|name| sizes.get(name).copied()).collect();
        let note = if Some(number) == previous {
            "without it the last restore cannot be undone"
        } else {
            "nothing needs it any more"
        };
        Item {
            what: What::Generation(number),
            name: format!("generation {number} ({})", volumes.join(", ")),
            note: note.to_owned(),
            bytes: known.map(|sizes| sizes.iter().sum()),
        }
    };
    Ok(old.map(|one| item(one.number)).collect())
}

/// Backend images of other versions that no container of any stack was made from.
fn old_images(images: &[Image], containers: &[Container], named: &str, now_s: i64) -> Vec<Item> {
    let used: BTreeSet<_> = containers.iter().map(|container| container.image_id.as_str()).collect();
    let backend = |image: &&Image| image.labels.get(RECIPE_LABEL).is_some_and(|recipe| recipe == "backend");
    let idle = |image: &&Image| !used.contains(image.id.as_str()) && !image.tags.iter().any(|tag| tag == named);
    let new = i64::try_from(NEW.as_secs()).unwrap_or_default();
    images
        .iter()
        .filter(|image| backend(image) && idle(image) && image.created_s + new < now_s)
        .map(|image| Item {
            what: What::Image(image.id.clone()),
            name: format!("image {}", image.tags.first().unwrap_or(&image.id)),
            note: "another version of the backend; no container uses it".to_owned(),
            bytes: Some(image.bytes),
        })
        .collect()
}

async fn copies(docker: &Docker, home: &Home, sizes: &BTreeMap<String, u64>) -> Result<Vec<Item>> {
    let ours = |labels: &BTreeMap<String, String>| {
        labels.contains_key(KEPT_LABEL) && labels.get(RUN_HOME_LABEL).is_some_and(|of| home.is(Path::new(of)))
    };
    let kept = docker.volumes().await?.into_iter().filter(|volume| ours(&volume.labels));
    Ok(kept
        .map(|volume| Item {
            bytes: sizes.get(&volume.name).copied(),
            name: format!("volume {}", volume.name),
            note: "a drill's copy that was kept for a look".to_owned(),
            what: What::Copy(volume.name),
        })
        .collect())
}

/// Unfinished archives in the directories that archives go to; whoever wrote one would hold the lock.
async fn partial(stack: &Stack) -> Vec<Item> {
    let mut dirs = BTreeSet::from([destination::own(&stack.home), destination::wanted(stack, None)]);
    let mut items = Vec::new();
    while let Some(dir) = dirs.pop_first() {
        let question = Question { dir: dir.clone(), expected: None, write: false };
        // A dead share holds nobody up: what does not answer shows nothing.
        let Ok(Answer::There(there)) = tokio::time::timeout(LOOK_WITHIN, look::ask(&question)).await else { continue };
        items.extend(there.files.iter().filter(|file| is_partial(&file.name)).map(|file| Item {
            what: What::Partial(dir.join(&file.name)),
            name: dir.join(&file.name).display().to_string(),
            note: "an archive that was never finished".to_owned(),
            bytes: Some(file.bytes),
        }));
    }
    items
}

fn is_partial(name: &str) -> bool {
    name.ends_with(".partial") && crate::archive::Name::parse(name).is_some()
}

/// Every bundle but the newest.
fn bundles(home: &Home) -> Vec<Item> {
    let entries = std::fs::read_dir(home.path().join("support")).into_iter().flatten().flatten();
    let is_bundle = |name: &str| name.starts_with("tars-support") && name.contains(".tar.gz");
    let mut found: Vec<_> = entries
        .filter(|entry| is_bundle(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| Some((entry.metadata().ok().filter(std::fs::Metadata::is_file)?, entry.path())))
        .map(|(meta, path)| (meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), path, meta.len()))
        .collect();
    found.sort();
    found.pop();
    found
        .into_iter()
        .map(|(_, path, bytes)| Item {
            name: path.display().to_string(),
            what: What::Bundle(path),
            note: "a support bundle; a newer one is there".to_owned(),
            bytes: Some(bytes),
        })
        .collect()
}

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, tag: &str, created_s: i64) -> Image {
        let labels = BTreeMap::from([(RECIPE_LABEL.to_owned(), "backend".to_owned())]);
        Image { id: id.into(), tags: vec![tag.into()], digests: Vec::new(), bytes: 7, created_s, labels }
    }

    #[test]
    fn only_idle_old_backend_images_go() {
        let images =
            [image("a", "tars-backend:1", 0), image("b", "tars-backend:2", 0), image("c", "tars-backend:3", 9999)];
        let names = |images: &[Image]| {
            old_images(images, &[], "tars-backend:2", 10_000).into_iter().map(|item| item.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&images), ["image tars-backend:1"], "the one in the settings and a new one stay");
        let mut postgres = image("d", "tars-home/postgres:15-bookworm", 0);
        postgres.labels.insert(RECIPE_LABEL.to_owned(), "postgres".to_owned());
        assert!(names(&[postgres]).is_empty());
    }

    #[test]
    fn the_newest_bundle_stays() {
        let (dir, home) = Home::temporary();
        for (name, age_s) in [("tars-support-1.tar.gz", 30), ("tars-support-2.tar.gz", 20), ("notes.txt", 10)] {
            let path = dir.path().join("support").join(name);
            std::fs::write(&path, "x").unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
        }
        let found: Vec<_> = bundles(&home).into_iter().map(|item| item.name).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("tars-support-1.tar.gz"));
    }

    #[tokio::test]
    async fn unfinished_archives_are_found_and_others_stay() {
        let (dir, home) = Home::temporary();
        std::fs::write(home.env_file(), "COMPOSE_PROJECT_NAME=p\n").unwrap();
        for name in ["tars-backup-20260101_031500.tar.gz.partial", "tars-backup-20260101_031500.tar.gz", "mine.partial"]
        {
            std::fs::write(dir.path().join("backups").join(name), "x").unwrap();
        }
        assert!(is_partial("tars-backup-20260101_031500.tar.gz.partial") && !is_partial("mine.partial"));
        assert!(!is_partial("tars-backup-20260101_031500.tar.gz"));
        assert!(old_generations(&Stack::read(home), &BTreeMap::new()).unwrap().is_empty());
    }
}
