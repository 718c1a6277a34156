//! `state/generations.json`: every generation of volumes with what made it, oldest first.
//!
//! Which one is live is never written here: the env file names the live volumes, and [`Generations::live`] looks which
//! entry has them. So a kill between two writes cannot make the two disagree. Everything that an undo needs is written
//! before the env file is renamed.

use crate::docker::Docker;
use crate::stack::component::Component;
use crate::stack::home::Home;
use crate::stack::service::{self, Service};
use crate::stack::state::{self, Kept};
use crate::stack::{Stack, generations};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The file's content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Content {
    generations: Vec<Generation>,
}

/// One generation of volumes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Generation {
    /// Its number; 1 is the installation.
    pub number: u32,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Setting → volume. Volumes that a restore did not touch are those of the generation before.
    pub volumes: BTreeMap<String, String>,
    /// Setting → the image that the volume's data belongs to.
    pub images: BTreeMap<String, String>,
    /// Whether the services once answered on them: from then on a missing volume is lost data.
    #[serde(default)]
    pub filled: bool,
    /// Where its data came from; `None` for an installation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The run that still fills it. Such a generation is nobody's data yet: unless it is live, the sweep drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loading: Option<String>,
    /// The generation that was live before this one: where an undo goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<u32>,
    /// When it went live the last time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}

/// The archive that a generation was filled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its file name.
    pub archive: String,
    /// The SHA-256 of that file.
    pub sha256: String,
}

impl Generation {
    /// The volumes that only a generation has: those that a restore makes anew.
    fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        let grown = service::volumes().filter(|(_, volume)| volume.generations);
        grown.filter_map(|(_, volume)| Some((volume.setting, self.volumes.get(volume.setting)?.as_str())))
    }

    /// The volume of a component in this generation.
    #[must_use]
    pub fn volume(&self, component: Component) -> Option<&str> {
        self.volumes.get(component.volume().setting).map(String::as_str)
    }

    /// The settings that name its volumes.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own()
    }

    fn is_named_by(&self, stack: &Stack) -> bool {
        self.own().all(|(setting, name)| stack.setting(setting) == name)
    }
}

/// All generations of a home, as read; every change is written at once.
#[derive(Debug)]
pub struct Generations {
    path: PathBuf,
    kept: Kept<Content>,
}

impl Generations {
    /// Reads them; none where there is no such file.
    ///
    /// # Errors
    /// When the state cannot be understood.
    pub fn load(home: &Home) -> Result<Self> {
        let path = home.state_file("generations.json");
        let kept = state::load::<Kept<Content>>(&path)?.unwrap_or_else(|| Kept::new(Content::default()));
        Ok(Self { path, kept })
    }

