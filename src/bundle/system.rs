//! What happened on the machine: the kernel's complaints, packages that came and went, units that failed, what is planned.

use super::sheet::{self, Sheet};
use super::tool;
use super::tray::Tray;
use anyhow::Result;
use std::path::Path;

/// What the kernel says when something of interest to this stack happens.
const TELLING: &[&str] = &[
    "out of memory",
    "oom-kill",
    "oom_reaper",
    "killed process",
    "memory cgroup out",
    "nvrm",
    "xid",
    "nvidia",
    "i/o error",
    "blk_update_request",
    "buffer i/o",
    "ext4-fs",
    "xfs (",
    "btrfs",
    "remount",
    "cifs",
    "smb",
    "nfs:",
    "nfs ",
    "hung_task",
    "blocked for more than",
    "segfault",
    "general protection",
    "bug:",
    "call trace",
    "mce:",
    "hardware error",
    "thermal",
    "throttl",
    "apparmor=\"denied\"",
    "nvme",
    "link is down",
    "link is up",
];
/// How much of the kernel's log is looked through, in lines.
const KERNEL_LINES: &str = "5000";
/// How many lines of it are kept.
const KEPT_LINES: usize = 600;
const APT_DAYS: i64 = 14;

pub(super) async fn collect(tray: &Tray) -> Result<()> {
    let (kernel, units) = tokio::join!(kernel(), units());
    match kernel {
        Ok(text) => {
            for line in text.lines().filter(|line| line.contains("Killed process") || line.contains("Xid")) {
                let (at, what) = line.split_once(' ').unwrap_or(("", line));
                tray.happened(at, what);
            }
            tray.system_log("system/kernel.log", &telling(&text));
        }
        Err(error) => tray.note("system/kernel.log", &format!("{error:#}")),
    }
    tray.text("system/units.txt", units.text());
    tray.text("system/cron.txt", cron().text());
    packages(tray).await;
    Ok(())
}

/// The kernel's log of this boot and the one before, else what is still in its ring.
async fn kernel() -> Result<String> {
    let journal: &[&str] = &["-k", "--no-pager", "-q", "-o", "short-iso", "-n", KERNEL_LINES];
    match tool::ask("journalctl", journal).await {
        Ok(text) if text.lines().count() > 1 => Ok(text),
        _ => tool::ask("dmesg", &["--time-format", "iso"]).await,
    }
}

fn telling(text: &str) -> String {
    let telling = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        TELLING.iter().any(|word| lower.contains(word))
    };
    let mut lines: Vec<_> = text.lines().rev().filter(telling).take(KEPT_LINES).collect();
    lines.reverse();
    lines.join("\n")
}

async fn units() -> Sheet {
    let mut sheet = Sheet::default();
    sheet
        .tools(&[
            ("systemctl", &["--failed", "--all", "--no-pager", "--plain", "--no-legend"]),
            ("systemctl", &["list-timers", "--all", "--no-pager", "--plain"]),
            ("systemctl", &["show", "docker.service", "containerd.service", "--no-pager", "-p", "Id,ActiveState,SubState,NRestarts,Result,ActiveEnterTimestamp,ExecMainStatus,FragmentPath,DropInPaths"]),
            ("systemctl", &["list-units", "tars*", "--all", "--no-pager", "--plain", "--no-legend"]),
        ])
        .await;
    sheet
}

/// Cron lines that have to do with this stack; of the others only how many there are.
fn cron() -> Sheet {
    let mut sheet = Sheet::default();
    let dirs = ["/etc/cron.d", "/var/spool/cron/crontabs"];
    let below = dirs.iter().flat_map(|dir| Path::new(dir).read_dir().into_iter().flatten().flatten());
    let files = std::iter::once(Path::new("/etc/crontab").to_owned()).chain(below.map(|entry| entry.path()));
    for path in files {
        let Ok(text) = sheet::file(&path) else { continue };
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
        let ours: Vec<_> =
            lines.iter().filter(|line| line.contains("tars") || line.contains("docker")).copied().collect();
        let others = lines.len() - ours.len();
        sheet.part(&path.display().to_string(), &format!("{}\n({others} other lines)", ours.join("\n")));
    }
    sheet
}

async fn packages(tray: &Tray) {
    let now = jiff::Timestamp::now().as_second();
    let since = jiff::Timestamp::from_second(now - APT_DAYS * 86_400).unwrap_or(jiff::Timestamp::MIN);
    let since = since.strftime("%Y-%m-%d").to_string();
    let older = tool::ask("zcat", &["-f", "/var/log/apt/history.log.1.gz"]).await.unwrap_or_default();
    let newer = sheet::file(Path::new("/var/log/apt/history.log"));
    if let (Err(error), true) = (&newer, older.is_empty()) {
        return tray.note("system/apt.txt", &format!("could not read apt's history: {error}"));
    }
    let history = format!("{older}\n\n{}", newer.unwrap_or_default());
    let recent = recent(&history, &since);
    for (at, what) in recent.iter().filter_map(|entry| change(entry)) {
        tray.happened(&at, &what);
    }
    tray.text("system/apt.txt", &recent.join("\n\n"));
}

/// The entries that began on that day or later.
fn recent<'a>(history: &'a str, since: &str) -> Vec<&'a str> {
    let began = |entry: &str| entry.lines().find_map(|line| line.strip_prefix("Start-Date: ")).map(str::to_owned);
    let entries = history.split("\n\n").map(str::trim);
    entries.filter(|entry| began(entry).is_some_and(|began| began.as_str() >= since)).collect()
}

/// `Start-Date: 2026-11-20  06:12:01` and `Upgrade: …` as one happening.
fn change(entry: &str) -> Option<(String, String)> {
    let at = entry.lines().find_map(|line| line.strip_prefix("Start-Date: "))?.replacen("  ", "T", 1);
    let verbs = ["Install: ", "Upgrade: ", "Remove: ", "Purge: ", "Downgrade: "];
    let line = entry.lines().find(|line| verbs.iter().any(|verb| line.starts_with(verb)))?;
    let short: String = line.chars().take(160).collect();
    Some((at, format!("packages: {short}{}", if line.len() > short.len() { "…" } else { "" })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_days_of_apt_are_told() {
        let history = "\nStart-Date: 2026-10-01  06:00:00\nInstall: old:amd64 (1)\nEnd-Date: x\n\nStart-Date: 2026-11-20  06:12:01\nCommandline: apt-get upgrade\nUpgrade: docker.io:amd64 (1, 2)\nEnd-Date: y\n";
        let recent = recent(history, "2026-11-07");
        assert_eq!(recent.len(), 1);
        assert_eq!(
            change(recent[0]),
            Some(("2026-11-20T06:12:01".into(), "packages: Upgrade: docker.io:amd64 (1, 2)".into()))
        );
    }

    #[test]
    fn of_the_kernel_only_what_tells_something_is_kept() {
        let text = "T1 host kernel: usb 1-1: new device\nT2 host kernel: Out of memory: Killed process 7 (ollama)\nT3 host kernel: CIFS: VFS: server not responding";
        assert_eq!(telling(text).lines().count(), 2);
    }
}
