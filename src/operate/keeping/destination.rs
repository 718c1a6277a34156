//! Where an archive goes. The file system that a directory was on when it was chosen is remembered: if it is away,
//! read-only, another one or silent, nothing is written there, least of all into a bare mount point; the archive then
//! waits in the home's `backups/` for the next good run ([`super::strays`]).
//!
//! A directory that was never used before has no second chance: what is wrong with it is an error, while the operator
//! who named it is still there.

use super::forecast;
use super::look::{self, Answer, Look, Question};
use super::mounts::FileSystem;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::Stack;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use crate::ui;
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Destinations {
    destinations: Vec<Known>,
}

/// A directory that was chosen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    /// Which.
    pub dir: PathBuf,
    /// What it was on.
    pub file_system: FileSystem,
    /// When it was chosen.
    pub chosen: Timestamp,
}

/// Where this run's archive goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The directory; it exists and takes files.
    pub dir: PathBuf,
    /// Why it is the home's `backups/` and not the one that was asked for: the run's exit code is then 2.
    pub fell_back: Option<String>,
    /// The one that was asked for, when this is not it: it belongs into the register as `meant_for`.
    pub meant_for: Option<PathBuf>,
    /// What it is on.
    pub file_system: FileSystem,
    /// Bytes that are free there.
    pub free: u64,
}

/// The directory that is asked for: the flag, `TARS_BACKUP_DIR`, or the home's `backups/`.
#[must_use]
pub fn wanted(stack: &Stack, output_dir: Option<&Path>) -> PathBuf {
    let set = Some(stack.setting("TARS_BACKUP_DIR")).filter(|dir| !dir.is_empty()).map(Path::new);
    match output_dir.or(set) {
        Some(dir) => std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()),
        None => own(&stack.home),
    }
}

/// The home's own directory of archives.
#[must_use]
pub fn own(home: &Home) -> PathBuf {
    home.path().join("backups")
}

/// Every directory that was ever chosen.
///
/// # Errors
/// When the state cannot be understood.
pub fn known(home: &Home) -> Result<Vec<Known>> {
    let kept = state::load::<Kept<Destinations>>(&home.state_file("destinations.json"))?;
    Ok(kept.map(|kept| kept.data.destinations).unwrap_or_default())
}

/// Chooses where an archive of at most `need` bytes goes. Writes nothing down: [`remember`] does, once it went well.
///
/// # Errors
/// Exit 69 when a directory that was never used before is not there, 1 when neither place can take the archive.
pub async fn choose(context: &Context, output_dir: Option<&Path>, need: u64) -> Result<Destination> {
    let home = &context.stack.home;
    let wanted = wanted(&context.stack, output_dir);
    let known = known(home)?.into_iter().find(|known| known.dir == wanted).map(|known| known.file_system);
    let answer = look::ask(&Question { dir: wanted.clone(), expected: known.clone(), write: true }).await;
    let why = match judge(&wanted, answer, known.as_ref()).and_then(|look| fitting(&wanted, look, need)) {
        Ok(look) => return Ok(Destination::asked_for(wanted, look)),
        Err(Unfit::Another { look, .. }) if replaced_on_purpose(context, &wanted, &look).await => {
            let answer = look::ask(&Question { dir: wanted.clone(), expected: None, write: true }).await;
            let look = judge(&wanted, answer, None).and_then(|look| fitting(&wanted, look, need));
            return look.map(|look| Destination::asked_for(wanted.clone(), look)).map_err(|why| why.error());
        }
        Err(why) => why,
    };
    // Its own directory has no other to fall back to; a new one is the operator's to set right.
    if wanted == own(home) || known.is_none() {
        return Err(why.error());
    }
    fall_back(home, wanted, &why, need).await
}

async fn fall_back(home: &Home, wanted: PathBuf, why: &Unfit, need: u64) -> Result<Destination> {
    let dir = own(home);
    let known = known(home)?.into_iter().find(|known| known.dir == dir).map(|known| known.file_system);
    let answer = look::ask(&Question { dir: dir.clone(), expected: known.clone(), write: true }).await;
    match judge(&dir, answer, known.as_ref()).and_then(|look| fitting(&dir, look, need)) {
        Ok(look) => Ok(Destination {
            fell_back: Some(why.words()),
            meant_for: Some(wanted),
            ..Destination::asked_for(dir, look)
        }),
        Err(own) => {
            Err(Failure::new(Exit::Failed, format!("{}, and {}", why.words(), own.words())).hint(why.hint()).into())
        }
    }
}

