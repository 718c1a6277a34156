//! Mounting a share and taking it away again, in the order that leaves nothing half-done: first everything that only asks.

use super::credentials::{self, Credentials};
use super::login::{Login, login};
use super::reach::{Reach, reach};
use super::seen::{Seen, seen};
use super::{DOCUMENTS, Kind, Share, fstab, kernel, table};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::journal::{Goal, Journal};
use crate::operate::lock::Lock;
use crate::operate::{apt, child, lifecycle, program, settings, wait};
use crate::stack::service;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// What a server may take until a share is mounted; the kernel gives up later.
const MOUNT_WITHIN: Duration = Duration::from_secs(45);
/// How long listing the share's top folder may take.
const LIST_WITHIN: Duration = Duration::from_secs(10);
/// The backend answers requests to their end.
const GRACE_S: i32 = 20;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// It was mounted as it should be before.
    pub already: bool,
    /// The copy of the table that was kept.
    pub copy: Option<PathBuf>,
    /// Entries of its top folder.
    pub entries: usize,
    /// The backend was restarted so that it sees the share.
    pub restarted: bool,
    /// What the operator should know.
    pub notes: Vec<String>,
}

/// Asks name, port and login, in this order; changes nothing. `None` where the server knows no login.
///
/// # Errors
/// Exit 69 when the server cannot be reached, 1 when it refuses: each says which.
pub async fn ask(context: &Context, share: &Share, words: Option<&Credentials>) -> Result<Login> {
    share.check()?;
    let reached = reach(&share.host, share.kind.port()).await;
    if let Some((problem, hint)) = reached.trouble(&share.host, share.kind) {
        let exit = if reached == Reach::Refused { Exit::Failed } else { Exit::Unavailable };
        return Err(Failure::new(exit, problem).hint(hint).into());
    }
    let Some(words) = words.filter(|_| share.kind == Kind::Cifs) else {
        return Ok(login(share, Path::new("")).await);
    };
    if program::here("smbclient").is_none()
        && let Err(error) = apt::ensure(&context.ui, &["smbclient"]).await
    {
        return Ok(Login::NotTried(format!("smbclient cannot be had: {error:#}")));
    }
    let file = words.for_a_try(&context.stack.home)?;
    let answer = login(share, file.path()).await;
    match answer.trouble(share) {
        Some((problem, hint)) => Err(Failure::new(Exit::Failed, problem).hint(hint).into()),
        None => Ok(answer),
    }
}

/// Mounts a share and has it come back after a reboot. A password that changed replaces the old one, and the share is
/// mounted anew with it.
///
/// # Errors
/// What [`ask`] says; exit 69 where the kernel cannot mount such a share; what `mount` says. Then nothing stays behind.
pub async fn mount(context: &mut Context, lock: &Lock, share: &Share, words: Option<&Credentials>) -> Result<Done> {
    let login = ask(context, share, words).await?;
    kernel::need(share.kind).await?;
    let (helper, package) = share.kind.helper();
    if program::here(helper).is_none() {
        apt::ensure(&context.ui, &[package]).await?;
    }
    let mut done = Done::default();
    if let Login::NotTried(why) = login
        && share.kind == Kind::Cifs
    {
        done.notes.push(format!("the login was not tried beforehand: {why}"));
    }
    let file = credentials::file(&context.stack.home, &share.name);
    let before = std::fs::read(&file).ok();
    let changed = match words {
        Some(words) => words.keep(&context.stack.home, share)?,
        None => false,
    };
    let mounted = mounted(&share.mount_point)?;
    let right = mounted.as_ref().is_some_and(|mount| is_of(mount, share)) && !changed;
    if right {
        done.already = true;
    } else {
        if let Some(mount) = &mounted {
            if !is_of(mount, share) && mount.source != share.source() {
                restore(&file, before.as_deref());
                return Err(taken(share, mount).into());
            }
            unmount_at(&share.mount_point).await?;
        }
        if let Err(error) = mount_now(share, &file).await {
            restore(&file, before.as_deref());
            if mounted.is_some() {
                // What was there before was good enough until now.
                mount_now(share, &file).await.ok();
            }
            return Err(error);
        }
    }
    done.entries = list(&share.mount_point).await?;
    let line = fstab::line(share, &file);
    done.copy = fstab::write(Path::new(fstab::FILE), context.stack.project(), share, Some(&line))?;
    super::remember(&context.stack.home, share)?;
    settle(context, lock, share, true, &mut done).await?;
    Ok(done)
}

