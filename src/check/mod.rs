//! A check is a row: a sentence that is true when all is well, and a pure function of the gathered facts.
//!
//! Checks ask nobody, change nothing and print nothing. One file per family (the part of the id before the dot); a
//! check that panics is reported and the others still run. A finding has one cause: what follows from another
//! finding is skipped and says so. Remedies are data ([`Fix`]); applying them is somebody else's work.
//!
//! Adding one: a row in its family's file and a line in [`ALL`]; `tests` notice a forgotten half.

mod api;
mod backup;
mod cause;
mod clock;
mod compose;
mod data;
mod disk;
mod engine;
mod env;
mod finding;
mod fix;
mod gpu;
mod home;
mod host;
mod journal;
mod legacy;
mod memory;
mod model;
mod nas;
mod port;
mod registry;
mod run;
mod service;
mod space;
mod update;

#[cfg(test)]
mod tests;

pub use finding::{Answer, Finding, Severity};
pub use fix::Fix;
pub use run::{Outcome, blocking, run};

use crate::facts::{Facts, NotKnown};

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// `family.name`; stable, for scripts and documentation.
    pub id: &'static str,
    /// True when all is well.
    pub title: &'static str,
    /// Whether an installation asks it before it changes anything.
    pub preflight: bool,
    /// The check itself. A fact that it needs and that is not known ends it: the answer is then "unknown".
    pub ask: fn(&Facts) -> Result<Answer, NotKnown>,
}

/// Every check, in the order people read the answers.
pub const ALL: &[Check] = &[
    host::OS,
    host::ARCH,
    host::RIGHTS,
    memory::AVAILABLE,
    clock::SKEW,
    engine::INSTALLED,
    engine::SNAP,
    engine::PERMISSION,
    engine::RUNNING,
    engine::VERSION,
    compose::INSTALLED,
    home::OTHER,
    home::PERMISSIONS,
    home::FOLDERS,
    home::WRITABLE,
    env::FILE,
    env::SYNTAX,
    env::REQUIRED,
    env::DUPLICATE,
    env::PLACEHOLDER,
    env::WEAK,
    env::PERMISSIONS,
    compose::VALID,
    compose::EDITED,
    data::PASSWORD,
    journal::PENDING,
    legacy::DEPLOYMENT,
    port::CONFLICT,
    port::EXPOSED,
    disk::SPACE,
    disk::INODES,
    registry::REACHABLE,
    service::MISSING,
    service::STOPPED,
    service::RESTARTING,
    service::OOM,
    service::UNHEALTHY,
    service::PROBE,
    service::IMAGE,
    service::LOGS,
    data::VOLUME,
    data::MOUNT,
    data::POSTGRES,
    data::REDIS,
    data::COLLECTION,
    nas::CONFIGURED,
    nas::REACHABLE,
    nas::LOGIN,
    nas::MOUNTED,
    nas::READABLE,
    nas::AWAY,
    nas::STALE,
    nas::CREDENTIALS,
    gpu::DRIVER,
    gpu::RUNTIME,
    gpu::CONTAINER,
    gpu::USED,
    model::MISSING,
    model::CORRUPT,
    api::HEALTH,
    api::READY,
    api::AUTH,
    backup::RECENT,
    backup::VERIFIED,
    backup::DRILLED,
    backup::SCHEDULE,
    backup::DESTINATION,
    backup::SAME_DISK,
    backup::KEY,
    update::VERSION,
];

/// What only an installation asks: rights to install, and the registry, which the doctor never calls.
const INSTALL_ONLY: [&str; 2] = ["host.rights", "registry.reachable"];

/// The checks that a doctor asks.
pub fn doctor() -> impl Iterator<Item = &'static Check> {
    ALL.iter().filter(|check| !INSTALL_ONLY.contains(&check.id))
}

/// The checks that an installation asks before it changes anything.
pub fn preflight() -> impl Iterator<Item = &'static Check> {
    ALL.iter().filter(|check| check.preflight)
}
