//! The forecast: how many bytes are still to come to the engine's disk and to the home's.

use crate::facts::{Env, Facts, NotKnown, Registry};
use crate::stack::service::Service;

/// 2^30.
pub(super) const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Chat and embedding model of the defaults: 2.0 and 0.3 GB.
const MODELS: u64 = 2500 * MIB;
/// One volume whose size does not show.
const UNSEEN_VOLUME: u64 = GIB / 3;
/// A first restore beside live data that does not exist yet.
const FIRST_RESTORE: u64 = GIB;
/// State, compose files, one backup of little data.
const HOME: u64 = 300 * MIB;

/// What a service's image takes on the disk, unpacked: from the registry, and built from packages.
///
/// Registry: Ollama's CUDA 12 and 13 libraries are 3.3 GB in 0.6 and grew since (ollama#9982, #14228); an engine with
/// the containerd store keeps the 3 GB of the download as well, which the margin covers. Packages: measured.
pub(super) const TYPICAL: [(&str, u64, u64); 5] = [
    ("ollama", 6 * GIB, 0),
    ("chromadb", 800 * MIB, 160 * MIB),
    ("postgres", 300 * MIB, 150 * MIB),
    ("redis", 50 * MIB, 90 * MIB),
    ("backend", 30 * MIB, 30 * MIB),
];
/// The base image and what building takes for a while.
const BUILDING: u64 = 400 * MIB;

/// What is still to come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forecast {
    pub(super) images: u64,
    pub(super) models: u64,
    pub(super) restore: u64,
    pub(super) home: u64,
    /// Whether every part is known; else it is the most that may come.
    pub(super) sure: bool,
}

impl Forecast {
    /// Everything that comes to the engine's disk.
    pub(super) fn engine(&self) -> u64 {
        self.images + self.models + self.restore
    }
}

/// Forecasts from facts.
pub(super) fn forecast(facts: &Facts) -> Result<Forecast, NotKnown> {
    let env = facts.env.known()?;
    let packages = from_packages(facts, env);
    let images = facts.images.known();
    let there = |service: &str| {
        images
            .as_ref()
            .is_ok_and(|images| images.iter().any(|image| image.service == service && image.present.is_some()))
    };
    let ollama = |service: &&Service| service.name == "ollama";
    // Without a registry there is no Ollama image to be had, unless one is there already.
    let cannot_come = |service: &&Service| there(service.name) || (packages && ollama(service));
    let missing: Vec<_> = env.services().filter(|service| !cannot_come(service)).collect();
    let building = if packages && missing.iter().any(|service| service.recipe.is_some()) { BUILDING } else { 0 };
    let models = env.may_run_ollama() && (there("ollama") || !packages) && !has_models(facts);
    Ok(Forecast {
        images: building + missing.iter().map(|service| size(service.name, packages)).sum::<u64>(),
        models: if models { MODELS } else { 0 },
        restore: restore(facts),
        home: HOME,
        sure: images.is_ok() || facts.engine.known().is_ok_and(|engine| !engine.there()),
    })
}

/// The images are built when that was chosen, or when the registry is known to be out of reach.
fn from_packages(facts: &Facts, env: &Env) -> bool {
    match env.get("TARS_IMAGES") {
        "packages" => true,
        "auto" | "" => matches!(facts.registry.known(), Ok(Registry::Unreachable { timed_out: false, .. })),
        _ => false,
    }
}

fn size(service: &str, packages: bool) -> u64 {
    let row = TYPICAL.iter().find(|(name, ..)| *name == service);
    row.map_or(GIB, |(_, registry, built)| if packages { *built } else { *registry })
}

/// A second copy of what a restore would make anew.
fn restore(facts: &Facts) -> u64 {
    let volumes = facts.volumes.known().map(Vec::as_slice).unwrap_or_default();
    let live: Vec<_> = volumes.iter().filter(|volume| volume.live && volume.generations).collect();
    if live.is_empty() {
        return FIRST_RESTORE;
    }
    live.iter().map(|volume| volume.bytes.unwrap_or(UNSEEN_VOLUME)).sum()
}

/// A models volume with at least half a model in it counts as filled.
fn has_models(facts: &Facts) -> bool {
    let volumes = facts.volumes.known().map(Vec::as_slice).unwrap_or_default();
    volumes
        .iter()
        .any(|volume| volume.key == "ollama_data" && volume.live && volume.bytes.is_some_and(|bytes| bytes > GIB))
}

/// Bytes for people: `7.6 GiB`.
pub(super) fn human(bytes: u64) -> String {
    let (unit, name) = if bytes >= GIB { (GIB, "GiB") } else { (MIB, "MiB") };
    let tenths = bytes.saturating_mul(10) / unit;
    if tenths.is_multiple_of(10) {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}