    /// Every generation, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Generation] {
        &self.kept.data.generations
    }

    /// The one with that number.
    #[must_use]
    pub fn number(&self, number: u32) -> Option<&Generation> {
        self.all().iter().find(|generation| generation.number == number)
    }

    /// The one whose volumes the env file names; the newest whole one where it names others of its own.
    #[must_use]
    pub fn live(&self, stack: &Stack) -> Option<&Generation> {
        let named = self.all().iter().rev().find(|generation| generation.is_named_by(stack));
        named.or_else(|| self.all().iter().rev().find(|generation| generation.loading.is_none()))
    }

    /// The one that an undo brings back.
    #[must_use]
    pub fn previous(&self, stack: &Stack) -> Option<&Generation> {
        self.number(self.live(stack)?.replaced?).filter(|generation| generation.loading.is_none())
    }

    /// Adds the next generation before its first volume is made: new volumes for `components`, the others stay as the
    /// env file names them. `taken` are volumes of the engine, so that no number is used twice.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn begin(
        &mut self,
        stack: &Stack,
        run: &str,
        components: &BTreeSet<Component>,
        origin: Origin,
        taken: &[String],
    ) -> Result<Generation> {
        let number = 1 + self.highest(stack, taken);
        let mut volumes: BTreeMap<_, _> = named(stack);
        for component in components.iter().filter(|component| component.volume().generations) {
            let row = component.volume();
            volumes.insert(row.setting.to_owned(), generations::volume_name(stack.project(), row.key, number));
        }
        let mut images = images(stack);
        if let Some(live) = self.live(stack) {
            // Data that stays keeps the image that it was made with.
            for (owner, row) in service::volumes() {
                let stays = volumes.get(row.setting) == live.volumes.get(row.setting);
                if let Some(image) = live.images.get(owner.image_setting).filter(|_| stays) {
                    images.insert(owner.image_setting.to_owned(), image.clone());
                }
            }
        }
        let generation = Generation {
            number,
            made: jiff::Timestamp::now().to_string(),
            volumes,
            images,
            filled: false,
            origin: Some(origin),
            loading: Some(run.to_owned()),
            replaced: None,
            since: None,
            unknown: serde_json::Map::new(),
        };
        self.kept.data.generations.push(generation.clone());
        self.save()?;
        Ok(generation)
    }

    /// Writes down where an undo from `to` will go, before the env file is renamed.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn about_to_switch(&mut self, from: u32, to: u32) -> Result<()> {
        self.change(to, |generation| {
            generation.replaced = Some(from);
            generation.since = Some(jiff::Timestamp::now().to_string());
        })
    }

    /// The env file names it: it is whole, and its data is somebody's.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn promote(&mut self, number: u32) -> Result<()> {
        if self.number(number).is_none_or(|generation| generation.loading.is_none() && generation.filled) {
            return Ok(());
        }
        self.change(number, |generation| {
            generation.loading = None;
            generation.filled = true;
        })
    }

    /// A component could not be loaded: the generation goes on with the live volume, and its own one is given back.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn keep_live(&mut self, number: u32, component: Component, stack: &Stack) -> Result<Option<String>> {
        let setting = component.volume().setting;
        let live = stack.setting(setting).to_owned();
        let mut own = None;
        self.change(number, |generation| own = generation.volumes.insert(setting.to_owned(), live.clone()))?;
        Ok(own.filter(|own| *own != live))
    }

    /// Generations that are neither live nor what an undo brings back.
    #[must_use]
    pub fn passed(&self, stack: &Stack) -> Vec<u32> {
        let stays = [self.live(stack), self.previous(stack)].map(|one| one.map(|one| one.number));
        let numbers = self.all().iter().filter(|one| one.loading.is_none()).map(|one| one.number);
        numbers.filter(|number| !stays.contains(&Some(*number))).collect()
    }

    /// Forgets a generation whose volumes are gone.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget(&mut self, number: u32) -> Result<()> {
        self.kept.data.generations.retain(|generation| generation.number != number);
        self.save()
    }

    /// Volumes of a generation that no other one and no setting names: what goes with it.
    #[must_use]
    pub fn only_of(&self, number: u32, stack: &Stack) -> Vec<String> {
        let others: BTreeSet<_> = self
            .all()
            .iter()
            .filter(|other| other.number != number)
            .flat_map(|other| other.volumes.values().cloned())
            .chain(named(stack).into_values())
            .collect();
        let Some(generation) = self.number(number) else { return Vec::new() };
        generation.own().map(|(_, name)| name.to_owned()).filter(|name| !others.contains(name)).collect()
    }

    fn highest(&self, stack: &Stack, taken: &[String]) -> u32 {
        let keys = || service::volumes().map(|(_, volume)| volume.key);
        let ours = taken.iter().filter(|name| keys().any(|key| generations::is_of(stack.project(), key, name)));
        let there = ours.map(|name| generations::generation_of(name));
        there.chain(self.all().iter().map(|generation| generation.number)).max().unwrap_or(1)
    }

    fn change(&mut self, number: u32, with: impl FnOnce(&mut Generation)) -> Result<()> {
        let found = self.kept.data.generations.iter_mut().find(|generation| generation.number == number);
        with(found.with_context(|| format!("generation {number} is not in {}", self.path.display()))?);
        self.save()
    }

    fn save(&self) -> Result<()> {
        state::save(&self.path, 0o644, &self.kept)
    }
}

/// Writes down the first generation, before its volumes are made; later ones are a restore's.
///
/// # Errors
/// When the state cannot be written.
pub fn record_first(stack: &Stack) -> Result<()> {
    let mut all = Generations::load(&stack.home)?;
    if !all.all().is_empty() {
        return Ok(());
    }
    let volumes = named(stack);
    all.kept.data.generations.push(Generation {
        number: volumes.values().map(|name| generations::generation_of(name)).max().unwrap_or(1),
        made: jiff::Timestamp::now().to_string(),
        volumes,
        images: images(stack),
        filled: false,
        origin: None,
        loading: None,
        replaced: None,
        since: None,
        unknown: serde_json::Map::new(),
    });
    all.save()
}

/// The image that a service's live data belongs to, as far as it was written down.
///
/// # Errors
/// When the state cannot be understood.
pub fn made_with(stack: &Stack, service: &Service) -> Result<Option<String>> {
    let all = Generations::load(&stack.home)?;
    let image = all.live(stack).and_then(|live| live.images.get(service.image_setting).cloned());
    Ok(image.filter(|image| !image.is_empty()))
}

/// Whether the live generation once held data.
///
/// # Errors
/// When the state cannot be understood.
pub fn filled(stack: &Stack) -> Result<bool> {
    Ok(Generations::load(&stack.home)?.live(stack).is_some_and(|live| live.filled))
}

/// Writes down that every service answered on the live generation.
///
/// # Errors
/// When the state cannot be written.
pub fn mark_filled(stack: &Stack) -> Result<()> {
    let mut all = Generations::load(&stack.home)?;
    match all.live(stack).map(|live| live.number) {
        Some(number) => all.promote(number),
        None => Ok(()),
    }
}

