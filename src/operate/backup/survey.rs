//! The look before anything is stopped: every source that was asked for is really there, served by the server that
//! writes it and where the row says, and how large it is.

use super::place::Place;
use super::{Asked, coverage};
use crate::archive::ImageRecord;
use crate::context::Context;
use crate::docker::{Container, Docker};
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::lifecycle;
use crate::stack::service::{self, Service};
use anyhow::{Context as _, Result, anyhow};
use std::collections::BTreeMap;

/// What there is to save.
#[derive(Debug)]
pub struct Survey {
    /// The containers of the project.
    pub containers: Vec<Container>,
    /// What becomes of each of their mounts.
    pub mounts: Vec<coverage::Covered>,
    /// The images they run.
    pub images: BTreeMap<String, ImageRecord>,
    /// The servers' versions.
    pub servers: BTreeMap<String, String>,
    /// Bytes by component, as far as known beforehand.
    pub bytes: BTreeMap<&'static str, u64>,
    /// Chroma's files.
    pub chroma: Option<Place>,
    /// The originals of uploads.
    pub documents: Place,
    /// Ollama's models.
    pub models: Option<Place>,
    /// Databases of the same Postgres that are not the stack's.
    pub other_databases: Vec<String>,
}

impl Survey {
    /// The container of a service.
    #[must_use]
    pub fn container(&self, service: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.service() == service)
    }

    /// The services that run now.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        let running = self.containers.iter().filter(|container| container.runs());
        running.map(|container| container.service().to_owned()).collect()
    }

    /// What no archive will hold: mounts, and databases beside the stack's own.
    #[must_use]
    pub fn uncovered(&self) -> Vec<String> {
        let database = |name: &String| format!("the database {name} (only TARS_POSTGRES_DB is saved)");
        coverage::uncovered(&self.mounts).into_iter().chain(self.other_databases.iter().map(database)).collect()
    }

    /// Bytes of everything.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.bytes.values().sum()
    }
}

/// Looks at everything that was asked for.
///
/// # Errors
/// The first source that is missing, empty, not mounted or not served; nothing has been stopped then.
pub async fn survey(context: &Context, asked: &Asked) -> Result<Survey> {
    let docker = context.docker()?;
    let containers = lifecycle::containers(docker, &context.stack).await?;
    if containers.is_empty() {
        return Err(Failure::new(Exit::Unavailable, "there is no stack to back up: it has no containers")
            .hint("start it: tars start")
            .into());
    }
    let mounts = coverage::of(&context.stack, &containers, *asked);
    let (mut servers, mut bytes, mut other_databases) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    if asked.postgres {
        let postgres = postgres(docker, running(&containers, "postgres", "--skip-postgres")?).await?;
        servers.insert("postgres".to_owned(), postgres.version);
        other_databases = postgres.others;
        bytes.insert(super::POSTGRES, postgres.bytes);
    }
    if asked.redis {
        let redis = redis(docker, running(&containers, "redis", "--skip-redis")?).await?;
        servers.insert("redis".to_owned(), redis.version);
        bytes.insert(super::REDIS, redis.bytes);
    }
    let chroma = if asked.chromadb { Some(chroma(context, &containers).await?) } else { None };
    if let Some(place) = &chroma {
        servers.insert("chroma".to_owned(), version_of(context.stack.setting("TARS_IMAGE_CHROMA")));
        bytes.insert(super::CHROMADB, place.bytes(context).await?);
    }
    let documents = place(context, &containers, "backend").await?;
    bytes.insert(super::DOCUMENTS, documents.bytes(context).await?);
    let models = if asked.models { Some(models(context, &containers).await?) } else { None };
    if let Some(place) = &models {
        bytes.insert(super::MODELS, place.bytes(context).await?);
    }
    let images = images(docker, &containers).await?;
    Ok(Survey { containers, mounts, images, servers, bytes, chroma, documents, models, other_databases })
}

async fn images(docker: &Docker, containers: &[Container]) -> Result<BTreeMap<String, ImageRecord>> {
    let mut images = BTreeMap::new();
    for container in containers {
        let digests = docker.image(&container.image_id).await?.map(|image| image.digests).unwrap_or_default();
        let record = ImageRecord { name: container.image.clone(), id: container.image_id.clone(), digests };
        images.insert(container.service().to_owned(), record);
    }
    Ok(images)
}

fn row(name: &str) -> Result<&'static Service> {
    service::named(name).with_context(|| format!("no row for {name}"))
}

async fn place(context: &Context, containers: &[Container], name: &str) -> Result<Place> {
    let row = row(name)?;
    let container = containers.iter().find(|container| container.service() == name);
    Place::of(context, row, row.volumes.first().context("a row without a volume")?, container).await
}

/// A server that is to be asked must run.
fn running<'a>(containers: &'a [Container], name: &str, skip: &str) -> Result<&'a Container> {
    containers.iter().find(|container| container.service() == name && container.runs()).ok_or_else(|| {
        Failure::new(Exit::Unavailable, format!("{name} does not run, so it cannot be backed up"))
            .hint(format!("start it: tars start; or leave it out: {skip}"))
            .into()
    })
}

