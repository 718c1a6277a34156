//! The published ports.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Env, Facts, Holder, NotKnown, Port};
use std::net::{IpAddr, Ipv4Addr};

pub(super) const CONFLICT: Check =
    Check { id: "port.conflict", title: "the published ports are free, or our own", preflight: true, ask: conflict };

pub(super) const EXPOSED: Check = Check {
    id: "port.exposed",
    title: "only the API is published, and not to the Internet",
    preflight: false,
    ask: exposed,
};

/// What is really bound, as the engine says: not what the settings ask for.
fn exposed(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    let public = &facts.network.known()?.public;
    let mut found = Vec::new();
    for container in facts.containers.known()?.iter().filter(|container| container.runs()) {
        for port in &container.ports {
            let address = port.address.parse::<IpAddr>().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            let service = container.service();
            if service == "backend" || service == "frontend" {
                found.extend(reachable(env, address, port.host, public));
            } else if !address.is_loopback() {
                let problem = format!(
                    "{service} is published at {}:{}: whoever reaches this machine reaches its data past the API, and Docker's ports pass the firewall",
                    port.address, port.host
                );
                let hint = "take it out of your own compose file, or use the shipped way, which binds 127.0.0.1 (TARS_PORT_… in the env file); then: sudo tars restart";
                found.push(Finding::fail(service, problem, hint).of(service));
            }
        }
    }
    Ok(found.into())
}

/// The API at an address that the whole Internet has a way to.
fn reachable(env: &Env, bound: IpAddr, port: u16, public: &[IpAddr]) -> Option<Finding> {
    let meets =
        |address: &&IpAddr| **address == bound || (bound.is_unspecified() && bound.is_ipv4() == address.is_ipv4());
    let address = public.iter().find(meets)?;
    let at = if address.is_ipv6() { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
    let problem =
        format!("the API is reachable from the Internet at {at}, without TLS, and Docker's ports pass the firewall");
    let hint = format!(
        "name a private address as TARS_BIND in {} (127.0.0.1 behind a proxy), then: sudo tars restart",
        env.path.display()
    );
    Some(Finding::warn(at, problem, hint))
}

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
    Some(
        match port.next_free {
            // The default was nobody's choice: another port does as well.
            Some(free) if !env.chosen(setting) => {
                Finding::warn(setting, problem, hint).fix(Fix::UsePort { setting: setting.clone(), port: free })
            }
            _ => Finding::fail(setting, problem, hint),
        }
        .of(service_of(setting)),
    )
}

/// Whose port a setting publishes.
fn service_of(setting: &str) -> &'static str {
    crate::stack::service::ALL
        .iter()
        .find(|service| service.port_setting == setting)
        .map_or("backend", |service| service.name)
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
