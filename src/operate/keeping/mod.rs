//! What is round the archives: where they go, which ones are there, how good they are, how long they stay, when the
//! next one is made.
//!
//! `state/backups.json` is the memory ([`register`]), `state/destinations.json` knows the file systems that were chosen
//! ([`destination`]), `state/last_backup.json` how the last run ended ([`last`]). An archive's content is the `archive`
//! module's; here are its name, its sum, and what was proven about it.

pub mod destination;
pub mod drawer;
pub mod files;
pub mod forecast;
pub mod last;
pub mod look;
pub mod mounts;
pub mod overview;
pub mod prune;
pub mod register;
pub mod retention;
pub mod schedule;
pub mod sources;
pub mod strays;
pub mod told;
pub mod units;
