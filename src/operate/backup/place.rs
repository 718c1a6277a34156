//! Where a volume's files are read: straight from the host's disk when this process may, else through a helper
//! container that is made for that, mounts the volume read-only and never runs.

use crate::context::Context;
use crate::docker::{Container, HelperSpec, Mount};
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::service::{Service, Volume};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// Where a helper sees the volume.
const INSIDE: &str = "/tars-backup-source";

/// One volume to be read.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub volume: String,
    /// Its directory on this machine, where this process may read it.
    pub direct: Option<PathBuf>,
    /// Any image that the engine has, for the helper.
    image: String,
}

/// The volume's content, ready to be read.
#[derive(Debug)]
pub enum Opened {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A container and a path for the engine's archive endpoint.
    Helper(String, &'static str),
}

impl Place {
    /// The live volume of a service's row.
    ///
    /// # Errors
    /// When it does not exist, or the service's container keeps its data somewhere else.
    pub async fn of(
        context: &Context,
        service: &Service,
        volume: &Volume,
        container: Option<&Container>,
    ) -> Result<Self> {
        let docker = context.docker()?;
        let name = context.stack.setting(volume.setting);
        let Some(there) = docker.volume(name).await? else {
            return Err(Failure::new(Exit::Failed, format!("the volume {name} of {} does not exist", service.name))
                .hint(format!("docker volume ls shows what there is; {} in the env file names it", volume.setting))
                .into());
        };
        if let Some(container) = container {
            mounted(container, &there.name, volume)?;
        }
        let image = container.map_or_else(|| context.stack.setting(service.image_setting), |c| &c.image_id);
        Ok(Self { volume: there.name, direct: readable(Path::new(&there.mountpoint)), image: image.to_owned() })
    }

    /// Gets it ready. A helper carries the run's label and goes with [`Place::close`] or the sweep.
    ///
    /// # Errors
    /// When the engine cannot make the helper.
    pub async fn open(&self, context: &Context) -> Result<Opened> {
        if let Some(directory) = &self.direct {
            return Ok(Opened::Directory(directory.clone()));
        }
        let spec = HelperSpec {
            image: self.image.clone(),
            command: vec!["/never-run".to_owned()],
            network: "none".to_owned(),
            binds: vec![format!("{}:{INSIDE}:ro", self.volume)],
            run: context.run.clone(),
            home: context.stack.home.path().display().to_string(),
            ..HelperSpec::default()
        };
        let id = context.docker()?.create_helper(&spec).await;
        Ok(Opened::Helper(id.with_context(|| format!("could not reach the files of {}", self.volume))?, INSIDE))
    }

    /// Removes the helper.
    ///
    /// # Errors
    /// When the engine cannot.
    pub async fn close(context: &Context, opened: Opened) -> Result<()> {
        match opened {
            Opened::Directory(_) => Ok(()),
            Opened::Helper(id, _) => context.docker()?.remove(&id).await,
        }
    }

    /// How many bytes its files have.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn bytes(&self, context: &Context) -> Result<u64> {
        let Some(directory) = self.direct.clone() else { return self.asked_bytes(context).await };
        tokio::task::spawn_blocking(move || bytes_below(&directory)).await?
    }

    /// The images of the stores hold `du`; the backend's, which holds nothing, has its volume counted by Postgres'.
    async fn asked_bytes(&self, context: &Context) -> Result<u64> {
        let spec = HelperSpec {
            image: context.stack.setting("TARS_IMAGE_POSTGRES").to_owned(),
            command: ["du", "-sk", INSIDE].map(str::to_owned).to_vec(),
            user: "0".to_owned(),
            network: "none".to_owned(),
            binds: vec![format!("{}:{INSIDE}:ro", self.volume)],
            run: context.run.clone(),
            home: context.stack.home.path().display().to_string(),
            ..HelperSpec::default()
        };
        let (code, said) = context.docker()?.run_once(&spec, |_| {}).await?;
        let kib = said.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).filter(|_| code == 0);
        Ok(kib.with_context(|| format!("du in a helper said: {said}"))? * 1024)
    }
}

/// A server that was given another directory, or another volume, writes where nobody looks.
fn mounted(container: &Container, name: &str, volume: &Volume) -> Result<()> {
    let at = |mount: &&Mount| mount.destination == volume.path;
    let problem = match container.mounts.iter().find(at) {
        Some(mount) if mount.volume == name => return Ok(()),
        Some(mount) => {
            let other = if mount.volume.is_empty() { &mount.source } else { &mount.volume };
            format!("{} has {other} at {}, not {name} as {} says", container.name, volume.path, volume.setting)
        }
        None => format!("{} does not mount {name} at {}: its data is elsewhere", container.name, volume.path),
    };
    Err(Failure::new(Exit::Failed, problem)
        .hint("compare the compose file with the env file, then: tars restart; nothing was backed up")
        .into())
}

fn readable(directory: &Path) -> Option<PathBuf> {
    std::fs::read_dir(directory).ok().map(|_| directory.to_owned())
}

/// Links are not followed: what they point to is not the volume's.
fn bytes_below(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    let entries = std::fs::read_dir(directory).with_context(|| format!("could not list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let meta = match entry.metadata() {
            // The server works on: a file may go while it is being looked at.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            meta => meta?,
        };
        sum += if meta.is_dir() { bytes_below(&entry.path())? } else { meta.len() };
    }
    Ok(sum)
}
