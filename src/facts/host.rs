//! The machine: distribution, processor, rights, memory. Read from files, so that it works in the smallest container.

use crate::operate::program;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The machine itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `ID` of os-release: `debian`, `ubuntu`; empty when the file has none.
    pub os_id: String,
    /// `VERSION_ID` of os-release: `12`, `24.04`; empty on rolling releases.
    pub os_version: String,
    /// `PRETTY_NAME` of os-release, for people.
    pub os_name: String,
    /// The kernel's machine name: `x86_64`.
    pub arch: String,
    /// The kernel's release.
    pub kernel: String,
    /// `container`, `wsl` or `virtual machine`; `None` on bare metal as far as it shows.
    pub virtualisation: Option<String>,
    /// The effective user id; 0 is root.
    pub uid: u32,
    /// Whether `sudo` is there.
    pub sudo: bool,
    /// How many processors this process may use.
    pub cpus: usize,
    /// Whether systemd runs as the init.
    pub systemd: bool,
}

impl Host {
    /// Whether this run has root's rights.
    #[must_use]
    pub fn root(&self) -> bool {
        self.uid == 0
    }
}

/// Memory in bytes, as the kernel counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it, less what the kernel keeps for itself.
    pub total: u64,
    /// What could be had without swapping.
    pub available: u64,
}

/// Looks at the machine whose files stand under `root`.
pub(super) fn look(root: &Path) -> Result<Host> {
    let os = os_release(root)?;
    let field = |name| os.get(name).cloned().unwrap_or_default();
    let uname = rustix::system::uname();
    Ok(Host {
        os_id: field("ID"),
        os_version: field("VERSION_ID"),
        os_name: os.get("PRETTY_NAME").or_else(|| os.get("NAME")).cloned().unwrap_or_default(),
        arch: uname.machine().to_string_lossy().into_owned(),
        kernel: uname.release().to_string_lossy().into_owned(),
        virtualisation: virtualisation(root),
        uid: rustix::process::geteuid().as_raw(),
        sudo: program::find(root, "sudo").is_some(),
        cpus: std::thread::available_parallelism()?.get(),
        // sd_booted(3): this directory exists exactly while systemd is the init.
        systemd: root.join("run/systemd/system").is_dir(),
    })
}

/// Looks at the memory.
pub(super) fn memory(root: &Path) -> Result<Memory> {
    let path = root.join("proc/meminfo");
    let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let bytes = |name: &str| -> Option<u64> {
        let kib = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(kib.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    let field = |name| bytes(name).with_context(|| format!("{} has no {name}", path.display()));
    Ok(Memory { total: field("MemTotal")?, available: field("MemAvailable")? })
}

fn os_release(root: &Path) -> Result<HashMap<String, String>> {
    let read = |path: &str| std::fs::read_to_string(root.join(path));
    let text =
        read("etc/os-release").or_else(|_| read("usr/lib/os-release")).context("could not read /etc/os-release")?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned())).collect())
}

fn virtualisation(root: &Path) -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    if root.join(".dockerenv").exists() || root.join("run/.containerenv").exists() {
        return Some("container".to_owned());
    }
    if read("proc/sys/kernel/osrelease").to_lowercase().contains("microsoft") {
        return Some("wsl".to_owned());
    }
    let flags = read("proc/cpuinfo");
    let flags = flags.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "hypervisor").then(|| "virtual machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;

    #[test]
    fn a_distribution_is_read_with_and_without_quotes() {
        let root = root(&[("etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\nPRETTY_NAME='Ubuntu 24.04.3 LTS'\n")]);
        let host = look(root.path()).unwrap();
        assert_eq!((host.os_id.as_str(), host.os_version.as_str()), ("ubuntu", "24.04"));
        assert_eq!(host.os_name, "Ubuntu 24.04.3 LTS");
        assert!(!host.sudo && !host.systemd);
    }

    #[test]
    fn without_os_release_nothing_is_guessed() {
        assert!(look(root(&[]).path()).unwrap_err().to_string().contains("os-release"));
    }

    #[test]
    fn memory_is_in_bytes() {
        let root = root(&[("proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\n")]);
        assert_eq!(memory(root.path()).unwrap(), Memory { total: 2 << 20, available: 1 << 20 });
    }

    #[test]
    fn the_kind_of_machine_shows() {
        assert_eq!(
            virtualisation(root(&[("proc/cpuinfo", "flags\t\t: fpu hypervisor sse\n")]).path()).unwrap(),
            "virtual machine"
        );
        assert_eq!(virtualisation(root(&[("run/.containerenv", "")]).path()).unwrap(), "container");
        assert_eq!(virtualisation(root(&[]).path()), None);
    }
}
