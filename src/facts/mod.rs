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

pub mod cgroup;
mod containers;
mod disk;
mod engine;
mod env;
mod fact;
mod gather;
mod gpu;
mod home;
mod host;
mod images;
mod legacy;
mod listeners;
mod nas;
mod ollama;
mod ports;
mod registry;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod volumes;

pub use crate::operate::compose::Found as Compose;
pub use disk::{Disk, Written};
pub use engine::{Engine, Installed, State};
pub use env::{Env, Line, Setting};
pub use fact::{Fact, NotKnown, on_thread};
pub use gather::{Sources, gather};
pub use gpu::Gpu;
pub use home::{Home, Journal, Owned};
pub use host::{Host, Memory};
pub use images::Image;
pub use legacy::Legacy;
pub use nas::Nas;
pub use ollama::{HostOllama, ON_THIS_HOST};
pub use ports::{Holder, Port};
pub use registry::{DOCKER_HUB, Registry};
pub use volumes::Volume;

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
}