/// An operator at a terminal may say that the new file system is the right one. Nobody else is asked.
async fn replaced_on_purpose(context: &Context, dir: &Path, look: &Look) -> bool {
    let question = format!(
        "{} is on another file system than when it was chosen, now {}. Use it from now on?",
        dir.display(),
        look.file_system
    );
    !context.ui.options().quiet && context.ui.confirm(&question, false).await.unwrap_or(false)
}

impl Destination {
    fn asked_for(dir: PathBuf, look: Look) -> Self {
        Self { dir, fell_back: None, meant_for: None, file_system: look.file_system, free: look.free }
    }
}

/// Writes down what a directory is on, now that it was used (or chosen for a schedule).
///
/// # Errors
/// When the state cannot be written.
pub fn remember(home: &Home, dir: &Path, file_system: &FileSystem) -> Result<()> {
    let path = home.state_file("destinations.json");
    let mut kept = state::load::<Kept<Destinations>>(&path)?.unwrap_or_else(|| Kept::new(Destinations::default()));
    let all = &mut kept.data.destinations;
    match all.iter_mut().find(|known| known.dir == dir) {
        Some(known) if known.file_system == *file_system => return Ok(()),
        Some(known) => known.file_system = file_system.clone(),
        None => {
            let file_system = file_system.clone();
            all.push(Known { dir: dir.to_owned(), file_system, chosen: Timestamp::now() });
        }
    }
    state::save(&path, 0o644, &kept)
}

/// Why a directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is not there; whether it was once.
    Missing { dir: PathBuf, known: bool },
    /// Something else is there than what was chosen.
    Another { dir: PathBuf, chosen: Box<FileSystem>, look: Box<Look> },
    /// It is mounted read-only.
    ReadOnly { dir: PathBuf },
    /// It does not answer.
    Silent { dir: PathBuf },
    /// It is there and takes no files.
    Failed { dir: PathBuf, why: String },
    /// It is too small.
    Full { dir: PathBuf, free: u64, need: u64 },
}

impl Unfit {
    /// What is, as a part of a sentence.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Missing { dir, .. } => format!("{} is not there", dir.display()),
            Self::Another { dir, chosen, look } => {
                format!("{} is not on {chosen} any more, but on {}", dir.display(), look.file_system)
            }
            Self::ReadOnly { dir } => format!("{} is read-only", dir.display()),
            Self::Silent { dir } => format!("{} did not answer within {} s", dir.display(), look::WITHIN.as_secs()),
            Self::Failed { dir, why } => format!("{} takes no files: {why}", dir.display()),
            Self::Full { dir, free, need } => {
                let [free, need, rest] = [*free, *need, forecast::RESERVE].map(ui::bytes);
                format!("{} has {free} free; the archive may take {need}, and {rest} must stay free", dir.display())
            }
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing { dir, known: false } => {
                format!("mount what belongs there, then make the directory: mkdir -p {}", dir.display())
            }
            Self::Missing { .. } | Self::Another { .. } => "mount it again; if it was replaced on purpose, run tars \
                 backup at a terminal, which asks, or tars backup schedule, which chooses anew"
                .to_owned(),
            Self::ReadOnly { .. } => "mount it for writing, or name another one: --output-dir DIR".to_owned(),
            Self::Silent { .. } => "is it a share whose server is away? unmount it (umount -l)".to_owned(),
            Self::Failed { .. } => "name another one: --output-dir DIR".to_owned(),
            Self::Full { .. } => "make room (tars backup prune), or name a larger place: --output-dir DIR".to_owned(),
        }
    }

    fn error(&self) -> anyhow::Error {
        let exit = if matches!(self, Self::Missing { known: false, .. }) { Exit::Unavailable } else { Exit::Failed };
        Failure::new(exit, format!("no archive can be written: {}", self.words())).hint(self.hint()).into()
    }
}

