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
mod compose;
mod containers;
mod disk;
mod engine;
mod env;
mod fact;
mod find;
mod gpu;
mod home;
mod host;
mod images;
mod legacy;
mod listeners;
mod ollama;
mod ports;
mod registry;
#[cfg(test)]
pub(crate) mod testing;
mod volumes;

pub use compose::Compose;
pub use disk::{Disk, Written};
pub use engine::{Engine, Installed, State};
pub use env::{Env, Line, Setting};
pub use fact::{Fact, NotKnown};
pub use gpu::Gpu;
pub use home::{Home, Journal, Owned};
pub use host::{Host, Memory};
pub use images::Image;
pub use legacy::Legacy;
pub use ollama::{HostOllama, ON_THIS_HOST};
pub use ports::{Holder, Port};
pub use registry::{DOCKER_HUB, Registry};
pub use volumes::Volume;

use crate::docker::{Container, Docker};
use crate::stack::Stack;
use anyhow::Result;
use fact::{on_thread, within};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The schema of `facts.json`. It grows when a field changes its meaning; a new field needs no new number.
pub const SCHEMA: u32 = 1;
/// How long each fact may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The machine's own root directory; tests look under another one.
const ROOT: &str = "/";

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
    /// An Ollama that answers on this machine.
    pub ollama: Fact<Option<HostOllama>>,
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The stack whose home and settings count.
    pub stack: &'a Stack,
    /// The engine, or why there is none.
    pub docker: Result<&'a Docker, &'a anyhow::Error>,
    /// Settings that this run is about to write (`TARS_LLM`, `TARS_IMAGES`, …); they win over the env file.
    pub flags: &'a [(&'a str, String)],
    /// The registry to ask and how long; `None` stays offline.
    pub registry: Option<(&'a str, Duration)>,
    /// Where an Ollama of this machine would answer; empty asks nobody.
    pub ollama: &'a str,
    /// How long each fact may take.
    pub deadline: Duration,
}

impl<'a> Sources<'a> {
    /// The usual: offline, 5 s for each fact, no flags.
    #[must_use]
    pub fn new(stack: &'a Stack, docker: Result<&'a Docker, &'a anyhow::Error>) -> Self {
        Self { stack, docker, flags: &[], registry: None, ollama: ON_THIS_HOST, deadline: DEADLINE }
    }

    /// A copy of an engine's failure: an error cannot be cloned.
    fn engine(&self) -> Result<&'a Docker> {
        self.docker.map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    async fn read<T: Send + 'static>(&self, what: &str, look: impl FnOnce() -> Result<T> + Send + 'static) -> Fact<T> {
        within(self.deadline, what, on_thread(look)).await
    }
}

/// Looks at everything at once.
pub async fn gather(from: &Sources<'_>) -> Facts {
    let env = Fact::from(env::look(from.stack, from.flags));
    let (machine, stack) = tokio::join!(machine(from), stack(from, &env));
    Facts {
        schema: SCHEMA,
        gathered_at: jiff::Timestamp::now(),
        tars_version: env!("CARGO_PKG_VERSION").to_owned(),
        containers: stack.containers,
        other_homes: stack.other_homes,
        volumes: stack.volumes,
        images: stack.images,
        ports: stack.ports,
        legacy: stack.legacy,
        ollama: stack.ollama,
        env,
        ..machine
    }
}

/// The machine, the engine and the home's files; the rest of the facts stays unknown.
async fn machine(from: &Sources<'_>) -> Facts {
    let home = &from.stack.home;
    let (path, probed, journal, lock) = (home.path().to_owned(), home.path().to_owned(), home.state_file("journal.json"), home.state_file("lock"));
    let (registry, wait) = from.registry.map_or((None, from.deadline), |(url, wait)| (Some(url), wait));
    let root = || Path::new(ROOT);
    let (host, memory, gpu, compose, registry, home_disk, home, journal, (engine, engine_disk)) = tokio::join!(
        from.read("the machine", move || host::look(root())),
        from.read("the memory", move || host::memory(root())),
        from.read("the GPU", move || gpu::look(root())),
        within(from.deadline, "docker compose", compose::look()),
        async { Fact::Known(registry::look(registry, wait).await) },
        from.read("the home's disk", move || disk::look(&probed, true)),
        from.read("the home", move || home::look(path)),
        from.read("the journal", move || home::journal(root(), &journal, &lock)),
        engine_and_disk(from),
    );
    Facts { host, memory, gpu, compose, registry, home_disk, home, journal, engine, engine_disk, ..Facts::default() }
}

/// The engine's disk can be looked at once the engine has said where its data is.
async fn engine_and_disk(from: &Sources<'_>) -> (Fact<Engine>, Fact<Disk>) {
    let engine = within(from.deadline, "the engine", engine::look(from.docker, Path::new(ROOT))).await;
    let said = engine.known().ok().and_then(Engine::answers).map(|engine| PathBuf::from(&engine.root));
    let data = said.filter(|path| path.is_absolute()).unwrap_or_else(|| disk::ENGINE_ROOT.into());
    let disk = from.read("the engine's disk", move || disk::look(&data, false)).await;
    (engine, disk)
}

/// What the engine holds of this stack, and what follows from its list of containers.
async fn stack(from: &Sources<'_>, env: &Fact<Env>) -> Facts {
    let (all, listed) = tokio::join!(
        within(from.deadline, "the list of containers", async { containers::all(from.engine()?).await }),
        within(from.deadline, "the list of volumes", async { from.engine()?.volumes().await }),
    );
    let settings = || env.known().cloned().map_err(anyhow::Error::from);
    let seen = all.known().cloned().unwrap_or_default();
    let project = env.known().map_or_else(|_| from.stack.project().to_owned(), |env| env.project().to_owned());
    let ports = {
        let seen = seen.clone();
        let settings = settings();
        from.read("the ports", move || ports::look(Path::new(ROOT), &settings?, &seen))
    };
    let (images, volumes, ports, ollama) = tokio::join!(
        within(from.deadline, "the images", async { images::look(from.engine()?, &settings()?).await }),
        within(from.deadline, "the volumes", async { Ok(volumes::look(&settings()?, listed.known()?).await) }),
        ports,
        async { Fact::Known(ollama::look(Path::new(ROOT), from.ollama, &project, &seen).await) },
    );
    let own = all.map(|all| all.iter().filter(|container| containers::ours(container, &project)).cloned().collect::<Vec<_>>());
    let other_homes = own.map(|own| containers::other_homes(own, from.stack.home.path()));
    let legacy = match (all.known(), listed.known()) {
        (Ok(all), Ok(listed)) => Fact::Known(legacy::look(Path::new(ROOT), &project, all, listed)),
        (Err(why), _) | (_, Err(why)) => Fact::Unknown(why.0),
    };
    Facts { containers: own, other_homes, volumes, images, ports, legacy, ollama, ..Facts::default() }
}
