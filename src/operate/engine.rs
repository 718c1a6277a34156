//! Docker itself: installed where missing, started with whatever this system starts things with.

use super::{apt, child, program};
use crate::context::Context;
use crate::error::{Failure, exit_of};
use crate::exit::Exit;
use crate::ui::Ui;
use anyhow::{Result, anyhow};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Whether systemd runs this system.
#[must_use]
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether an engine's program is installed.
#[must_use]
pub fn is_installed() -> bool {
    program::here("dockerd").is_some()
}

/// Installs the engine from the distribution's packages.
///
/// # Errors
/// As [`apt::ensure`].
pub async fn install(ui: &Ui) -> Result<()> {
    let mut packages = vec!["docker.io", "ca-certificates", "iptables"];
    // A kernel with AppArmor makes the engine ask for its parser, which docker.io only recommends.
    if std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|on| on.trim() == "Y") {
        packages.push("apparmor");
    }
    apt::ensure(ui, &packages).await?;
    if program::here("docker").is_none() {
        // Debian 13 splits the client off.
        apt::ensure(ui, &["docker-cli"]).await?;
    }
    Ok(())
}

/// Installs compose: the plugin that fits the installed engine, else Debian 12's 1.29.
///
/// # Errors
/// As [`apt::ensure`], or when no package source has any.
pub async fn install_compose(ui: &Ui) -> Result<()> {
    apt::update(ui).await?;
    let docker_ce = apt::installed("docker-ce").await;
    let names =
        if docker_ce { ["docker-compose-plugin", "docker-compose"] } else { ["docker-compose-v2", "docker-compose"] };
    for name in names {
        if apt::offered(name).await {
            return apt::ensure(ui, &[name]).await;
        }
    }
    Err(Failure::new(Exit::Failed, "no package source of this system offers docker compose")
        .hint("on Ubuntu enable universe: sudo add-apt-repository universe; then run the same command again")
        .into())
}

/// Starts an installed engine and waits until it answers: systemd, else the init script, else the daemon itself.
///
/// # Errors
/// When it does not answer within a minute; the cause is what the last attempt said.
pub async fn start(context: &mut Context) -> Result<&'static str> {
    let mut said = anyhow!("no way to start it was found");
    for (how, program, args) in ways() {
        if program::here(program).is_none() {
            continue;
        }
        let mut command = Command::new(program);
        command.args(args);
        match child::run(command, Stdio::null(), |line| context.ui.detail(line)).await {
            Ok(ended) if !ended.ok() => said = ended.error(how),
            Ok(_) => {}
            Err(error) => said = error,
        }
        if answers(context, Duration::from_secs(20)).await {
            return Ok(how);
        }
    }
    Err(Failure::new(Exit::Unavailable, "the Docker engine is installed but does not start")
        .hint("look at its log: journalctl -u docker, or /var/log/dockerd.log; then run the same command again")
        .caused_by(said)
        .into())
}

fn ways() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let mut ways = Vec::new();
    if has_systemd() {
        ways.push(("systemd", "systemctl", vec!["enable", "--now", "docker"]));
    }
    if has_systemd() {
        // A daemon started by hand would fight the unit, and be gone after a reboot.
        return ways;
    }
    if Path::new("/etc/init.d/docker").exists() {
        ways.push(("the init script", "service", vec!["docker", "start"]));
    }
    // A session of its own and no descriptor of ours: it must outlive this run and not hold its lock.
    ways.push((
        "dockerd itself",
        "setsid",
        vec!["--fork", "sh", "-c", "exec dockerd >>/var/log/dockerd.log 2>&1 </dev/null"],
    ));
    ways
}

async fn answers(context: &mut Context, within: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match context.reconnect().await {
            Ok(()) => return true,
            Err(error) if exit_of(&error) == Exit::NotPermitted || begun.elapsed() > within => return false,
            // The socket appears when the daemon is ready; there is nothing to subscribe to before.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
