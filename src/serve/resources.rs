//! What this process and its machine have left, read from `/proc` and the file systems it writes to.

use std::fs;
use std::path::Path;

use rustix::fs::statvfs;
use serde::Serialize;
use utoipa::ToSchema;

const PAGE_BYTES: u64 = 4096;

/// Memory and disk; what cannot be read is missing.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Resources {
    /// What this process holds in memory.
    pub memory_bytes: Option<u64>,
    /// Its open files and connections.
    pub open_files: Option<usize>,
    /// The machine's memory.
    pub machine_memory_bytes: Option<u64>,
    /// What of it can still be had.
    pub machine_available_bytes: Option<u64>,
    /// The machine's load over one minute.
    pub load_1m: Option<f64>,
    /// File systems.
    pub disks: Vec<Disk>,
}

/// A file system as it is seen from the container.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Disk {
    /// Where it is mounted.
    pub path: String,
    /// Its size.
    pub total_bytes: u64,
    /// What an ordinary user may still write.
    pub free_bytes: u64,
}

/// Looks now, at the disks of these folders.
pub(crate) fn look(folders: &[&Path]) -> Resources {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let resident = fs::read_to_string("/proc/self/statm").ok();
    let pages = |text: String| text.split_whitespace().nth(1)?.parse::<u64>().ok();
    Resources {
        memory_bytes: resident.and_then(pages).map(|pages| pages * PAGE_BYTES),
        open_files: fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
        machine_memory_bytes: kib(&meminfo, "MemTotal:"),
        machine_available_bytes: kib(&meminfo, "MemAvailable:"),
        load_1m: fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse().ok()),
        disks: folders.iter().filter_map(|path| disk(path)).collect(),
    }
}

fn kib(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The file system that a folder lies on. Hangs with one that hangs.
pub(crate) fn disk(path: &Path) -> Option<Disk> {
    let found = statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk {
        path: path.to_string_lossy().into_owned(),
        total_bytes: bytes(found.f_blocks),
        free_bytes: bytes(found.f_bavail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_a_disk() {
        let seen = look(&[Path::new("/")]);
        assert!(seen.memory_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(seen.machine_memory_bytes > seen.machine_available_bytes);
        assert!(seen.open_files.is_some_and(|files| files > 2));
        assert_eq!(seen.disks[0].path, "/");
        assert_eq!(kib("MemTotal:       16 kB\n", "MemTotal:"), Some(16384));
    }
}
