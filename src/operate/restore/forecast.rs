//! Whether this machine has room for a second set of data: on the disk that holds the engine's volumes, and in memory
//! for the servers that open it beside those that run.

use super::source::Source;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::component::Component;
use crate::ui;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// What three idle servers need by themselves.
const SERVERS: u64 = 220 << 20;

/// What a restore will need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Bytes on the disk.
    pub disk: u64,
    /// Bytes of memory.
    pub memory: u64,
}

/// Reckons it from the sizes in the archive.
#[must_use]
pub fn need(source: &Source, components: &BTreeSet<Component>) -> Need {
    let mut need = Need { disk: 64 << 20, memory: SERVERS };
    for component in components {
        let bytes = source.seen.sizes.get(component).map_or(0, |size| size.bytes);
        let (disk, memory) = match component {
            // Rows with their headers and indexes; SQL is loaded twice.
            Component::Postgres if source.seen.sql => (bytes * 4, bytes / 16),
            Component::Postgres => (bytes * 2, bytes / 16),
            Component::Chromadb => (bytes + bytes / 8, bytes),
            // A dump is denser than the keys in memory.
            Component::Redis => (bytes * 2, bytes * 6),
            Component::Documents | Component::Models => (bytes, 0),
        };
        need.disk += disk;
        need.memory += memory;
    }
    need
}

/// Refuses what will not fit; what cannot be measured is left to the engine.
///
/// # Errors
/// Naming what is needed and what is there.
pub async fn refuse_narrow(context: &Context, need: Need) -> Result<()> {
    let root = context.docker()?.engine().await?.root;
    if let Some(free) = free_disk(Path::new(&root)).filter(|free| *free < need.disk) {
        let (need, free) = (ui::bytes(need.disk), ui::bytes(free));
        return Err(Failure::new(
            Exit::Failed,
            format!("the second set of data needs {need} in {root}, and {free} are free"),
        )
        .hint("make room there (docker system df shows what the engine keeps); nothing was changed")
        .into());
    }
    if let Some(free) = free_memory().filter(|free| *free < need.memory) {
        let (need, free) = (ui::bytes(need.memory), ui::bytes(free));
        return Err(Failure::new(
            Exit::Failed,
            format!("opening the second set of data needs {need} of memory, and {free} are free"),
        )
        .hint("stop what else runs here (tars stop stops the stack itself); --force goes on all the same")
        .into());
    }
    Ok(())
}

fn free_disk(root: &Path) -> Option<u64> {
    let there = root.ancestors().find(|dir| dir.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn free_memory() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
