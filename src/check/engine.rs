//! The Docker engine.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Engine, Facts, Installed, NotKnown, State};

/// The oldest engine that everything here was tried with.
const OLDEST: (u32, u32) = (20, 10);

pub(super) const INSTALLED: Check =
    Check { id: "engine.installed", title: "a Docker engine is installed", preflight: true, ask: installed };
pub(super) const SNAP: Check =
    Check { id: "engine.snap", title: "the engine is not snap's confined one", preflight: true, ask: snap };
pub(super) const PERMISSION: Check =
    Check { id: "engine.permission", title: "this user may use the engine", preflight: true, ask: permission };
pub(super) const RUNNING: Check =
    Check { id: "engine.running", title: "the engine runs and answers", preflight: true, ask: running };
pub(super) const VERSION: Check =
    Check { id: "engine.version", title: "the engine is new enough", preflight: true, ask: version };

const NONE: &str = "no engine is installed";

fn installed(facts: &Facts) -> Result<Answer, NotKnown> {
    if facts.engine.known()?.there() {
        return Ok(Answer::Well);
    }
    let hint = "let tars install it from the distribution's packages: sudo tars install";
    Ok(Finding::fail("Docker Engine", "no Docker engine is installed", hint).fix(Fix::InstallEngine).into())
}

fn snap(facts: &Facts) -> Result<Answer, NotKnown> {
    let engine = facts.engine.known()?;
    let change = "save the data in its volumes, then: sudo snap remove docker && sudo tars install";
    let confined =
        "snap's confinement hides /opt and /mnt from it, so that it can see neither the home nor the documents";
    let used = engine.answers().map(|engine| engine.root.contains("/var/snap/"));
    match used {
        Some(true) => {
            Ok(Finding::fail("snap docker", format!("the engine that answers is snap's: {confined}"), change).into())
        }
        None if engine.installed == [Installed::Snap] => {
            Ok(Finding::fail("snap docker", format!("the only engine here is snap's: {confined}"), change).into())
        }
        _ if engine.installed.contains(&Installed::Snap) => {
            let problem =
                "snap's engine is installed beside the distribution's: after a reboot either may own the socket";
            Ok(Finding::warn("snap docker", problem, "remove the one not in use: sudo snap remove docker").into())
        }
        _ if engine.there() => Ok(Answer::Well),
        _ => Ok(Answer::skipped(NONE)),
    }
}

fn permission(facts: &Facts) -> Result<Answer, NotKnown> {
    match &facts.engine.known()?.state {
        State::Answers(_) => Ok(Answer::Well),
        State::NotPermitted(why) => {
            let hint = "use sudo, or join its group: sudo usermod -aG docker \"$USER\"  (then log in again)";
            Ok(Finding::fail("Docker Engine", why, hint).into())
        }
        State::Remote(_) | State::Silent(_) => Ok(Answer::skipped("the engine does not answer")),
    }
}

fn running(facts: &Facts) -> Result<Answer, NotKnown> {
    let engine = facts.engine.known()?;
    match &engine.state {
        State::Answers(_) => Ok(Answer::Well),
        State::NotPermitted(_) => Ok(Answer::skipped("this user may not ask it: see engine.permission")),
        State::Remote(why) => {
            Ok(Finding::fail("DOCKER_HOST", why, "run: unset DOCKER_HOST  (or name a unix:// socket)").into())
        }
        State::Silent(_) if !engine.there() => Ok(Answer::skipped(NONE)),
        State::Silent(_) if engine.installed == [Installed::Snap] => {
            Ok(Answer::skipped("snap's engine is not used: see engine.snap"))
        }
        State::Silent(why) => Ok(silent(facts, engine, why)),
    }
}

fn silent(facts: &Facts, engine: &Engine, why: &str) -> Answer {
    let systemd = facts.host.known().is_ok_and(|host| host.systemd);
    let start = if systemd {
        "sudo systemctl start docker  (its log: journalctl -u docker)"
    } else {
        "sudo service docker start  (or dockerd itself)"
    };
    let what = engine.installed.iter().map(name).collect::<Vec<_>>().join(", ");
    Finding::fail("Docker Engine", format!("{why}, though {what} is installed"), format!("start it: {start}"))
        .fix(Fix::StartEngine)
        .into()
}

fn name(installed: &Installed) -> String {
    match installed {
        Installed::Package(name) => format!("the package {name}"),
        Installed::Snap => "snap's docker".to_owned(),
        Installed::Binary(path) => path.display().to_string(),
    }
}

fn version(facts: &Facts) -> Result<Answer, NotKnown> {
    let Some(engine) = facts.engine.known()?.answers() else {
        return Ok(Answer::skipped("the engine does not answer"));
    };
    let found = major_minor(&engine.version)
        .ok_or_else(|| NotKnown(format!("the engine's version \"{}\" is no version", engine.version)))?;
    if found >= OLDEST {
        return Ok(Answer::Well);
    }
    let problem =
        format!("the engine is version {}; the oldest that works is {}.{}", engine.version, OLDEST.0, OLDEST.1);
    Ok(Finding::fail(
        "Docker Engine",
        problem,
        "upgrade it: sudo apt-get update && sudo apt-get install --only-upgrade docker.io",
    )
    .into())
}

/// The first two numbers of a version: `20.10.24+dfsg1` is (20, 10).
pub(super) fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version
        .split('.')
        .map(|part| part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}
