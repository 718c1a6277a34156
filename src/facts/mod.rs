//! Everything looked at, gathered once and concurrently, each thing under a deadline of its own.
//!
//! A fact that could not be read says why and is never a guess. Facts serialise (`facts.json`), so that a check runs
//! without Docker, in a test, or over another machine's bundle. They hold no secret. Nothing here changes anything,
//! needs root, or judges: what a fact means is [`crate::check`]'s business. One file per family.
//!
//! ```no_run
//! # async fn demo(stack: &tars::stack::Stack) {
//! use tars::{docker::Docker, facts::{Sources, gather}};
//! let docker = Docker::connect().await;
//! let facts = gather(&Sources::new(stack, docker.as_ref())).await;
//! # }
//! ```

mod api;
mod backups;
mod beside;
pub mod cgroup;
mod containers;
mod data;
pub mod deep;
mod disk;
mod engine;
mod env;
mod fact;
mod files;
mod folder;
mod gather;
mod gpu;
mod home;
mod host;
mod images;
mod legacy;
mod listeners;
mod live;
mod models;
mod nas;
mod network;
mod ollama;
mod ports;
mod registry;
mod strength;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod version;
mod volumes;

pub use crate::operate::clean::Item;
pub use crate::operate::compose::Found as Compose;
pub use crate::operate::settings::Shape;
pub use api::{Api, Health};
pub use backups::{Archive, Backups, Place, Scheduled};
pub use beside::Beside;
pub use data::{Chroma, Collection, Holds, Postgres, Redis, Serving};
pub use deep::{Deep, Vectors};
pub use disk::{Disk, Written};
pub use engine::{Engine, Installed, State};
pub use env::{Env, Line, Setting};
pub use fact::{Fact, NotKnown, on_thread};
pub use files::{Files, Verdict};
pub use folder::Folder;
pub use gather::{Depth, Sources, gather};
pub use gpu::Gpu;
pub use home::{Home, Journal, Owned};
pub use host::{Host, Memory};
pub use images::Image;
pub use legacy::Legacy;
pub use live::{Answered, How};
pub use models::{Cards, Models};
pub use nas::Nas;
pub use network::Network;
pub use ollama::{HostOllama, ON_THIS_HOST};
pub use ports::{Holder, Port};
pub use registry::{DOCKER_HUB, Registry};
pub use strength::Flaw;
pub use version::Versions;
pub use volumes::{Inside, Volume};

use crate::docker::Container;
use serde::{Deserialize, Serialize};

/// The schema of `facts.json`. It grows when a field changes its meaning; a new field needs no new number.
pub const SCHEMA: u32 = 1;

/// Everything known about one machine and its stack.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// [`SCHEMA`] at the time of gathering.
    pub schema: u32,
    /// When they were gathered.
    pub gathered_at: jiff::Timestamp,
    /// Which `tars` gathered them.
    pub tars_version: String,
    /// The machine.
    pub host: Fact<Host>,
    /// Its memory.
    pub memory: Fact<Memory>,
    /// The file system of the home.
    pub home_disk: Fact<Disk>,
    /// The file system of the engine's data.
    pub engine_disk: Fact<Disk>,
    /// The engine.
    pub engine: Fact<Engine>,
    /// Docker Compose; `None` when there is none.
    pub compose: Fact<Option<Compose>>,
    /// The NVIDIA GPU.
    pub gpu: Fact<Gpu>,
    /// The registry.
    pub registry: Fact<Registry>,
    /// The settings.
    pub env: Fact<Env>,
    /// The home directory.
    pub home: Fact<Home>,
    /// The journal of a run that may have been cut off.
    pub journal: Fact<Journal>,
    /// The project's containers.
    pub containers: Fact<Vec<Container>>,
    /// Other directories that containers of this project were made from.
    pub other_homes: Fact<Vec<String>>,
    /// The stack's volumes that exist.
    pub volumes: Fact<Vec<Volume>>,
    /// The stack's images, there or not.
    pub images: Fact<Vec<Image>>,
    /// The ports that the settings publish.
    pub ports: Fact<Vec<Port>>,
    /// The old bash deployment, if anything is left of it.
    pub legacy: Fact<Option<Legacy>>,
    /// The network shares; none where there is no NAS.
    pub nas: Fact<Vec<Nas>>,
    /// An Ollama that answers on this machine.
    pub ollama: Fact<Option<HostOllama>>,
    /// The compose files of the home.
    pub files: Fact<Files>,
    /// The documents' folder.
    pub folder: Fact<Folder>,
    /// This machine's public addresses.
    pub network: Fact<Network>,
    /// Whether the live generation once held data: from then on a missing volume is lost data.
    pub filled: Fact<bool>,
    /// Volumes of the generation before the live one that are gone: what an undo would lack.
    pub undo_gone: Fact<Vec<String>>,
    /// How each running service answered.
    pub live: Fact<Vec<Answered>>,
    /// What Postgres says.
    pub postgres: Fact<Postgres>,
    /// What Redis says.
    pub redis: Fact<Redis>,
    /// What Chroma says.
    pub chroma: Fact<Chroma>,
    /// The models of the stack's own Ollama.
    pub models: Fact<Models>,
    /// What stores wrote beside their volumes.
    pub beside: Fact<Vec<Beside>>,
    /// The API.
    pub api: Fact<Api>,
    /// Administrators that a weak password lets in; nobody was signed in for that.
    pub weak_admins: Fact<Vec<String>>,
    /// Archives, schedule, and where they go.
    pub backups: Fact<Backups>,
    /// The versions that should be one.
    pub versions: Fact<Versions>,
    /// What may go to make room.
    pub clutter: Fact<Vec<Item>>,
    /// What the last deep look saw.
    pub deep: Fact<Option<Deep>>,
}