struct Server {
    version: String,
    bytes: u64,
    /// Databases that are not the stack's.
    others: Vec<String>,
}

async fn postgres(docker: &Docker, container: &Container) -> Result<Server> {
    const ASK: &str = "PGPASSWORD=\"$POSTGRES_PASSWORD\" exec psql -h 127.0.0.1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -XAtq -F ' ' \
        -c \"select split_part(current_setting('server_version'), ' ', 1), pg_database_size(current_database()), current_setting('data_directory')\" \
        -c \"select datname from pg_database where not datistemplate and datname not in ('postgres', current_database()) order by 1\"";
    let said = answer(docker, container, &["sh", "-c", ASK]).await?;
    let mut lines = said.lines();
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
    let others = lines.map(str::to_owned).collect();
    let (version, bytes, directory) = (words.next(), words.next(), words.next().unwrap_or_default());
    beside(container, "postgres", directory)?;
    let bytes = bytes.and_then(|bytes| bytes.parse().ok()).with_context(|| format!("postgres answered: {said}"))?;
    Ok(Server { version: version.unwrap_or_default().to_owned(), bytes, others })
}

async fn redis(docker: &Docker, container: &Container) -> Result<Server> {
    let said = answer(docker, container, &["redis-cli", "-e", "info"]).await?;
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let version = field("redis_version").with_context(|| format!("redis does not say its version: {said:.200}"))?;
    let bytes = field("used_memory").and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
    // A server without CONFIG (renamed) is believed.
    if let Ok(said) = answer(docker, container, &["redis-cli", "-e", "config", "get", "dir"]).await {
        beside(container, "redis", said.lines().nth(1).unwrap_or_default())?;
    }
    Ok(Server { version: version.to_owned(), bytes, others: Vec::new() })
}

async fn chroma(context: &Context, containers: &[Container]) -> Result<Place> {
    let place = place(context, containers, "chromadb").await?;
    let container = containers.iter().find(|container| container.service() == "chromadb" && container.runs());
    if let Some(container) = container {
        // What the server has open says where it writes, whatever its settings say.
        const OPEN: &str = "for f in /proc/[0-9]*/fd/*; do readlink \"$f\"; done 2>/dev/null | grep '/chroma\\.sqlite3$' | sort -u; test -s \"$0\"/chroma.sqlite3";
        let path = row("chromadb")?.volumes.first().map_or("", |volume| volume.path);
        let said = context.docker()?.exec(&container.id, &["/bin/bash", "-c", OPEN, path]).await?;
        for file in said.stdout.lines() {
            beside(container, "chromadb", file)?;
        }
        if !said.ok() {
            return Err(empty(&place.volume).into());
        }
    } else if place.direct.as_ref().is_some_and(|directory| !directory.join("chroma.sqlite3").is_file()) {
        return Err(empty(&place.volume).into());
    }
    Ok(place)
}

fn empty(volume: &str) -> Failure {
    Failure::new(Exit::Failed, format!("the volume {volume} of chromadb holds no chroma.sqlite3: its data is elsewhere"))
        .hint("an empty copy would look like a backup and be none; compare the compose file with the env file; or leave it out: --skip-chromadb")
}

async fn models(context: &Context, containers: &[Container]) -> Result<Place> {
    if context.stack.setting("TARS_LLM") != "container" {
        return Err(Failure::new(Exit::Usage, "--include-models: this stack keeps no models")
            .hint("they are where TARS_OLLAMA_URL points to; back them up there")
            .into());
    }
    place(context, containers, "ollama").await
}

/// Refuses a server that keeps its data outside its row's volume.
fn beside(container: &Container, name: &str, path: &str) -> Result<()> {
    let volume = row(name)?.volumes.first().context("a row without a volume")?;
    let mounts = container.mounts.iter().filter(|mount| {
        let below = path.strip_prefix(mount.destination.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    match mounts.max_by_key(|mount| mount.destination.len()) {
        Some(mount) if mount.destination == volume.path => Ok(()),
        _ => Err(Failure::new(Exit::Failed, format!("{} writes to {path}, beside its volume at {}", container.name, volume.path))
            .hint("that data goes with the container and no backup holds it; give the server back its directory, then: tars restart")
            .into()),
    }
}

async fn answer(docker: &Docker, container: &Container, command: &[&str]) -> Result<String> {
    let said = docker.exec(&container.id, command).await?;
    if said.ok() {
        return Ok(said.stdout);
    }
    let words = format!("{}{}", said.stdout.trim(), said.stderr.trim());
    Err(Failure::new(Exit::Failed, format!("{} does not answer", container.name))
        .hint("look at: tars status")
        .caused_by(anyhow!("{words}"))
        .into())
}

/// `chromadb/chroma:1.5.9` → `1.5.9`: its API answers 1.0.0 whatever it is.
fn version_of(image: &str) -> String {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.split(['-', '@']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chromas_version_is_its_images() {
        assert_eq!(version_of("tars-home/chroma:1.5.9-bookworm"), "1.5.9");
        assert_eq!(version_of("localhost:5000/chromadb/chroma:1.5.9"), "1.5.9");
    }
}