/// Removes generations that a dead run was still filling, and promotes one that went live before its run died. Says
/// what went. Without the env file nobody knows what is live, and nothing goes.
///
/// # Errors
/// When the state cannot be understood or written. A volume that stays is said and is no error.
pub async fn settle(docker: &Docker, stack: &Stack, keep: Option<&str>) -> Result<Vec<String>> {
    let mut all = Generations::load(&stack.home)?;
    if stack.env.is_none() || all.all().iter().all(|generation| generation.loading.is_none()) {
        return Ok(Vec::new());
    }
    if let Some(live) = all.live(stack).filter(|live| live.loading.is_some()).map(|live| live.number) {
        all.promote(live)?;
    }
    let dead = |run: &Option<String>| run.as_deref().is_some_and(|run| Some(run) != keep);
    let numbers: Vec<_> = all.all().iter().filter(|one| dead(&one.loading)).map(|one| one.number).collect();
    let mut said = Vec::new();
    for number in numbers {
        said.extend(remove(docker, stack, &mut all, number).await?);
    }
    Ok(said)
}

/// Removes a generation: first its volumes, then its entry, so that a kill in between leaves an entry to go on from.
///
/// # Errors
/// When the state cannot be written. A volume that stays is said and is no error; its generation stays as well.
pub async fn remove(docker: &Docker, stack: &Stack, all: &mut Generations, number: u32) -> Result<Vec<String>> {
    let (mut said, mut left) = (Vec::new(), false);
    for name in all.only_of(number, stack) {
        match docker.remove_volume(&name).await {
            Ok(()) => said.push(format!("removed volume {name}")),
            Err(error) => {
                left = true;
                said.push(format!("volume {name} of generation {number} stays: {error:#}"));
            }
        }
    }
    if !left {
        all.forget(number)?;
    }
    Ok(said)
}

fn named(stack: &Stack) -> BTreeMap<String, String> {
    service::volumes().map(|(_, row)| (row.setting.to_owned(), stack.setting(row.setting).to_owned())).collect()
}

fn images(stack: &Stack) -> BTreeMap<String, String> {
    let settings = service::ALL.iter().map(|service| service.image_setting);
    settings.map(|key| (key.to_owned(), stack.setting(key).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENV: &str = "COMPOSE_PROJECT_NAME=p\nTARS_VOLUME_CHROMA=p_chroma_data\nTARS_VOLUME_POSTGRES=p_postgres_data\n\
                       TARS_VOLUME_REDIS=p_redis_data\nTARS_VOLUME_DOCUMENTS=p_documents\nTARS_IMAGE_POSTGRES=pg:15\n";

    fn stack(home: &Home, env: &str) -> Stack {
        std::fs::write(home.env_file(), env).unwrap();
        Stack::read(home.clone())
    }

    fn origin() -> Origin {
        Origin { archive: "a.tar.gz".into(), sha256: "0".into() }
    }

    fn begun(home: &Home, components: &[Component]) -> (Stack, Generations, Generation) {
        let stack = stack(home, ENV);
        record_first(&stack).unwrap();
        let mut all = Generations::load(home).unwrap();
        let next = all
            .begin(&stack, "r", &components.iter().copied().collect(), origin(), &["p_redis_data.g4".into()])
            .unwrap();
        (stack, all, next)
    }

    #[test]
    fn the_next_generation_keeps_what_was_not_asked_for_and_no_number_comes_twice() {
        let (_dir, home) = Home::temporary();
        let (stack, all, next) = begun(&home, &[Component::Chromadb]);
        assert_eq!(next.number, 5);
        assert_eq!(next.volume(Component::Chromadb), Some("p_chroma_data.g5"));
        assert_eq!(next.volume(Component::Postgres), Some("p_postgres_data"));
        assert_eq!(all.live(&stack).unwrap().number, 1);
        assert_eq!(all.only_of(5, &stack), ["p_chroma_data.g5"]);
        assert!(all.only_of(1, &stack).is_empty(), "what is live is never only another's");
    }

    #[test]
    fn the_env_file_alone_says_which_is_live_and_where_an_undo_goes() {
        let (_dir, home) = Home::temporary();
        let (old, mut all, next) = begun(&home, &[Component::Chromadb]);
        all.about_to_switch(1, next.number).unwrap();
        assert!(all.previous(&old).is_none(), "not switched yet");
        let new = stack(&home, &ENV.replace("p_chroma_data", "p_chroma_data.g5"));
        assert_eq!(all.live(&new).unwrap().number, 5);
        assert_eq!(all.previous(&new).unwrap().number, 1);
        assert!(!filled(&new).unwrap());
        all.promote(5).unwrap();
        assert!(filled(&new).unwrap() && Generations::load(&home).unwrap().number(5).unwrap().loading.is_none());
        // And back: twice is redo.
        all.about_to_switch(5, 1).unwrap();
        let old = stack(&home, ENV);
        assert_eq!(all.previous(&old).unwrap().number, 5);
    }

    #[test]
    fn fields_of_a_newer_version_survive() {
        let (_dir, home) = Home::temporary();
        let (_, _, next) = begun(&home, &[Component::Redis]);
        let path = home.state_file("generations.json");
        let text = std::fs::read_to_string(&path).unwrap().replacen("\"filled\"", "\"later\": 1, \"filled\"", 1);
        std::fs::write(&path, text).unwrap();
        let mut all = Generations::load(&home).unwrap();
        all.promote(next.number).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("\"later\": 1"));
    }
}