/// Whether a directory is the one that was chosen and takes files.
///
/// # Errors
/// Why not.
pub(crate) fn judge(dir: &Path, answer: Answer, known: Option<&FileSystem>) -> std::result::Result<Look, Unfit> {
    let dir = dir.to_owned();
    let look = match answer {
        Answer::There(look) => look,
        Answer::Missing => return Err(Unfit::Missing { dir, known: known.is_some() }),
        Answer::Silent => return Err(Unfit::Silent { dir }),
        Answer::Failed(why) => return Err(Unfit::Failed { dir, why }),
    };
    match known {
        Some(chosen) if !chosen.is(&look.file_system) => {
            Err(Unfit::Another { dir, chosen: Box::new(chosen.clone()), look: Box::new(look) })
        }
        _ if look.read_only => Err(Unfit::ReadOnly { dir }),
        _ => match look.unwritable {
            Some(why) => Err(Unfit::Failed { dir, why }),
            None => Ok(look),
        },
    }
}

fn fitting(dir: &Path, look: Look, need: u64) -> std::result::Result<Look, Unfit> {
    if forecast::fits(look.free, need) {
        return Ok(look);
    }
    Err(Unfit::Full { dir: dir.to_owned(), free: look.free, need })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(source: &str) -> FileSystem {
        FileSystem {
            mount_point: "/mnt/nas".into(),
            kind: "ext4".into(),
            source: source.into(),
            root: "/".into(),
            uuid: None,
        }
    }

    fn there(source: &str) -> Look {
        Look { file_system: disk(source), free: 1 << 30, read_only: false, unwritable: None, files: Vec::new() }
    }

    fn judged(answer: Answer) -> std::result::Result<Look, Unfit> {
        judge(Path::new("/mnt/nas/b"), answer, Some(&disk("/dev/sdb1")))
    }

    #[test]
    fn only_the_chosen_file_system_will_do() {
        assert!(judged(Answer::There(there("/dev/sdb1"))).is_ok());
        let said = judged(Answer::There(there("/dev/sdc1"))).unwrap_err().words();
        assert!(said.contains("/dev/sdb1") && said.contains("/dev/sdc1"), "{said}");
    }

    #[test]
    fn each_fault_has_its_own_words() {
        let read_only = Look { read_only: true, ..there("/dev/sdb1") };
        let full = Look { unwritable: Some("No space left on device".into()), ..there("/dev/sdb1") };
        for (answer, said) in [
            (Answer::Missing, "is not there"),
            (Answer::Silent, "within 10 s"),
            (Answer::Failed("stale file handle".into()), "stale file handle"),
            (Answer::There(read_only), "read-only"),
            (Answer::There(full), "No space left"),
        ] {
            let unfit = judged(answer).unwrap_err();
            assert!(unfit.words().contains(said), "{unfit:?}");
            assert!(!unfit.hint().is_empty());
        }
        let small = fitting(Path::new("/b"), there("/dev/sdb1"), 2 << 30).unwrap_err();
        assert!(small.words().contains("1.00 GiB free"), "{}", small.words());
    }

    #[test]
    fn a_new_directory_that_is_missing_is_69() {
        let unfit = judge(Path::new("/mnt/b"), Answer::Missing, None).unwrap_err();
        let error = unfit.error();
        assert_eq!(crate::error::exit_of(&error), Exit::Unavailable);
        assert!(crate::error::hints_of(&error)[0].contains("mkdir -p /mnt/b"));
    }

    #[test]
    fn what_was_chosen_is_remembered_and_can_be_chosen_anew() {
        let (_dir, home) = Home::temporary();
        let dir = Path::new("/mnt/nas/b");
        remember(&home, dir, &disk("/dev/sdb1")).unwrap();
        let first = known(&home).unwrap();
        remember(&home, dir, &disk("/dev/sdb1")).unwrap();
        remember(&home, Path::new("/other"), &disk("/dev/sdb1")).unwrap();
        remember(&home, dir, &disk("/dev/sdc1")).unwrap();
        let all = known(&home).unwrap();
        assert_eq!((first.len(), all.len()), (1, 2));
        assert_eq!(all[0].file_system.source, "/dev/sdc1");
    }
}
