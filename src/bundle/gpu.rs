//! The GPU: driver against library, the container toolkit, CDI, and who holds its memory.

use super::sheet::Sheet;
use super::tray::Tray;
use anyhow::Result;
use std::path::Path;

pub(super) async fn collect(tray: &Tray) -> Result<()> {
    let mut sheet = Sheet::default();
    sheet.files(&[
        "/proc/driver/nvidia/version",
        "/sys/module/nvidia/version",
        "/etc/nvidia-container-runtime/config.toml",
    ]);
    sheet.part("libraries", &libraries().join("\n"));
    sheet.part("device nodes and CDI", &nodes().join("\n"));
    sheet
        .tools(&[
            ("nvidia-smi", &[]),
            ("nvidia-smi", &["--query-gpu=index,name,driver_version,vbios_version,pstate,temperature.gpu,memory.total,memory.used,utilization.gpu,ecc.errors.uncorrected.volatile.total,power.draw,clocks_throttle_reasons.active", "--format=csv"]),
            // Names of processes, not their command lines.
            ("nvidia-smi", &["--query-compute-apps=pid,used_memory,gpu_uuid", "--format=csv"]),
            ("nvidia-ctk", &["--version"]),
            ("nvidia-ctk", &["cdi", "list"]),
            ("nvidia-container-cli", &["info"]),
        ])
        .await;
    tray.text("gpu/gpu.txt", sheet.text());
    Ok(())
}

/// The versions that the user-space libraries carry in their names; the driver must be of the same.
fn libraries() -> Vec<String> {
    let dirs = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib"];
    let all = dirs.iter().flat_map(|dir| Path::new(dir).read_dir().into_iter().flatten().flatten());
    let mut found: Vec<_> = all
        .map(|entry| entry.path().display().to_string())
        .filter(|path| {
            ["libcuda.so", "libnvidia-ml.so", "libnvidia-container.so"].iter().any(|name| path.contains(name))
        })
        .collect();
    found.sort();
    found
}

fn nodes() -> Vec<String> {
    let below = |dir: &str| {
        Path::new(dir)
            .read_dir()
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().display().to_string())
            .collect::<Vec<_>>()
    };
    let mut found: Vec<_> =
        below("/dev").into_iter().filter(|path| path.starts_with("/dev/nvidia") || path == "/dev/dxg").collect();
    found.extend(below("/etc/cdi").into_iter().chain(below("/var/run/cdi")));
    found.sort();
    found
}
