//! Debian's and Ubuntu's packages: looked up, installed without questions, with patience for another apt.

use super::{child, program};
use crate::error::{Failure, with_sudo};
use crate::exit::Exit;
use crate::ui::Ui;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// How long another apt (unattended-upgrades on a fresh host) may hold the lock.
const PATIENCE: Duration = Duration::from_mins(15);

/// Where apt's own words go: it must come to its end even when nobody reads them any more. Each run has its own file,
/// for the apt of a killed run may still write; it goes when apt ended well.
fn log() -> PathBuf {
    format!("/var/log/tars-apt-{}.log", std::process::id()).into()
}

/// Installs what is missing of these packages, after refreshing the lists.
///
/// # Errors
/// Exit 77 where something is missing and this is not root, 69 on a system without apt, 1 when apt fails; its last words are the cause.
pub async fn ensure(ui: &Ui, packages: &[&str]) -> Result<()> {
    let mut missing = Vec::new();
    for package in packages {
        if !installed(package).await {
            missing.push(*package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    update(ui).await?;
    let mut args = vec!["install", "--yes", "--no-install-recommends"];
    args.extend(missing);
    run(ui, &args).await.with_context(|| format!("could not install {list}"))
}

/// Whether dpkg has a package installed.
pub async fn installed(package: &str) -> bool {
    let format = ["-W", "-f", "${db:Status-Status}", package];
    child::ask("dpkg-query", &format, Duration::from_secs(10)).await.is_ok_and(|status| status == "installed")
}

/// Whether the package sources offer a package, as far as the lists are fresh.
pub async fn offered(package: &str) -> bool {
    let said = child::ask("apt-cache", &["policy", package], Duration::from_secs(20)).await.unwrap_or_default();
    said.lines().any(|line| line.trim().strip_prefix("Candidate: ").is_some_and(|version| version != "(none)"))
}

/// Refreshes the package lists.
///
/// # Errors
/// As [`ensure`].
pub async fn update(ui: &Ui) -> Result<()> {
    run(ui, &["update"]).await.context("could not refresh the package lists")
}

/// What the base image's script needs on the host.
#[must_use]
pub fn bootstrap_packages() -> [&'static str; 2] {
    ["debootstrap", "debian-archive-keyring"]
}

async fn run(ui: &Ui, args: &[&str]) -> Result<()> {
    if !crate::context::is_root() {
        return Err(Failure::new(Exit::NotPermitted, format!("apt-get {} needs root", args.join(" ")))
            .hint(format!("run: {}", with_sudo()))
            .into());
    }
    let program = program::here("apt-get").ok_or_else(|| {
        Failure::new(Exit::Unavailable, "this system has no apt-get")
            .hint("install Docker and compose by your system's own means, then run this again")
    })?;
    let (begun, log) = (Instant::now(), log());
    let (mut told, mut mended) = (false, false);
    loop {
        let mut command = Command::new(&program);
        command
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("NEEDRESTART_SUSPEND", "1")
            .env("LC_ALL", "C.UTF-8");
        let mut bar = ui.bar(&format!("apt-get {}", args[0]));
        let ended = child::run_to_its_end(command, &log, |line| bar.words(line)).await?;
        let locked = ended.tail.contains("Could not get lock")
            || ended.tail.contains("Unable to acquire the dpkg frontend lock");
        if ended.tail.contains("dpkg was interrupted") && !mended {
            ui.say("  an earlier installation was interrupted: dpkg --configure -a");
            mended = true;
            let mut command = Command::new("dpkg");
            command.args(["--configure", "-a"]).env("DEBIAN_FRONTEND", "noninteractive");
            child::run_to_its_end(command, &log, |line| bar.words(line)).await?;
            continue;
        }
        match (ended.ok(), locked && begun.elapsed() < PATIENCE) {
            (true, _) => {
                std::fs::remove_file(&log).ok();
                return Ok(());
            }
            (false, true) => {
                if !told {
                    ui.say(&format!("  waiting for another package manager: {}", holder(&ended.tail)));
                    told = true;
                }
                a_while().await;
            }
            (false, false) => {
                return Err(Failure::new(Exit::Failed, format!("apt-get {} did not succeed", args[0]))
                    .hint(format!(
                        "its whole output is in {}; when it is mended, run the same command again",
                        log.display()
                    ))
                    .caused_by(ended.error(&format!("apt-get {}", args[0])))
                    .into());
            }
        }
    }
}

/// apt's own sentence: `It is held by process 123 (unattended-upgr)`.
fn holder(tail: &str) -> String {
    let sentence = tail.split("It is held by ").nth(1).and_then(|rest| rest.lines().next());
    sentence.unwrap_or("it holds apt's lock").to_owned()
}

/// apt offers no way to await its lock for the lists, so it is asked again once a second.
async fn a_while() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Where Debian's packages come from.
#[derive(Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The archive.
    pub main: String,
    /// The security archive.
    pub security: String,
}

/// `TARS_MIRROR`, else the mirror that a Debian host itself uses, else Debian's own.
#[must_use]
pub fn debian_mirror() -> Mirror {
    let mut sources = String::new();
    let files = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    for file in files.chain(["/etc/apt/sources.list".into()]) {
        sources.push_str(&std::fs::read_to_string(file).unwrap_or_default());
        sources.push('\n');
    }
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = mirror_in(&sources);
    Mirror {
        main: named("TARS_MIRROR").unwrap_or(found.main),
        security: named("TARS_SECURITY_MIRROR").unwrap_or(found.security),
    }
}

fn mirror_in(sources: &str) -> Mirror {
    let uris = sources
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        .map(|uri| uri.trim_end_matches('/'));
    let ending = |suffix: &str| {
        let own = uris.clone().find(|uri| uri.ends_with(suffix)).map(str::to_owned);
        own.unwrap_or_else(|| format!("http://deb.debian.org{suffix}"))
    };
    Mirror { main: ending("/debian"), security: ending("/debian-security") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_mirror_is_used() {
        let old = "# deb http://no.example/debian x\ndeb [signed-by=/k] http://near.example/debian/ bookworm main\n";
        assert_eq!(mirror_in(old).main, "http://near.example/debian");
        let new = "Types: deb\nURIs: https://near.example/debian-security\nSuites: x\n";
        assert_eq!(mirror_in(new).security, "https://near.example/debian-security");
        let ubuntu = "deb http://archive.ubuntu.com/ubuntu noble main\n";
        assert_eq!(mirror_in(ubuntu).main, "http://deb.debian.org/debian");
    }

    #[test]
    fn the_lock_holder_is_named() {
        let tail =
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 77 (unattended-upgr)\nE: x";
        assert_eq!(holder(tail), "process 77 (unattended-upgr)");
    }
}
