//! The published ports.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Env, Facts, Holder, NotKnown, Port};

pub(super) const CONFLICT: Check =
    Check { id: "port.conflict", title: "the published ports are free, or our own", preflight: true, ask: conflict };

fn conflict(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    let ports = facts.ports.known()?;
    let may_be_ours = |port: &&Port| match &port.holder {
        Holder::Unseen => true,
        Holder::Process { name, .. } => name == "docker-proxy" || name == "rootlesskit",
        _ => false,
    };
    if let (Err(why), Some(port)) = (facts.containers.known(), ports.iter().find(may_be_ours)) {
        return Err(NotKnown(format!(
            "port {} is taken, perhaps by our own stack, but the containers do not show: {why}",
            port.value
        )));
    }
    let others = ports.iter().filter(|port| !is_legacy(facts, port));
    Ok(others.filter_map(|port| finding(env, port)).collect::<Vec<_>>().into())
}

/// The old deployment gives its ports back when it is stopped: legacy.deployment says how.
fn is_legacy(facts: &Facts, port: &Port) -> bool {
    let Ok(Some(legacy)) = facts.legacy.known() else { return false };
    if !facts.env.known().is_ok_and(|env| super::legacy::clashes(legacy, env.project())) {
        // Another project of ours can stand beside the old deployment, but not on its ports.
        return false;
    }
    matches!(&port.holder, Holder::Container { name, .. } if legacy.containers.iter().any(|(old, _)| old == name))
}

fn finding(env: &Env, port: &Port) -> Option<Finding> {
    let Port { setting, value, address, .. } = port;
    let file = env.path.display();
    if port.port.is_none() {
        let problem = format!("{setting} is \"{value}\", which is no port");
        return Some(Finding::fail(setting, problem, format!("write a number from 1 to 65535 in {file}")));
    }
    let (who, stop) = holder(port)?;
    if port.holder == Holder::NoSuchAddress {
        let hint = format!("write an address of this machine, or 0.0.0.0 for all of them, as TARS_BIND in {file}");
        return Some(Finding::fail("TARS_BIND", format!("{address} is not an address of this machine"), hint));
    }
    let problem = format!("port {value} ({setting}) is taken by {who}");
    let other = port.next_free.map(|free| format!("set {setting}={free} in {file}"));
    let hint = [stop, other].into_iter().flatten().collect::<Vec<_>>().join(", or ");
    Some(match port.next_free {
        // The default was nobody's choice: another port does as well.
        Some(free) if !env.chosen(setting) => {
            Finding::warn(setting, problem, hint).fix(Fix::UsePort { setting: setting.clone(), port: free })
        }
        _ => Finding::fail(setting, problem, hint),
    })
}

/// Who has it, and how to make them let go; `None` when all is well.
fn holder(port: &Port) -> Option<(String, Option<String>)> {
    Some(match &port.holder {
        Holder::Nobody | Holder::Ours(_) => return None,
        Holder::Container { name, project } => {
            let of = if project.is_empty() { String::new() } else { format!(" of the project {project}") };
            (format!("the container {name}{of}"), Some(format!("stop it (docker stop {name})")))
        }
        Holder::Process { pid, name } => (format!("the process {name} ({pid})"), Some(format!("stop {name}"))),
        Holder::Unseen => {
            let look = format!("see who it is (sudo ss -ltnp 'sport = :{}')", port.value);
            ("a process that this user may not see".to_owned(), Some(look))
        }
        Holder::Setting(other) => (format!("{other} of this same stack"), None),
        Holder::NoSuchAddress => (String::new(), None),
    })
}
