//! The share that the documents come from: settings, mounts, units, whether it answers.

use super::ground::Ground;
use super::sheet::{self, Sheet};
use super::tray::Tray;
use crate::facts::on_thread;
use crate::stack::env::KEYS;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a share may take to say how much room it has.
const WITHIN: Duration = Duration::from_millis(1_500);
const KINDS: &[&str] = &["cifs", "smb3", "nfs", "nfs4", "fuse.sshfs", "fuse.rclone"];

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let mut sheet = Sheet::default();
    let keys = KEYS.iter().map(|key| key.name).filter(|name| name.contains("NAS") || name.starts_with("TARS_DOCS"));
    let settings: Vec<_> = keys.map(|name| format!("{name}: {}", ground.stack.setting(name))).collect();
    sheet.part("settings", &settings.join("\n"));
    let mounts = sheet::file(Path::new("/proc/mounts")).unwrap_or_default();
    let shares: Vec<_> =
        mounts.lines().filter(|line| line.split(' ').nth(2).is_some_and(|kind| KINDS.contains(&kind))).collect();
    sheet.part("mounted shares", &shares.join("\n"));
    let table = sheet::file(Path::new("/etc/fstab")).unwrap_or_default();
    let planned: Vec<_> =
        table.lines().filter(|line| !line.starts_with('#') && KINDS.iter().any(|kind| line.contains(kind))).collect();
    sheet.part("shares in /etc/fstab", &planned.join("\n"));
    let mut places: Vec<PathBuf> =
        shares.iter().filter_map(|line| line.split(' ').nth(1)).map(|path| path.replace("\\040", " ").into()).collect();
    places.push(ground.stack.setting("TARS_DOCS_DIR").into());
    let looked = futures_util::future::join_all(places.iter().map(|place| room(place))).await;
    let mut answers = String::new();
    for (place, answer) in places.iter().zip(looked) {
        let _ = writeln!(answers, "{}: {}", place.display(), answer.unwrap_or_else(|error| format!("{error:#}")));
    }
    sheet.part("do they answer", &answers);
    sheet.files(&["/proc/fs/cifs/Stats"]);
    sheet
        .tools(&[
            ("systemctl", &["list-units", "--type=mount,automount", "--all", "--no-pager", "--plain", "--no-legend"]),
            ("mount.cifs", &["-V"]),
            ("mount.nfs", &["-V"]),
        ])
        .await;
    tray.text("nas/nas.txt", sheet.text());
    Ok(())
}

async fn room(place: &Path) -> Result<String> {
    let (path, begun) = (place.to_owned(), Instant::now());
    let looking = on_thread(move || {
        let seen = rustix::fs::statvfs(&path).with_context(|| format!("could not look at {}", path.display()))?;
        let entries = path.read_dir().map(|dir| dir.take(1).count());
        Ok((seen.f_blocks * seen.f_frsize, seen.f_bavail * seen.f_frsize, entries.is_ok()))
    });
    let looked = tokio::time::timeout(WITHIN, looking).await;
    let (all, free, listed) = looked.with_context(|| format!("no answer within {} s", WITHIN.as_secs_f32()))??;
    Ok(format!(
        "{all} bytes, {free} free, {} after {} ms",
        if listed { "can be listed" } else { "cannot be listed" },
        begun.elapsed().as_millis()
    ))
}
