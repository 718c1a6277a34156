//! Restoring an archive without touching live data: everything is read and checked, loaded into new volumes on a stage
//! of its own, compared with the archive's record, and only then switched to ([`super::switch`]).
//!
//! - `source`: which archive, and its first reading, which proves it; `plan`, `refuse`, `forecast`, `newer`: what is
//!   said and refused before anything is made
//! - `stage`, `pipe`, `feed`: where things are loaded, and the second reading that loads them
//! - `postgres`, `redis`, `chroma`, `vectors`, `legacy`, `models`: how each kind of data is loaded
//! - `fill`, `compare`: all of them side by side, and what came of it; `config`: settings out of an archive

pub mod chroma;
pub mod compare;
pub mod config;
pub mod feed;
pub mod fill;
pub mod forecast;
pub mod legacy;
pub mod models;
pub mod newer;
pub mod pipe;
pub mod plan;
pub mod postgres;
pub mod redis;
pub mod refuse;
pub mod source;
pub mod stage;
pub mod vectors;

use crate::context::Context;
use crate::docker::Docker;
use crate::error::Failure;
use crate::exit::Exit;

/// The archive is to blame, not this machine: what makes a drill's verdict `fail` and not `error`. Stands in an error's
/// context, so that what is behind it keeps its remedies.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadArchive(String);

/// An error that the archive's content caused.
pub(crate) fn bad_archive(message: impl Into<String>, cause: anyhow::Error) -> anyhow::Error {
    cause.context(BadArchive(message.into()))
}

/// As [`bad_archive`], where nothing else is behind it.
pub(crate) fn bad_archive_alone(message: impl Into<String>) -> anyhow::Error {
    BadArchive(message.into()).into()
}

/// An error of the first reading: a fault of the format is the archive's own and has no cause; what could not be read or
/// opened has one.
pub(crate) fn of_reading(error: anyhow::Error) -> anyhow::Error {
    let fault = error.downcast_ref::<Failure>().filter(|failure| failure.exit == Exit::Failed);
    let fault = fault.filter(|failure| std::error::Error::source(failure).is_none());
    match fault.map(|failure| failure.message.clone()) {
        Some(message) => bad_archive(message, error),
        None => error,
    }
}

/// Whether the archive is to blame. What this machine could not do is not its fault.
#[must_use]
pub fn blames_archive(error: &anyhow::Error) -> bool {
    error.downcast_ref::<BadArchive>().is_some()
}

/// As [`blames_archive`], after a look round: a server that could not be started or asked because the engine went away,
/// or the disk is full, proves nothing against what it was given.
pub async fn is_to_blame(context: &Context, error: &anyhow::Error) -> bool {
    let full = error.chain().any(|cause| cause.to_string().contains("No space left on device"));
    blames_archive(error) && !full && Docker::connect().await.is_ok() && context.docker().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fault_of_the_archive_is_its_own() {
        let fault = |exit| anyhow::Error::from(Failure::new(exit, "a.tar.gz is cut off"));
        assert!(blames_archive(&of_reading(fault(Exit::Failed))));
        assert!(!blames_archive(&of_reading(fault(Exit::Unavailable))));
        let unread = Failure::new(Exit::Failed, "could not read").caused_by(std::io::Error::other("stale handle"));
        assert!(!blames_archive(&of_reading(unread.into())));
        assert!(!blames_archive(&anyhow::anyhow!("the engine refuses")));
        let hinted =
            of_reading(Failure::new(Exit::Failed, "is cut off").hint("choose another").into()).context("outer");
        assert!(blames_archive(&hinted) && crate::error::hints_of(&hinted) == ["choose another"]);
    }
}
