//! The machine: its distribution, its processor, and the rights of this run.

use super::{Answer, Check, Finding};
use crate::facts::{Facts, Host, NotKnown, Written};

/// The distributions whose packages `tars install` knows, and has been tried on.
const SUPPORTED: [(&str, &str); 4] = [("ubuntu", "22.04"), ("ubuntu", "24.04"), ("debian", "12"), ("debian", "13")];

pub(super) const OS: Check =
    Check { id: "host.os", title: "this machine runs a supported distribution", preflight: true, ask: os };
pub(super) const ARCH: Check =
    Check { id: "host.arch", title: "this machine has an x86-64 processor", preflight: true, ask: arch };
pub(super) const RIGHTS: Check =
    Check { id: "host.rights", title: "this run has the rights that it needs", preflight: true, ask: rights };

fn os(facts: &Facts) -> Result<Answer, NotKnown> {
    let host = facts.host.known()?;
    if SUPPORTED.contains(&(host.os_id.as_str(), host.os_version.as_str())) {
        return Ok(Answer::Well);
    }
    let name = if host.os_name.is_empty() { "an unnamed system" } else { &host.os_name };
    let problem = format!("{name} is none of Ubuntu 22.04 and 24.04, Debian 12 and 13");
    if complete(facts)? {
        let hint = "nothing has to be installed here, so it may well work: look closely at the verdict";
        return Ok(Finding::warn(name, problem, hint).into());
    }
    let hint =
        "install Docker Engine 20.10 or newer and Docker Compose the way this system does it, then run this again";
    Ok(Finding::fail(name, problem + ", and the engine or compose would have to be installed", hint).into())
}

fn arch(facts: &Facts) -> Result<Answer, NotKnown> {
    let arch = &facts.host.known()?.arch;
    if arch == "x86_64" {
        return Ok(Answer::Well);
    }
    let problem = format!("the processor is {arch}; the images and this program are built for x86_64");
    Ok(Finding::fail(arch, problem, "use a machine with a 64-bit Intel or AMD processor").into())
}

fn rights(facts: &Facts) -> Result<Answer, NotKnown> {
    let host = facts.host.known()?;
    if host.root() {
        return Ok(Answer::Well);
    }
    if !complete(facts)? {
        return Ok(lacking(host, "may not install the engine or compose, or may not use the engine"));
    }
    let disk = facts.home_disk.known()?;
    if disk.write == Written::NotPermitted {
        return Ok(lacking(host, &format!("may not write to {}", disk.at.display())));
    }
    Ok(Answer::Well)
}

fn lacking(host: &Host, what: &str) -> Answer {
    let hint = if host.sudo {
        "run it with sudo: sudo tars install"
    } else {
        "there is no sudo here: log in as root and run it again"
    };
    Finding::fail(format!("user {}", host.uid), format!("user {} {what}", host.uid), hint).into()
}

/// Whether engine and compose are there and answer, so that no package has to be installed.
fn complete(facts: &Facts) -> Result<bool, NotKnown> {
    Ok(facts.engine.known()?.answers().is_some() && facts.compose.known()?.is_some())
}
