//! `state/generations.json`: every generation of volumes with what made it, newest last.

use crate::stack::home::Home;
use crate::stack::service::{self, Service};
use crate::stack::state::{self, Kept};
use crate::stack::{Stack, generations};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Generations {
    generations: Vec<Generation>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Generation {
    /// Its number; 1 is the installation.
    number: u32,
    /// When it was made, RFC 3339.
    made: String,
    /// Setting → volume.
    volumes: BTreeMap<String, String>,
    /// Setting → the image that the volume's data belongs to.
    images: BTreeMap<String, String>,
    /// Whether the services once answered on them: from then on a missing volume is lost data.
    #[serde(default)]
    filled: bool,
    #[serde(flatten)]
    unknown: serde_json::Map<String, serde_json::Value>,
}

/// Writes down the first generation, before its volumes are made; later ones are a restore's.
///
/// # Errors
/// When the state cannot be written.
pub fn record_first(stack: &Stack) -> Result<()> {
    let path = stack.home.state_file("generations.json");
    if state::load::<Kept<Generations>>(&path)?.is_some() {
        return Ok(());
    }
    let of = |settings: &mut dyn Iterator<Item = &'static str>| {
        settings.map(|key| (key.to_owned(), stack.setting(key).to_owned())).collect()
    };
    let first = Generation {
        number: service::volumes()
            .map(|(_, volume)| generations::generation_of(stack.setting(volume.setting)))
            .max()
            .unwrap_or(1),
        made: jiff::Timestamp::now().to_string(),
        volumes: of(&mut service::volumes().map(|(_, volume)| volume.setting)),
        images: of(&mut service::ALL.iter().map(|service| service.image_setting)),
        filled: false,
        unknown: serde_json::Map::new(),
    };
    state::save(&path, 0o644, &Kept::new(Generations { generations: vec![first] }))
}

/// The image that a service's live data belongs to, as far as it was written down.
///
/// # Errors
/// When the state cannot be understood.
pub fn made_with(home: &Home, service: &Service) -> Result<Option<String>> {
    let all = state::load::<Kept<Generations>>(&home.state_file("generations.json"))?;
    let newest = all.and_then(|kept| kept.data.generations.into_iter().next_back());
    Ok(newest
        .and_then(|generation| generation.images.get(service.image_setting).cloned())
        .filter(|image| !image.is_empty()))
}

/// Whether the live generation once held data.
///
/// # Errors
/// When the state cannot be understood.
pub fn filled(home: &Home) -> Result<bool> {
    let all = state::load::<Kept<Generations>>(&home.state_file("generations.json"))?;
    Ok(all.and_then(|kept| kept.data.generations.into_iter().next_back()).is_some_and(|generation| generation.filled))
}

/// Writes down that every service answered on the live generation.
///
/// # Errors
/// When the state cannot be written.
pub fn mark_filled(home: &Home) -> Result<()> {
    let path = home.state_file("generations.json");
    let Some(mut all) = state::load::<Kept<Generations>>(&path)? else { return Ok(()) };
    match all.data.generations.last_mut() {
        Some(newest) if !newest.filled => newest.filled = true,
        _ => return Ok(()),
    }
    state::save(&path, 0o644, &all)
}
