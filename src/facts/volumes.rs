//! The stack's volumes that exist, live or of another generation, with their size where it can be read.

use super::env::Env;
use super::fact::on_thread;
use crate::docker;
use crate::stack::{generations, service};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the sizes of all volumes may take together: facts are gathered before every install.
pub(super) const SIZES: Duration = Duration::from_millis(250);

/// A volume of the stack that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The key in the compose file: `postgres_data`.
    pub key: String,
    /// Its real name.
    pub name: String,
    /// Whether the settings name it (or would, by their default); else it is another generation.
    pub live: bool,
    /// Whether a restore makes a new one beside it.
    pub generations: bool,
    /// Bytes on the disk; `None` when this user may not look, or it took too long.
    pub bytes: Option<u64>,
    /// What its directory shows; `None` when this user may not look.
    #[serde(default)]
    pub inside: Option<Inside>,
    /// The compose project that made it, where it says so.
    #[serde(default)]
    pub owner: Option<String>,
}

/// What a volume's own directory shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// Whether nothing is in it.
    pub empty: bool,
    /// The user that it belongs to.
    pub uid: u32,
    /// The user that the first file in it belongs to.
    pub file_uid: Option<u32>,
}

/// Picks the stack's own from all volumes of the engine; `within` is how long their sizes may take together.
pub(super) async fn look(env: &Env, listed: &[docker::Volume], within: Duration) -> Vec<Volume> {
    let project = env.project();
    let mut found = Vec::new();
    for (_, row) in service::volumes() {
        let first = generations::volume_name(project, row.key, 1);
        let live = Some(env.get(row.setting)).filter(|name| !name.is_empty()).unwrap_or(&first);
        let is = |name: &str| name == live || generations::is_of(project, row.key, name);
        found.extend(listed.iter().filter(|volume| is(&volume.name)).map(|volume| {
            let found = Volume {
                key: row.key.to_owned(),
                name: volume.name.clone(),
                live: volume.name == live,
                generations: row.generations,
                bytes: None,
                inside: inside(Path::new(&volume.mountpoint)),
                owner: crate::operate::volumes::owner(volume),
            };
            (found, volume.mountpoint.clone())
        }));
    }
    let places: Vec<_> = found.iter().map(|(_, place)| place.clone()).collect();
    let sizes = on_thread(move || {
        let until = Instant::now() + within;
        Ok(places.iter().map(|place| size(Path::new(place), until)).collect::<Vec<_>>())
    });
    let sizes = tokio::time::timeout(within * 2, sizes).await.ok().and_then(Result::ok).unwrap_or_default();
    let sizes = sizes.into_iter().chain(std::iter::repeat(None));
    found.into_iter().zip(sizes).map(|((volume, _), bytes)| Volume { bytes, ..volume }).collect()
}

fn inside(dir: &Path) -> Option<Inside> {
    let uid = std::fs::metadata(dir).ok()?.uid();
    let mut entries = std::fs::read_dir(dir).ok()?.flatten().peekable();
    let empty = entries.peek().is_none();
    let mut names: Vec<_> = entries.map(|entry| entry.path()).collect();
    names.sort();
    // A name of the file system's own says nothing of who writes here.
    let first = names.iter().find(|path| !path.ends_with("lost+found"));
    let file_uid = first.and_then(|path| std::fs::symlink_metadata(path).ok()).map(|meta| meta.uid());
    Some(Inside { empty, uid, file_uid })
}

/// The blocks of everything below a directory; links are not followed.
fn size(dir: &Path, until: Instant) -> Option<u64> {
    let (mut bytes, mut todo) = (0, vec![dir.to_owned()]);
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).ok()? {
            let entry = entry.ok()?;
            let meta = entry.metadata().ok()?;
            bytes += meta.blocks() * 512;
            if meta.is_dir() {
                todo.push(entry.path());
            }
        }
        if Instant::now() > until {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{env, root};
    use super::*;

    fn volume(name: &str, mountpoint: &str) -> docker::Volume {
        docker::Volume {
            name: name.to_owned(),
            mountpoint: mountpoint.to_owned(),
            labels: std::collections::BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn generations_are_found_and_strangers_are_not() {
        let data = root(&[("a/b", &"x".repeat(9000))]);
        let listed = [
            volume("tars-home_postgres_data", "/nowhere"),
            volume("tars-home_postgres_data.g2", data.path().to_str().unwrap()),
            volume("tars-home_postgres_data.gold", "/nowhere"),
            volume("deploy_postgres_data", "/nowhere"),
        ];
        let found = look(&env("TARS_VOLUME_POSTGRES=tars-home_postgres_data.g2\n"), &listed, SIZES).await;
        let names: Vec<_> = found.iter().map(|volume| (volume.name.as_str(), volume.live)).collect();
        assert_eq!(names, [("tars-home_postgres_data", false), ("tars-home_postgres_data.g2", true)]);
        assert_eq!(found[0].bytes, None, "what may not be read has no size");
        assert!(found[1].bytes.is_some_and(|bytes| bytes >= 9000));
    }
}
