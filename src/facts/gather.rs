//! Looking at everything at once.

use super::fact::{on_thread, within};
use super::{
    Answered, Beside, Deep, Disk, Engine, Env, Fact, Facts, Files, ON_THIS_HOST, SCHEMA, api, backups, beside,
    containers, deep, disk, engine, env, files, folder, gpu, home, host, images, legacy, live, nas, network, ollama,
    ports, registry, version, volumes,
};
use crate::client::account::{Answer, Request};
use crate::docker::{Container, Docker};
use crate::operate::{clean, generations, wait};
use crate::stack::{Stack, service};
use anyhow::Result;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long each fact may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The machine's own root directory; the families' tests look under another one.
const ROOT: &str = "/";

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The machine, the engine and the home: what an installation or a start asks beforehand.
    Outside,
    /// Also what files and the engine say of the stack, without asking a service: for a status, at once.
    Stack,
    /// Also what every service says of itself.
    Services,
    /// Also what must read much.
    Deep,
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
    /// How much is looked at.
    pub depth: Depth,
    /// Whether the NAS is asked, also where nothing else is asked of the network.
    pub nas: bool,
}

impl<'a> Sources<'a> {
    /// The usual: from the outside, offline, 5 s for each fact, no flags.
    #[must_use]
    pub fn new(stack: &'a Stack, docker: Result<&'a Docker, &'a anyhow::Error>) -> Self {
        Self {
            stack,
            docker,
            flags: &[],
            registry: None,
            ollama: ON_THIS_HOST,
            deadline: DEADLINE,
            depth: Depth::Outside,
            nas: false,
        }
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
    // So much at once is no small thing to carry about.
    Box::pin(everything(from)).await
}

async fn everything(from: &Sources<'_>) -> Facts {
    let env = Fact::from(env::look(from.stack, from.flags));
    let (machine, stack, home) = tokio::join!(machine(from), stack(from, &env), home_of(from, &env));
    Facts {
        schema: SCHEMA,
        gathered_at: jiff::Timestamp::now(),
        tars_version: env!("CARGO_PKG_VERSION").to_owned(),
        host: machine.host,
        memory: machine.memory,
        home_disk: machine.home_disk,
        engine_disk: machine.engine_disk,
        engine: machine.engine,
        compose: machine.compose,
        gpu: machine.gpu,
        registry: machine.registry,
        home: machine.home,
        journal: machine.journal,
        files: home.files,
        folder: home.folder,
        network: home.network,
        filled: home.filled,
        backups: home.backups,
        versions: home.versions,
        env,
        ..stack
    }
}

/// What the files of the home and of this machine say of the stack.
async fn home_of(from: &Sources<'_>, env: &Fact<Env>) -> Facts {
    if from.depth < Depth::Stack {
        return Facts::default();
    }
    let stack = from.stack;
    let docs = PathBuf::from(stack.setting("TARS_DOCS_DIR"));
    let (files, folder, network, backups, versions) = tokio::join!(
        files_of(from, env),
        from.read("the documents' folder", move || Ok(folder::look(&docs))),
        from.read("the network", || network::look(Path::new(ROOT))),
        within(from.deadline, "the state of the backups", asked(from, backups::look(stack))),
        within(from.deadline, "the versions", asked(from, version::look())),
    );
    Facts { files, folder, network, backups, versions, filled: generations::filled(stack).into(), ..Facts::default() }
}

/// What starts a program or reads a large file: a status has no time for that.
async fn asked<T>(from: &Sources<'_>, look: impl Future<Output = Result<T>>) -> Result<T> {
    anyhow::ensure!(from.depth >= Depth::Services, "it was not looked at");
    look.await
}

async fn files_of(from: &Sources<'_>, env: &Fact<Env>) -> Fact<Files> {
    let (home, listed) = (from.stack.home.clone(), env.known().map(|env| env.get("COMPOSE_FILE").to_owned()));
    let list = listed.clone().unwrap_or_default();
    let found = from.read("the compose files", move || files::look(&home, &list)).await;
    let (Ok(looked), Ok(listed)) = (found.known(), &listed) else { return found };
    let asks = from.depth == Depth::Deep || files::needs_compose(looked, listed);
    if from.depth < Depth::Services || !asks || from.stack.need_env().is_err() {
        return found;
    }
    // Compose that cannot be run is another check's business.
    let refusal = within(from.deadline, "docker compose config", files::ask(from.stack)).await;
    found.map(|found| Files { refusal: refusal.known().ok().cloned(), ..found.clone() })
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
    let own = all
        .map(|all| all.iter().filter(|container| containers::ours(container, &project)).cloned().collect::<Vec<_>>());
    let sizes = if from.depth == Depth::Deep { deep::WITHIN } else { volumes::SIZES };
    let (images, volumes, ports, ollama, nas, services) = tokio::join!(
        within(from.deadline, "the images", async { images::look(from.engine()?, &settings()?).await }),
        within(sizes.max(from.deadline), "the volumes", async {
            Ok(volumes::look(&settings()?, listed.known()?, sizes).await)
        }),
        ports,
        async { Fact::Known(ollama::look(Path::new(ROOT), from.ollama, &project, &seen).await) },
        within(from.deadline, "the NAS", async {
            anyhow::ensure!(from.nas || from.depth >= Depth::Services, "it was not looked at");
            nas::look(Path::new(ROOT), from.stack, &ours).await
        }),
        services(from, env, &own),
    );
    let other_homes = own.map(|own| containers::other_homes(own, from.stack.home.path()));
    let legacy = match (all.known(), listed.known()) {
        (Ok(all), Ok(listed)) => Fact::Known(legacy::look(Path::new(ROOT), &project, all, listed)),
        (Err(why), _) | (_, Err(why)) => Fact::Unknown(why.0),
    };
    let undo_gone = listed.map(|listed| undo_gone(from.stack, listed));
    let clutter = clutter(from, &volumes, services.deep.known().ok().and_then(Option::as_ref)).await;
    Facts { containers: own, other_homes, volumes, images, ports, legacy, ollama, nas, clutter, undo_gone, ..services }
}

/// Volumes that an undo would need and that are gone.
fn undo_gone(stack: &Stack, listed: &[crate::docker::Volume]) -> Vec<String> {
    let Ok(all) = generations::Generations::load(&stack.home) else { return Vec::new() };
    let needed =
        all.previous(stack).map(|previous| previous.settings().map(|(_, name)| name.to_owned()).collect::<Vec<_>>());
    needed.unwrap_or_default().into_iter().filter(|name| listed.iter().all(|volume| volume.name != *name)).collect()
}

/// What may go; the sizes of volumes come from the volumes themselves, else from the last deep look.
async fn clutter(
    from: &Sources<'_>,
    volumes: &Fact<Vec<super::Volume>>,
    deep: Option<&Deep>,
) -> Fact<Vec<clean::Item>> {
    if from.depth < Depth::Services {
        return Fact::default();
    }
    let mut sizes = deep.map(|deep| deep.sizes.clone()).unwrap_or_default();
    let seen = volumes.known().map(Vec::as_slice).unwrap_or_default();
    sizes.extend(seen.iter().filter_map(|volume| Some((volume.name.clone(), volume.bytes?))));
    within(from.deadline, "what may go", async { clean::look(from.engine()?, from.stack, &sizes).await }).await
}

/// What the services say of themselves: only asked where the depth says so, and only of those that run.
async fn services(from: &Sources<'_>, env: &Fact<Env>, own: &Fact<Vec<Container>>) -> Facts {
    if from.depth < Depth::Services {
        return Facts::default();
    }
    let (docker, own) = match (from.engine(), own.known()) {
        (Ok(docker), Ok(own)) => (docker, own),
        (Err(error), _) => return silent(&format!("{error:#}")),
        (_, Err(why)) => return silent(&why.0),
    };
    let gpu = env.known().is_ok_and(|env| env.get("TARS_GPU") != "off") && crate::operate::gpu::driver_loaded();
    let (live, beside, api, deep) = tokio::join!(
        live::look(docker, from.stack, own, gpu),
        within(from.deadline, "what is beside the volumes", beside::look(docker, own, from.depth == Depth::Deep)),
        within(from.deadline, "the API", api_of(from.stack, own)),
        deep_of(from, docker, env, own),
    );
    let weak_admins = weak_admins(from, docker, env, own, &live.answers).await;
    Facts {
        live: Fact::Known(live.answers),
        postgres: live.postgres,
        redis: live.redis,
        chroma: live.chroma,
        models: live.models,
        beside,
        api,
        deep,
        weak_admins,
        ..Facts::default()
    }
}

/// Without an engine no service can be asked, and each fact says why.
fn silent(why: &str) -> Facts {
    let why = || why.to_owned();
    Facts {
        live: Fact::Unknown::<Vec<Answered>>(why()),
        postgres: Fact::Unknown(why()),
        redis: Fact::Unknown(why()),
        chroma: Fact::Unknown(why()),
        models: Fact::Unknown(why()),
        beside: Fact::Unknown::<Vec<Beside>>(why()),
        api: Fact::Unknown(why()),
        deep: Fact::Unknown(why()),
        weak_admins: Fact::Unknown(why()),
        ..Facts::default()
    }
}

/// Where the backend's container is published, else where the settings have it.
async fn api_of(stack: &Stack, own: &[Container]) -> Result<api::Api> {
    let backend = service::named("backend").filter(|row| own.iter().any(|it| it.service() == row.name && it.runs()));
    let row = backend.ok_or_else(|| anyhow::anyhow!("the backend does not run"))?;
    let container = own.iter().find(|container| container.service() == row.name);
    let port = container.and_then(|container| container.ports.iter().find(|port| port.container == row.port));
    let url = port.map_or_else(|| wait::api_url(stack), |port| wait::url_of(&port.address, &port.host.to_string()));
    api::look(url).await
}

async fn deep_of(from: &Sources<'_>, docker: &Docker, env: &Fact<Env>, own: &[Container]) -> Fact<Option<Deep>> {
    match (from.depth, env.known()) {
        (Depth::Deep, Ok(env)) => Fact::Known(Some(deep::look(docker, env, own).await)),
        _ => deep::last(&from.stack.home).into(),
    }
}

/// Asked only when there is reason to: the settings hold a weak password, or much is to be read anyway.
async fn weak_admins(
    from: &Sources<'_>,
    docker: &Docker,
    env: &Fact<Env>,
    own: &[Container],
    answers: &[Answered],
) -> Fact<Vec<String>> {
    let flawed = env.known().is_ok_and(|env| env.flaw("TARS_ADMIN_PASSWORD").is_some());
    let deep = from.depth == Depth::Deep;
    if !flawed && !deep {
        return Fact::Known(Vec::new());
    }
    let well = |name: &str| answers.iter().any(|answer| answer.service == name && answer.how == super::How::Well);
    let Some(backend) = own.iter().find(|container| container.service() == "backend" && container.runs()) else {
        return Fact::Unknown("the backend does not run".to_owned());
    };
    if !well("postgres") {
        return Fact::Unknown("the database does not answer".to_owned());
    }
    let request = Request::Weak { own: flawed, common: deep };
    let patience = if deep { from.deadline * 6 } else { from.deadline };
    within(patience, "whether a weak password works", async {
        let request = serde_json::to_string(&request)?;
        let output = docker.exec(&backend.id, &["/tars", "serve", "--user", &request]).await?;
        let answer = output.stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        match answer {
            Some(Answer::Weak(names)) => Ok(names),
            _ => anyhow::bail!("the backend ended with status {}: {}", output.code, output.stderr.trim()),
        }
    })
    .await
}
