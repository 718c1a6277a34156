//! What the home remembers: runs, journal, lock, generations, archives, schedule; and who owns its files.

use super::ground::Ground;
use super::sheet;
use super::tray::Tray;
use crate::operate::lock_holder;
use crate::operate::runs::Run;
use serde_json::{Value, json};
use std::fmt::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// State files that are passed on as they are; what a result's command is stays out: it may hold a token.
const FILES: &[&str] = &[
    "journal.json",
    "generations.json",
    "backups.json",
    "last_backup.json",
    "deployed.json",
    "schedule.json",
    "last_validation.json",
];
const RUNS_MAX: usize = 300;
const ENTRIES_MAX: usize = 1_000;
const DEPTH_MAX: usize = 3;

pub(super) fn collect(ground: &Ground<'_>, tray: &Tray) {
    let home = &ground.stack.home;
    if !home.path().exists() {
        return tray.note("stack", &format!("there is no home at {}", home.path().display()));
    }
    for name in FILES {
        document(tray, name, &home.state_file(name));
    }
    runs(tray, &home.state_file("runs.jsonl"));
    let holder = lock_holder::holder(Path::new("/"), &home.state_file("lock"));
    let holder = holder
        .map_or_else(|error| json!(format!("{error:#}")), |pid| json!(pid.filter(|pid| *pid != std::process::id())));
    let journal = home.state_file("journal.json").exists();
    tray.json("stack/state/lock.json", &json!({ "held_by_process": holder, "journal": journal }));
    let mut listed = String::from("mode owner:group bytes changed path\n");
    let mut left = ENTRIES_MAX;
    list(home.path(), home.path(), 0, &mut left, &mut listed);
    tray.text("stack/files.txt", &listed);
}

fn document(tray: &Tray, name: &str, path: &Path) {
    let path_in = format!("stack/state/{name}");
    match std::fs::read(path) {
        Ok(bytes) => match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) => tray.json(&path_in, &value),
            Err(error) => tray.note(&path_in, &format!("it is damaged: {error}")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tray.note(&path_in, &format!("could not be read: {error}")),
    }
}

fn runs(tray: &Tray, path: &Path) {
    let Ok(text) = sheet::tail(path) else { return };
    let lines: Vec<_> = text.lines().rev().take(RUNS_MAX).collect();
    for run in lines.iter().filter_map(|line| serde_json::from_str::<Run>(line).ok()) {
        let why = run.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        let command = run.command.rsplit_once('/').map_or(run.command.as_str(), |(_, rest)| rest);
        // The words that say what was run, without the home's path.
        let verb: Vec<_> = run.command.split(' ').skip(1).filter(|word| !word.starts_with('/')).collect();
        let verb = if verb.is_empty() { command.to_owned() } else { format!("tars {}", verb.join(" ")) };
        tray.happened(&run.began, &format!("{verb} ended with exit {} after {} ms{why}", run.exit, run.duration_ms));
    }
    let mut lines = lines;
    lines.reverse();
    tray.system_log("stack/state/runs.jsonl", &lines.join("\n"));
}

/// Modes and owners, a few levels deep.
fn list(root: &Path, dir: &Path, depth: usize, left: &mut usize, out: &mut String) {
    let entries = match dir.read_dir() {
        Ok(entries) => entries,
        Err(error) => {
            let _ = writeln!(out, "(could not be read: {}: {error})", dir.display());
            return;
        }
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let Ok(meta) = path.symlink_metadata() else { continue };
        let changed = jiff::Timestamp::from_second(meta.mtime()).unwrap_or_default();
        let kind = if meta.is_dir() {
            "d"
        } else if meta.is_symlink() {
            "l"
        } else {
            "-"
        };
        let _ = writeln!(
            out,
            "{kind}{:04o} {}:{} {} {changed} {}",
            meta.permissions().mode() & 0o7777,
            meta.uid(),
            meta.gid(),
            meta.len(),
            path.strip_prefix(root).unwrap_or(&path).display()
        );
        if meta.is_dir() && depth + 1 < DEPTH_MAX {
            list(root, &path, depth + 1, left, out);
        }
    }
    if *left == 0 {
        out.push_str("(more files than are shown)\n");
    }
}
