//! Looking at everything at once.

use super::fact::{on_thread, within};
use super::{
    Disk, Engine, Env, Fact, Facts, ON_THIS_HOST, SCHEMA, containers, disk, engine, env, gpu, home, host, images,
    legacy, nas, ollama, ports, registry, volumes,
};
use crate::docker::Docker;
use crate::stack::Stack;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long each fact may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The machine's own root directory; the families' tests look under another one.
const ROOT: &str = "/";

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
        nas: stack.nas,
        env,
        ..machine
    }
}

/// The machine, the engine and the home's files; the rest of the facts stays unknown.
async fn machine(from: &Sources<'_>) -> Facts {
    let home = &from.stack.home;
    let (path, probed, journal, lock) =
        (home.path().to_owned(), home.path().to_owned(), home.state_file("journal.json"), home.state_file("lock"));
    let (registry, wait) = from.registry.map_or((None, from.deadline), |(url, wait)| (Some(url), wait));
    let root = || Path::new(ROOT);
    let (host, memory, gpu, compose, registry, home_disk, home, journal, (engine, engine_disk)) = tokio::join!(
        from.read("the machine", move || host::look(root())),
        from.read("the memory", move || host::memory(root())),
        from.read("the GPU", move || gpu::look(root())),
        within(from.deadline, "docker compose", crate::operate::compose::look()),
        async { Fact::Known(registry::look(registry, wait).await) },
        from.read("the home's disk", move || disk::look(&probed, true)),
        from.read("the home", move || home::look(path)),
        from.read("the journal", move || home::journal(root(), &journal, &lock)),
        engine_and_disk(from),
    );
    Facts { host, memory, home_disk, engine_disk, engine, compose, gpu, registry, home, journal, ..Facts::default() }
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
    let ours: Vec<_> = seen.iter().filter(|container| containers::ours(container, &project)).cloned().collect();
    let (images, volumes, ports, ollama, nas) = tokio::join!(
        within(from.deadline, "the images", async { images::look(from.engine()?, &settings()?).await }),
        within(from.deadline, "the volumes", async { Ok(volumes::look(&settings()?, listed.known()?).await) }),
        ports,
        async { Fact::Known(ollama::look(Path::new(ROOT), from.ollama, &project, &seen).await) },
        within(from.deadline, "the NAS", nas::look(Path::new(ROOT), from.stack, &ours)),
    );
    let own = all
        .map(|all| all.iter().filter(|container| containers::ours(container, &project)).cloned().collect::<Vec<_>>());
    let other_homes = own.map(|own| containers::other_homes(own, from.stack.home.path()));
    let legacy = match (all.known(), listed.known()) {
        (Ok(all), Ok(listed)) => Fact::Known(legacy::look(Path::new(ROOT), &project, all, listed)),
        (Err(why), _) | (_, Err(why)) => Fact::Unknown(why.0),
    };
    Facts { containers: own, other_homes, volumes, images, ports, legacy, ollama, nas, ..Facts::default() }
}
