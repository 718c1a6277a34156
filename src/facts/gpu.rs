//! The NVIDIA GPU: the card, its driver, its tools. Whether the engine can hand it on stands in the engine's facts.

use crate::operate::program;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is there of an NVIDIA GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// The PCI addresses of NVIDIA's display controllers.
    pub cards: Vec<String>,
    /// The version of the loaded kernel module.
    pub driver: Option<String>,
    /// The version of the driver's library beside it; after an update without a reboot it is another one.
    #[serde(default)]
    pub library: Option<String>,
    /// Whether `nvidia-smi` is there.
    pub nvidia_smi: bool,
    /// Whether the container toolkit (`nvidia-ctk`) is there.
    pub toolkit: bool,
}

impl Gpu {
    /// Whether there is a GPU at all; WSL and some containers show the driver and no PCI card.
    #[must_use]
    pub fn present(&self) -> bool {
        !self.cards.is_empty() || self.driver.is_some()
    }
}

/// Looks for a GPU under `root`.
pub(super) fn look(root: &Path) -> Result<Gpu> {
    Ok(Gpu {
        cards: cards(root)?,
        driver: std::fs::read_to_string(root.join("proc/driver/nvidia/version")).ok().and_then(|text| version(&text)),
        library: library(root),
        nvidia_smi: program::find(root, "nvidia-smi").is_some(),
        toolkit: program::find(root, "nvidia-ctk").is_some()
            || program::find(root, "nvidia-container-runtime").is_some(),
    })
}

/// Where distributions and NVIDIA's own installer put `libnvidia-ml.so.550.163.01`.
const LIBRARIES: [&str; 5] =
    ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/nvidia/current", "usr/lib64", "usr/lib", "usr/lib/wsl/lib"];

/// The newest one where several lie about.
fn library(root: &Path) -> Option<String> {
    let names = LIBRARIES.iter().filter_map(|dir| root.join(dir).read_dir().ok()).flatten().flatten();
    let version = |name: &str| {
        let version = name.strip_prefix("libnvidia-ml.so.")?;
        version.contains('.').then(|| version.to_owned())
    };
    let found = names.filter_map(|entry| version(&entry.file_name().to_string_lossy()));
    found.max_by_key(|version| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>())
}

/// A machine with `/sys/bus` and without `/sys/bus/pci` has no PCI bus; one without `/sys/bus` hides it.
fn cards(root: &Path) -> Result<Vec<String>> {
    let buses = root.join("sys/bus");
    buses.read_dir().with_context(|| format!("{} does not show what is built in", buses.display()))?;
    let Ok(devices) = buses.join("pci/devices").read_dir() else { return Ok(Vec::new()) };
    let mut cards: Vec<_> = devices.flatten().filter(|device| is_nvidia_display(&device.path())).collect();
    cards.sort_by_key(std::fs::DirEntry::file_name);
    Ok(cards.iter().map(|card| card.file_name().to_string_lossy().into_owned()).collect())
}

/// Vendor 10de is NVIDIA; class 03 is a display controller (a card's sound device has class 04).
fn is_nvidia_display(device: &Path) -> bool {
    let says = |file: &str, prefix: &str| {
        std::fs::read_to_string(device.join(file)).is_ok_and(|text| text.starts_with(prefix))
    };
    says("vendor", "0x10de") && says("class", "0x03")
}

/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Fri …`: the first word that is a version.
fn version(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("NVRM"))?;
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    line.split_whitespace().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;

    #[test]
    fn a_card_counts_and_its_sound_device_does_not() {
        let root = root(&[
            ("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n"),
            ("sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n"),
            ("sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n"),
            ("sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n"),
            ("sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n"),
            ("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n"),
            ("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", ""),
            ("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.575.57.08", ""),
            ("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.105.08", ""),
            (
                "proc/driver/nvidia/version",
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\nGCC version: gcc 12.3.0\n",
            ),
        ]);
        let gpu = look(root.path()).unwrap();
        assert_eq!(gpu.cards, ["0000:01:00.0"]);
        assert_eq!(gpu.driver.as_deref(), Some("580.95.05"));
        assert_eq!(gpu.library.as_deref(), Some("580.105.08"), "the newest one, by its numbers");
        assert!(gpu.present() && !gpu.nvidia_smi && !gpu.toolkit);
    }

    #[test]
    fn no_pci_bus_is_no_card_and_no_sys_is_not_known() {
        assert!(!look(root(&[("sys/bus/virtio/drivers_probe", "")]).path()).unwrap().present());
        assert!(look(root(&[]).path()).is_err());
    }
}
