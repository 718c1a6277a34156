//! `tars nas status`: only looks, and says of each share what is so and what is wrong.

use crate::check::{self, Finding};
use crate::context::Context;
use crate::exit::Exit;
use crate::facts::{Nas, Sources, gather};
use crate::operate::nas::mount::is_of;
use crate::operate::nas::seen::Seen;
use crate::ui::{self, Page, Report};
use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Counting documents ends after this; the number is then a least one.
const COUNT_WITHIN: Duration = Duration::from_secs(10);
/// What the backend can read.
const KINDS: [&str; 7] = ["pdf", "docx", "txt", "md", "csv", "json", "html"];

#[derive(Debug, Default, Serialize)]
struct Room {
    total: u64,
    free: u64,
    documents: u64,
    /// Not all of it was looked through in time.
    at_least: bool,
}

struct Shown {
    all: Vec<(Nas, Option<Room>)>,
    findings: Vec<(&'static str, Finding)>,
}

/// Looks.
///
/// # Errors
/// Only when the shares cannot be read from the state.
pub(super) async fn run(context: &Context) -> Result<Box<dyn Report>> {
    let docker = context.docker();
    let engine = docker.as_ref().map(|docker| *docker);
    let facts = gather(&Sources { ollama: "", nas: true, ..Sources::new(&context.stack, engine) }).await;
    let checks = check::ALL.iter().filter(|check| check.id.starts_with("nas."));
    let outcomes = check::run(checks, &facts);
    let findings =
        outcomes.iter().flat_map(|outcome| outcome.answer.findings().iter().map(|found| (outcome.id, found.clone())));
    let findings = findings.collect();
    let mut all = Vec::new();
    for nas in facts.nas.known().map_err(|why| anyhow::anyhow!("{why}"))? {
        let readable = nas.mounted.is_some() && nas.entries.is_ok();
        let room = if readable { room(nas.share.mount_point.clone()).await } else { None };
        all.push((nas.clone(), room));
    }
    Ok(Box::new(Shown { all, findings }))
}

/// Size and documents, looked at on a thread that nobody waits for longer than [`COUNT_WITHIN`] and a little.
async fn room(place: PathBuf) -> Option<Room> {
    let counting = tokio::task::spawn_blocking(move || {
        let stat = rustix::fs::statvfs(&place).ok()?;
        let begun = Instant::now();
        let mut room =
            Room { total: stat.f_blocks * stat.f_frsize, free: stat.f_bavail * stat.f_frsize, ..Room::default() };
        count(&place, begun, &mut room);
        Some(room)
    });
    tokio::time::timeout(COUNT_WITHIN * 2, counting).await.ok()?.ok()?
}

fn count(dir: &Path, begun: Instant, room: &mut Room) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if begun.elapsed() > COUNT_WITHIN {
            room.at_least = true;
            return;
        }
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => count(&path, begun, room),
            Ok(kind) if kind.is_file() => {
                let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
                room.documents += u64::from(ending.is_some_and(|ending| KINDS.contains(&ending.as_str())));
            }
            _ => {}
        }
    }
}

impl Report for Shown {
    fn render(&self, page: &mut Page) {
        if self.all.is_empty() {
            page.line("no NAS: documents are read from TARS_DOCS_DIR, and can be sent");
            page.line("  → sudo tars nas mount --host H --share S [--user U]");
        }
        for (nas, room) in &self.all {
            let mounted = nas.mounted.as_ref().is_some_and(|mount| is_of(mount, &nas.share));
            let mark = if mounted { page.green("●") } else { page.red("○") };
            let access = if nas.share.read_write { "read and write" } else { "read only" };
            let (name, at) = (&nas.share.name, nas.share.mount_point.display());
            page.line(format!("{mark} {name:<12} {} at {at}, {access}", nas.share.source()));
            if let Some(room) = room {
                let least = if room.at_least { "at least " } else { "" };
                let (free, total) = (ui::bytes(room.free), ui::bytes(room.total));
                page.line(format!("  {:<12} {free} of {total} free, {least}{} documents", "", room.documents));
            }
            page.line(format!("  {:<12} {}", "", sight(&nas.seen)));
        }
        for (id, finding) in &self.findings {
            page.wrapped(&format!("{} ", page.red("✗")), &format!("{id}: {}", finding.problem));
            page.wrapped("  → ", &finding.hint);
        }
    }

    fn exit(&self) -> Exit {
        if self.findings.is_empty() { Exit::Done } else { Exit::Failed }
    }

    fn data(&self) -> Value {
        let share = |(nas, room): &(Nas, Option<Room>)| {
            json!({ "name": nas.share.name, "source": nas.share.source(), "mount_point": nas.share.mount_point,
                "mounted": nas.mounted.as_ref().is_some_and(|mount| is_of(mount, &nas.share)), "persists": nas.persists,
                "read_write": nas.share.read_write, "seen_by_backend": nas.seen, "room": room })
        };
        let findings =
            self.findings.iter().map(|(id, found)| json!({ "id": id, "problem": found.problem, "hint": found.hint }));
        json!({ "shares": self.all.iter().map(share).collect::<Vec<_>>(), "findings": findings.collect::<Vec<_>>() })
    }
}

fn sight(seen: &Seen) -> String {
    match seen {
        Seen::Same => "the backend sees the same file system".to_owned(),
        Seen::Other => "the backend sees another file system: the folder from before".to_owned(),
        Seen::NotAsked(why) => format!("not seen by the backend: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_backend_reads_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        for name in ["x.pdf", "a/y.MD", "a/z.exe", "README"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let mut room = Room::default();
        count(dir.path(), Instant::now(), &mut room);
        assert_eq!((room.documents, room.at_least), (2, false));
    }
}
