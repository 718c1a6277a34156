//! The GPU, as far as containers are concerned. Only a throw-away container that started with it proves anything.

use super::{apt, child, program};
use crate::context::Context;
use crate::docker::HelperSpec;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::Result;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Whether a driver for an NVIDIA GPU is loaded.
#[must_use]
pub fn driver_loaded() -> bool {
    Path::new("/proc/driver/nvidia/version").exists()
}

/// Whether a container really gets the GPU: starts one from `image` (any that is there) with every GPU asked for.
///
/// # Errors
/// When the engine goes away. "It did not start" is the answer `Err(why)` inside, not an error.
pub async fn reaches_containers(context: &Context, image: &str) -> Result<std::result::Result<(), String>> {
    if !driver_loaded() {
        return Ok(Err("no NVIDIA driver is loaded".to_owned()));
    }
    let docker = context.docker()?;
    let spec = HelperSpec {
        image: image.to_owned(),
        command: vec!["/tars".into(), "--version".into()],
        gpu: true,
        run: context.run.clone(),
        home: context.stack.home.path().display().to_string(),
        ..HelperSpec::default()
    };
    Ok(match docker.run_once(&spec, |_| {}).await {
        Ok((0, _)) => Ok(()),
        Ok((code, tail)) => Err(format!("a container with the GPU ended with status {code}: {tail}")),
        Err(error) => Err(format!("{error:#}")),
    })
}

/// Installs NVIDIA's container toolkit where a package source offers it, and tells the engine about it.
///
/// # Errors
/// When it cannot be had: the hint names NVIDIA's repository, which is the operator's to trust.
pub async fn install_toolkit(context: &mut Context) -> Result<()> {
    if program::here("nvidia-ctk").is_none() {
        apt::update(&context.ui).await?;
        if !apt::offered("nvidia-container-toolkit").await {
            return Err(Failure::new(Exit::Failed, "no package source of this system offers nvidia-container-toolkit")
                .hint("add NVIDIA's repository (docs/INSTALL_HOME.md, \"GPU\"), then run the same command again")
                .into());
        }
        apt::ensure(&context.ui, &["nvidia-container-toolkit"]).await?;
    }
    let mut command = Command::new("nvidia-ctk");
    command.args(["runtime", "configure", "--runtime=docker"]);
    let ended = child::run(command, Stdio::null(), |_| {}).await?;
    if !ended.ok() {
        return Err(ended.error("nvidia-ctk runtime configure"));
    }
    restart_engine(context).await
}

/// The engine reads its runtimes at start only. Containers with a restart policy come back by themselves.
async fn restart_engine(context: &mut Context) -> Result<()> {
    let (program, args) = if super::engine::has_systemd() {
        ("systemctl", ["restart", "docker"])
    } else {
        ("service", ["docker", "restart"])
    };
    let mut command = Command::new(program);
    command.args(args);
    let ended = child::run(command, Stdio::null(), |_| {}).await?;
    // Whoever started it by hand is not known here: then this start finds the way.
    if !ended.ok() {
        context.ui.detail(&ended.tail);
    }
    super::engine::start(context).await.map(|_| ())
}
