//! The ports that the settings would publish: free, or whose; and the next free one.

use super::containers::ours;
use super::env::Env;
use super::listeners::{self, Listener};
use crate::docker::Container;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;

/// One port that the settings publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The setting (`TARS_PORT_API`).
    pub setting: String,
    /// Its value.
    pub value: String,
    /// The port, when the value is one.
    pub port: Option<u16>,
    /// The address it would be bound to.
    pub address: String,
    /// Who has it.
    pub holder: Holder,
    /// The next port up that nobody has and no other setting asks for.
    pub next_free: Option<u16>,
}

/// Who has a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// It is free.
    Nobody,
    /// Our own stack's container of this name.
    Ours(String),
    /// Another container.
    Container {
        /// Its name.
        name: String,
        /// Its compose project; empty when it has none.
        project: String,
    },
    /// A process of this machine.
    Process {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// Somebody whom this user may not see.
    Unseen,
    /// Another setting of ours asks for the same one.
    Setting(String),
    /// The address in `TARS_BIND` is none of this machine's.
    NoSuchAddress,
}

/// Looks at every published port. Without a list of containers a port of theirs shows as its process, or unseen.
pub(super) fn look(root: &Path, env: &Env, containers: &[Container]) -> Result<Vec<Port>> {
    let listeners = listeners::all(root)?;
    let seen = Seen { root, containers, listeners: &listeners, project: env.project() };
    let mut ports: Vec<Port> = Vec::new();
    for (setting, address) in published(env) {
        let value = env.get(setting).to_owned();
        let port = value.parse().ok().filter(|port| *port != 0);
        let twin = ports.iter().find(|other| port.is_some() && other.port == port).map(|other| other.setting.clone());
        let holder = match (port, twin) {
            (_, Some(other)) => Holder::Setting(other),
            (Some(port), None) => seen.holder(port, &address),
            (None, None) => Holder::Nobody,
        };
        ports.push(Port { setting: setting.to_owned(), value, port, address, holder, next_free: None });
    }
    let wanted: Vec<_> = ports.iter().filter_map(|port| port.port).collect();
    for port in &mut ports {
        port.next_free = port.port.and_then(|taken| seen.next_free(taken, &port.address, &wanted));
    }
    Ok(ports)
}

/// Who has one port of the loopback address.
pub(super) fn holder_on_loopback(root: &Path, port: u16, project: &str, containers: &[Container]) -> Result<Holder> {
    let listeners = listeners::all(root)?;
    Ok(Seen { root, containers, listeners: &listeners, project }.holder(port, "127.0.0.1"))
}

/// The settings that publish a port, each with its address: the API's and the web page's face the network.
fn published(env: &Env) -> Vec<(&'static str, String)> {
    let outside = match env.get("TARS_BIND") {
        "" => "0.0.0.0".to_owned(),
        bind => bind.trim_matches(['[', ']']).to_owned(),
    };
    let services = env.services().map(|service| {
        let loopback = service.name != "backend";
        (service.port_setting, if loopback { "127.0.0.1".to_owned() } else { outside.clone() })
    });
    let mut all: Vec<_> =
        services.chain([("TARS_PORT_WEB", outside.clone())]).filter(|(setting, _)| env.has(setting)).collect();
    // The API keeps its port when two settings ask for the same one.
    all.sort_by_key(|(setting, _)| *setting != "TARS_PORT_API");
    all
}

struct Seen<'a> {
    root: &'a Path,
    containers: &'a [Container],
    listeners: &'a [Listener],
    project: &'a str,
}

impl Seen<'_> {
    fn holder(&self, port: u16, address: &str) -> Holder {
        let Ok(address) = address.parse::<IpAddr>() else { return Holder::NoSuchAddress };
        if let Some(container) = self.container(port, address) {
            let (name, project) = (container.name.clone(), container.project().to_owned());
            return if ours(container, self.project) {
                Holder::Ours(name)
            } else {
                Holder::Container { name, project }
            };
        }
        if let Some(listener) = self.listener(port, address) {
            return listeners::process(self.root, listener)
                .map_or(Holder::Unseen, |(pid, name)| Holder::Process { pid, name });
        }
        // Port 0: the address is tried without ever taking the port from somebody who is just starting.
        match TcpListener::bind((address, 0)) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => Holder::NoSuchAddress,
            _ => Holder::Nobody,
        }
    }

    fn container(&self, port: u16, address: IpAddr) -> Option<&Container> {
        let clashes = |it: &crate::docker::Port| {
            let theirs = it.address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            it.host == port && (theirs == address || theirs.is_unspecified() || address.is_unspecified())
        };
        self.containers.iter().find(|container| container.runs() && container.ports.iter().any(clashes))
    }

    fn listener(&self, port: u16, address: IpAddr) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.port == port && listener.blocks(address))
    }

    fn next_free(&self, taken: u16, address: &str, wanted: &[u16]) -> Option<u16> {
        let address: IpAddr = address.parse().ok()?;
        (taken..u16::MAX).map(|port| port + 1).take(200).find(|port| {
            !wanted.contains(port)
                && self.container(*port, address).is_none()
                && self.listener(*port, address).is_none()
        })
    }
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