/// Takes a share away: the mount, its line, its credentials.
///
/// # Errors
/// When it cannot be unmounted, or a file cannot be written.
pub async fn unmount(context: &mut Context, lock: &Lock, share: &Share) -> Result<Done> {
    let (taken_off, copy) = take_off(context.stack.project(), share).await?;
    let mut done = Done { already: !taken_off, copy, ..Done::default() };
    let file = credentials::file(&context.stack.home, &share.name);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("could not remove {}", file.display()));
        }
        _ => {}
    }
    super::forget(&context.stack.home, &share.name)?;
    settle(context, lock, share, false, &mut done).await?;
    Ok(done)
}

/// Takes the mount and its line off this machine: whether it was mounted, and the copy of the table that was kept.
///
/// # Errors
/// When it cannot be unmounted, or the table cannot be written.
pub async fn take_off(project: &str, share: &Share) -> Result<(bool, Option<PathBuf>)> {
    let there = mounted(&share.mount_point)?.is_some_and(|mount| is_of(&mount, share));
    if there {
        unmount_at(&share.mount_point).await?;
    }
    Ok((there, fstab::write(Path::new(fstab::FILE), project, share, None)?))
}

/// The settings name the documents' share, and the backend sees it.
async fn settle(context: &mut Context, lock: &Lock, share: &Share, there: bool, done: &mut Done) -> Result<()> {
    if share.name == DOCUMENTS {
        let env = super::in_settings(context.stack.need_env()?, there.then_some(share));
        settings::write_env(&context.stack.home, &env)?;
        context.reread();
    }
    done.restarted = show_backend(context, lock, share).await?;
    Ok(())
}

/// A container that still has the folder from before is started anew: only then does it get the new one.
async fn show_backend(context: &Context, _lock: &Lock, share: &Share) -> Result<bool> {
    let Ok(docker) = context.docker() else { return Ok(false) };
    let containers = lifecycle::containers(docker, &context.stack).await?;
    let backend = containers.iter().find(|container| container.service() == "backend");
    let docs = PathBuf::from(context.stack.setting("TARS_DOCS_DIR"));
    let Some(backend) = backend.filter(|_| seen(Path::new("/"), &docs, &share.mount_point, backend) == Seen::Other)
    else {
        return Ok(false);
    };
    let row = service::named("backend").context("no backend row")?;
    let ran = lifecycle::running(docker, &context.stack).await?;
    let mut journal = Journal::open(&context.stack.home, &context.run, "nas", Goal::Running(ran))?;
    context.ui.say("restarting the backend, so that it sees the share …");
    journal.step("stop")?;
    docker.stop(&backend.id, GRACE_S).await?;
    journal.step("start")?;
    docker.start(&backend.id).await?;
    wait::for_container(docker, &backend.name, row, wait::deadline(&context.stack)).await?;
    wait::for_api(&context.stack).await?;
    journal.close()?;
    Ok(true)
}

/// What is mounted at a place now.
fn mounted(place: &Path) -> Result<Option<table::Mount>> {
    let list = std::fs::read_to_string("/proc/self/mountinfo").context("could not read the list of mounts")?;
    Ok(table::at(&list, place))
}

/// Whether a mount is this share, with the access that is asked for.
#[must_use]
pub fn is_of(mount: &table::Mount, share: &Share) -> bool {
    let kind = match share.kind {
        Kind::Cifs => matches!(mount.kind.as_str(), "cifs" | "smb3"),
        Kind::Nfs => matches!(mount.kind.as_str(), "nfs" | "nfs4"),
    };
    let plain = |source: &str| source.trim_end_matches('/').to_ascii_lowercase();
    kind && plain(&mount.source) == plain(&share.source()) && mount.read_write == share.read_write
}

fn taken(share: &Share, mount: &table::Mount) -> Failure {
    let what = format!("{} is taken: {} ({}) is mounted there", share.mount_point.display(), mount.source, mount.kind);
    Failure::new(Exit::Failed, what).hint("unmount that first, or choose another place: --mount-point DIR")
}

/// What a failed try wrote goes; what was there before comes back.
fn restore(file: &Path, before: Option<&[u8]>) {
    // The error that led here is the one that counts.
    let _ = match before {
        Some(bytes) => crate::stack::state::write(file, 0o600, bytes),
        None => std::fs::remove_file(file).map_err(Into::into),
    };
}

