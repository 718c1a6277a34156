//! What the machine is and how it fares: system, processor, memory and its pressure, disks, clock.

use super::sheet::{self, Sheet};
use super::tray::Tray;
use anyhow::Result;
use std::path::Path;

/// File systems that are no disks.
const VIRTUAL: &[&str] = &[
    "overlay",
    "fuse.fuse-overlayfs",
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "devpts",
    "mqueue",
    "nsfs",
    "securityfs",
    "debugfs",
    "tracefs",
    "pstore",
    "bpf",
    "configfs",
    "fusectl",
    "hugetlbfs",
    "binfmt_misc",
    "autofs",
];

pub(super) async fn collect(tray: &Tray) -> Result<()> {
    let mut os = Sheet::default();
    os.files(&["/etc/os-release", "/proc/version", "/proc/cmdline", "/proc/uptime", "/proc/loadavg"]);
    os.part("processor", &processor(&sheet::file(Path::new("/proc/cpuinfo")).unwrap_or_default()));
    os.tools(&[("systemd-detect-virt", &[]), ("uname", &["-srm"])]).await;
    tray.text("system/os.txt", os.text());

    let mut memory = Sheet::default();
    memory.files(&["/proc/meminfo", "/proc/swaps", "/proc/pressure/memory", "/proc/pressure/cpu", "/proc/pressure/io"]);
    let counters = sheet::file(Path::new("/proc/vmstat")).unwrap_or_default();
    let telling = |line: &&str| {
        ["oom_kill", "pswpin", "pswpout", "allocstall", "pgmajfault"].iter().any(|name| line.starts_with(name))
    };
    memory.part("since the last boot", &counters.lines().filter(telling).collect::<Vec<_>>().join("\n"));
    // Command lines may hold what people typed: names of programs are enough.
    let processes: &[&str] = &["-eo", "pid,ppid,user:16,rss,pcpu,etime,stat,comm", "--sort=-rss"];
    memory.tools(&[("ps", processes)]).await;
    tray.text("system/memory.txt", memory.text());

    let mut disks = Sheet::default();
    // Only local ones: a share that hangs would hang this as well.
    disks
        .tools(&[
            ("df", &["-lPT", "-k", "-x", "overlay", "-x", "fuse.fuse-overlayfs"]),
            ("df", &["-lPi", "-x", "overlay", "-x", "fuse.fuse-overlayfs"]),
            ("lsblk", &["-o", "NAME,TYPE,SIZE,FSTYPE,MOUNTPOINT,ROTA,RO,MODEL"]),
        ])
        .await;
    disks.result("mounts", sheet::file(Path::new("/proc/mounts")).map(|mounts| real_mounts(&mounts)));
    disks.result("/etc/fstab", sheet::file(Path::new("/etc/fstab")));
    tray.text("system/disks.txt", disks.text());

    let mut clock = Sheet::default();
    clock.part("now", &jiff::Timestamp::now().to_string());
    clock
        .tools(&[
            ("timedatectl", &["show"]),
            ("journalctl", &["--list-boots", "--no-pager"]),
            ("last", &["-xFn", "10", "reboot", "shutdown"]),
        ])
        .await;
    tray.text("system/clock.txt", clock.text());
    boots(tray);
    Ok(())
}

/// One model and how many of it, instead of a page for each core.
fn processor(cpuinfo: &str) -> String {
    let value = |name: &str| cpuinfo.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    format!("{}\nprocessors: {cores}\n{}", value("model name"), value("flags"))
}

fn real_mounts(mounts: &str) -> String {
    let real = |line: &&str| line.split(' ').nth(2).is_some_and(|kind| !VIRTUAL.contains(&kind));
    mounts.lines().filter(real).collect::<Vec<_>>().join("\n")
}

fn boots(tray: &Tray) {
    let Ok(stat) = std::fs::read_to_string("/proc/stat") else { return };
    let since = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
    if let Some(at) = since.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
        tray.happened(&at.to_string(), "this machine was started");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_counted_and_only_real_disks_listed() {
        let text =
            processor("processor : 0\nmodel name : X\nflags : avx\n\nprocessor : 1\nmodel name : X\nflags : avx\n");
        assert_eq!(text, "model name : X\nprocessors: 2\nflags : avx");
        assert_eq!(
            real_mounts("/dev/vda / ext4 rw 0 0\noverlay /x overlay rw 0 0\n//nas/d /mnt cifs ro 0 0\n"),
            "/dev/vda / ext4 rw 0 0\n//nas/d /mnt cifs ro 0 0"
        );
    }
}
