//! What is known of the archives, the schedule and the place they go to. The files of the home are read; the place is
//! asked by a child, since a dead share may hold who asks for good.

use super::fact::Fact;
use crate::operate::generations::Generations;
use crate::operate::keeping::destination;
use crate::operate::keeping::look::{self, Answer, Question};
use crate::operate::keeping::mounts::FileSystem;
use crate::operate::keeping::register::{Register, Verdict};
use crate::operate::keeping::schedule::{self, Often, Schedule};
use crate::operate::keeping::units::{self, Manager};
use crate::operate::keeping::{drawer, forecast, last};
use crate::operate::program;
use crate::stack::Stack;
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything about backups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backups {
    /// When the stack was installed; for a day nobody asks for a backup.
    pub installed: Option<Timestamp>,
    /// How the last run ended; `None` before the first.
    pub last: Option<last::Last>,
    /// The newest archive that holds everything and was read again.
    pub good: Option<Archive>,
    /// The newest one of all.
    pub newest: Option<Archive>,
    /// The last drill that came to a verdict: when, and whether the archive restores.
    pub drill: Option<(Timestamp, bool)>,
    /// What runs by itself.
    pub schedule: Option<Scheduled>,
    /// Where archives go.
    pub dir: PathBuf,
    /// What came of looking there.
    pub place: Fact<Place>,
    /// Whether what the encryption key protects dies with this disk.
    pub key_at_risk: bool,
    /// How many bytes the next archive may take, where an earlier one tells.
    pub need: Option<u64>,
}

/// One archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its file.
    pub path: PathBuf,
    /// When it was made.
    pub created: Timestamp,
    /// Whether all of it was read again after it was written.
    pub verified: bool,
    /// Whether everything that was asked for is in it.
    pub complete: bool,
}

/// What runs by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// When, `HH:MM`.
    pub daily: String,
    /// Whether a drill belongs to it.
    pub drill: bool,
    /// Who starts it, in words.
    pub by: String,
    /// Its files that are not there any more.
    pub gone: Vec<PathBuf>,
    /// Whether what reads them is there at all.
    pub started: bool,
}

/// The directory that archives go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It takes files.
    Usable {
        /// Bytes that are free there.
        free: u64,
        /// The file system's id, as [`super::Disk::id`]; `None` when it could not be had.
        id: Option<u64>,
    },
    /// It does not, and why.
    Unusable(String),
}

/// Reads what the home says.
pub(super) async fn look(stack: &Stack) -> Result<Backups> {
    let dir = destination::wanted(stack, None);
    let known =
        destination::known(&stack.home)?.into_iter().find(|known| known.dir == dir).map(|known| known.file_system);
    let place = place(&dir, known.as_ref()).await;
    let register = Register::load(&stack.home)?;
    let archive = |entry: &crate::operate::keeping::register::Entry| Archive {
        path: entry.path(),
        created: entry.created,
        verified: entry.verified.is_some(),
        complete: entry.complete,
    };
    let live = || register.entries().iter().filter(|entry| entry.dropped.is_none());
    let drills = live().filter_map(|entry| entry.drilled.clone()).filter(|drilled| drilled.verdict != Verdict::Error);
    let first = Generations::load(&stack.home)?.all().first().and_then(|first| first.made.parse().ok());
    Ok(Backups {
        installed: first,
        last: last::read(&stack.home)?,
        good: register.latest_good().map(archive),
        newest: live().max_by_key(|entry| entry.created).map(archive),
        drill: drills.max_by_key(|drilled| drilled.at).map(|drilled| (drilled.at, drilled.verdict == Verdict::Pass)),
        schedule: schedule::read(&stack.home)?.map(|schedule| scheduled(&schedule, stack)),
        place,
        dir,
        key_at_risk: drawer::warning(stack, &register)?.is_some(),
        need: need(&register),
    })
}

/// The next archive takes what the last whole one took; more is not known without measuring.
fn need(register: &Register) -> Option<u64> {
    let last = register.latest_good()?;
    let components: BTreeMap<_, _> = last.components.iter().map(|it| (it.name.clone(), it.bytes)).collect();
    Some(forecast::archive_bytes(&components, register.entries().iter()))
}

fn scheduled(schedule: &Schedule, stack: &Stack) -> Scheduled {
    // The lines of a crontab are the crontab's own business: only files are looked for.
    let texts = match schedule.manager {
        Manager::Crontab => Vec::new(),
        manager => units::texts(manager, &stack.home, stack.project(), &schedule.daily),
    };
    let gone = texts.into_iter().map(|text| text.path).filter(|path| !path.exists()).collect();
    let started = match schedule.manager {
        Manager::Systemd => crate::operate::engine::has_systemd(),
        Manager::Cron | Manager::Crontab => {
            ["cron", "crond", "anacron"].iter().any(|name| program::here(name).is_some())
        }
    };
    Scheduled {
        daily: schedule.daily.clone(),
        drill: schedule.drill != Often::Never,
        by: schedule.manager.words().to_owned(),
        gone,
        started,
    }
}

async fn place(dir: &Path, known: Option<&FileSystem>) -> Fact<Place> {
    let question = Question { dir: dir.to_owned(), expected: known.cloned(), write: true };
    let answer = tokio::time::timeout(std::time::Duration::from_millis(4500), look::ask(&question))
        .await
        .unwrap_or(Answer::Silent);
    let silent = matches!(answer, Answer::Silent);
    Fact::Known(match destination::judge(dir, answer, known) {
        Ok(look) => Place::Usable { free: look.free, id: id(dir) },
        Err(_) if silent => Place::Unusable(format!("{} does not answer", dir.display())),
        Err(why) => Place::Unusable(why.words()),
    })
}

/// Asked only of a directory that has just answered.
fn id(dir: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(dir).ok().map(|meta| meta.dev())
}