async fn mount_now(share: &Share, file: &Path) -> Result<()> {
    let place = &share.mount_point;
    let made = !place.exists();
    std::fs::create_dir_all(place).with_context(|| format!("could not make {}", place.display()))?;
    let mut command = Command::new(program::here("mount").context("mount is not installed")?);
    command
        .args(["-t", share.kind.name(), &share.source()])
        .arg(place)
        .args(["-o", &share.options(file)])
        .env("LC_ALL", "C");
    let ended = tokio::time::timeout(MOUNT_WITHIN, child::run(command, Stdio::null(), |_| {})).await;
    let refused = match ended {
        Ok(Ok(ended)) if ended.ok() => return Ok(()),
        Ok(Ok(ended)) => refusal(share, &ended.tail).caused_by(ended.error("mount")),
        Ok(Err(error)) => Failure::new(Exit::Failed, "mount could not be run").caused_by(error),
        Err(_) => {
            let what = format!("{} was not mounted within {} s", share.source(), MOUNT_WITHIN.as_secs());
            Failure::new(Exit::Unavailable, what)
                .hint("see whether the NAS is busy or asleep, then run the same command again")
        }
    };
    if made {
        // Only if it is still empty.
        let _ = std::fs::remove_dir(place);
    }
    Err(refused.into())
}

/// `mount`'s words in ours: `mount error(13): Permission denied`, `mount.nfs: access denied by server …`.
fn refusal(share: &Share, said: &str) -> Failure {
    let has = |word: &str| said.contains(word);
    let source = share.source();
    if has("error(13)") || has("ermission denied") || has("access denied") {
        let hint = match share.kind {
            Kind::Cifs => "check user and password: name a file with the right ones after --credentials",
            Kind::Nfs => "let this machine's address in, in the NAS' list of NFS clients",
        };
        return Failure::new(Exit::Failed, format!("the NAS refuses {source}")).hint(hint);
    }
    if has("error(2)") || has("No such file or directory") {
        return Failure::new(Exit::Failed, format!("the NAS has no {source}"))
            .hint("name the share as the NAS does: --share NAME");
    }
    if has("unknown filesystem type") || has("error(19)") || has("No such device") {
        let what = format!("this kernel cannot mount {}", share.kind.name().to_uppercase());
        return Failure::new(Exit::Unavailable, what)
            .hint("install the kernel's extra modules, or mount the share on the host");
    }
    Failure::new(Exit::Failed, format!("{source} could not be mounted"))
        .hint("see the kernel's words: sudo dmesg | tail")
}

/// Unmounts; what is in use goes as soon as nobody uses it any more.
async fn unmount_at(place: &Path) -> Result<()> {
    let at = place.to_string_lossy();
    if child::ask("umount", &[&at], MOUNT_WITHIN).await.is_ok() {
        return Ok(());
    }
    child::ask("umount", &["-l", &at], MOUNT_WITHIN).await.map(|_| ()).map_err(|error| {
        Failure::new(Exit::Failed, format!("{at} cannot be unmounted"))
            .hint("see who uses it: sudo fuser -vm DIR")
            .caused_by(error)
            .into()
    })
}

/// How many entries the top folder has: the share is there only once it can be read.
async fn list(place: &Path) -> Result<usize> {
    let dir = place.to_owned();
    let listed = tokio::task::spawn_blocking(move || std::fs::read_dir(dir).map(Iterator::count));
    let listed = tokio::time::timeout(LIST_WITHIN, listed).await.with_context(|| {
        format!("{} is mounted and its folder does not answer within {} s", place.display(), LIST_WITHIN.as_secs())
    })??;
    listed.with_context(|| format!("{} is mounted and cannot be read", place.display()))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn mounts_own_words_become_ours() {
        let said = |text: &str| refusal(&example(Kind::Cifs), text).message;
        assert!(said("mount error(13): Permission denied").contains("refuses //nas.lan/my docs"));
        assert!(said("mount error(2): No such file or directory").contains("has no //nas.lan"));
        assert!(said("mount: /mnt: unknown filesystem type 'cifs'.").contains("kernel cannot mount CIFS"));
        assert!(refusal(&example(Kind::Nfs), "access denied by server").hint.unwrap().contains("address"));
    }

    #[test]
    fn a_mount_is_of_a_share_with_the_same_source_and_access() {
        let mount = table::Mount {
            at: "/mnt/llm_docs".into(),
            device: "0:52".into(),
            kind: "cifs".into(),
            source: "//NAS.lan/my docs/".into(),
            read_write: false,
        };
        assert!(is_of(&mount, &example(Kind::Cifs)));
        assert!(!is_of(&mount, &Share { read_write: true, ..example(Kind::Cifs) }));
        assert!(!is_of(&mount, &example(Kind::Nfs)));
    }
}
