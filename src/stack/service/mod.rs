//! A service is a row of data: image, probe, volume and the shape of its durable state in one const.
//!
//! Adding a service is one file here and one line in [`ALL`]; `tests/` holds the rows against the compose file.

mod backend;
mod chromadb;
mod ollama;
mod postgres;
mod redis;

/// How a service shows that it works, from inside its own container, with what its image really holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The command, as in the compose file's `healthcheck.test` after `CMD`.
    pub command: &'static [&'static str],
    /// What it asks, for people: "answers `select 1` over TCP".
    pub asks: &'static str,
}

/// The shape of a service's durable state; every variant is read both ways, by backup and by restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A logical dump taken from the running server.
    Dump,
    /// The volume's files, copied while the server is stopped.
    Directory,
    /// A point-in-time snapshot that the server streams.
    Snapshot,
    /// Content-addressed model blobs.
    Models,
}

/// One named volume of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The key under `volumes:` in the compose file, also the second half of the default name.
    pub key: &'static str,
    /// The setting that names the live volume.
    pub setting: &'static str,
    /// Where it is mounted.
    pub path: &'static str,
    /// Whether a restore makes a new generation of it.
    pub generations: bool,
}

/// One service of the stack.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// Name in the compose file; the container is `<project>-<name>`.
    pub name: &'static str,
    /// The setting that holds its image.
    pub image_setting: &'static str,
    /// The pinned image of the registry; empty for the backend, which is this binary.
    pub image: &'static str,
    /// The image family built from packages where no registry can be reached, if there is one.
    pub recipe: Option<&'static crate::stack::images::Recipe>,
    /// The port it listens on inside the network.
    pub port: u16,
    /// The setting that publishes this port, on loopback except for the backend.
    pub port_setting: &'static str,
    /// How it shows that it works.
    pub probe: Probe,
    /// Its volumes; the first one holds its durable state.
    pub volumes: &'static [Volume],
    /// The shape of that state.
    pub state: Option<State>,
}

/// Every service, in the order people read them.
pub const ALL: [&Service; 5] =
    [&ollama::SERVICE, &chromadb::SERVICE, &postgres::SERVICE, &redis::SERVICE, &backend::SERVICE];

impl Service {
    /// The container's name in a project.
    #[must_use]
    pub fn container(&self, project: &str) -> String {
        format!("{project}-{}", self.name)
    }
}

/// The service of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Service> {
    ALL.iter().copied().find(|service| service.name == name)
}

/// Every volume of every service, with its service.
pub fn volumes() -> impl Iterator<Item = (&'static Service, &'static Volume)> {
    ALL.iter().copied().flat_map(|service| service.volumes.iter().map(move |volume| (service, volume)))
}
