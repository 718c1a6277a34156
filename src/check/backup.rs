//! Backups: made, read again, rehearsed, scheduled, at a place that will outlive this disk.
//!
//! For a day after the installation nothing is asked for. What was declined (`TARS_BACKUP=none`) is skipped and says so.

use super::{Answer, Check, Finding};
use crate::facts::{Archive, Backups, Facts, NotKnown, Place};
use jiff::{Timestamp, ToSpan};

pub(super) const RECENT: Check =
    Check { id: "backup.recent", title: "the last good backup is recent", preflight: false, ask: recent };
pub(super) const VERIFIED: Check = Check {
    id: "backup.verified",
    title: "the newest archive was read again to its end",
    preflight: false,
    ask: verified,
};
pub(super) const DRILLED: Check =
    Check { id: "backup.drilled", title: "a restore was rehearsed and passed", preflight: false, ask: drilled };
pub(super) const SCHEDULE: Check = Check {
    id: "backup.schedule",
    title: "backups are made by themselves every night",
    preflight: false,
    ask: schedule,
};
pub(super) const DESTINATION: Check = Check {
    id: "backup.destination",
    title: "the place where archives go takes them",
    preflight: false,
    ask: destination,
};
pub(super) const SAME_DISK: Check = Check {
    id: "backup.same_disk",
    title: "the archives are on another disk than the data",
    preflight: false,
    ask: same_disk,
};
pub(super) const KEY: Check =
    Check { id: "backup.key", title: "the encryption key is kept somewhere else as well", preflight: false, ask: key };

/// How long after the installation nobody asks for a backup, in hours.
const GRACE_H: i64 = 24;
/// A night, and the time that a run and a timer's own delay take.
const NIGHTLY_H: i64 = 26;
/// Without a schedule a week is long.
const BY_HAND_H: i64 = 7 * 24;
/// A drill is worth as much as it is young: with a weekly one two weeks, else a quarter.
const DRILL_WEEKLY_H: i64 = 15 * 24;
const DRILL_H: i64 = 92 * 24;

struct Known<'a> {
    backups: &'a Backups,
    now: Timestamp,
    /// Nothing is asked for yet.
    early: bool,
}

impl Known<'_> {
    fn older(&self, at: Timestamp, hours: i64) -> bool {
        at + hours.hours() < self.now
    }

    /// What is only asked for after the first day.
    fn later(&self, finding: Finding) -> Answer {
        if self.early {
            Answer::skipped(format!("the stack was installed less than {GRACE_H} h ago"))
        } else {
            finding.into()
        }
    }
}

fn known(facts: &Facts) -> Result<Result<Known<'_>, Answer>, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Err(Answer::skipped("no stack is installed here")));
    }
    if env.get("TARS_BACKUP") == "none" {
        return Ok(Err(Answer::skipped("backups were declined (TARS_BACKUP=none)")));
    }
    let (backups, now) = (facts.backups.known()?, facts.gathered_at);
    let Some(installed) = backups.installed else {
        return Ok(Err(Answer::skipped("the stack was not installed to its end yet")));
    };
    let early = installed + GRACE_H.hours() > now;
    Ok(Ok(Known { backups, now, early }))
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn about(archive: &Archive) -> String {
    archive.path.display().to_string()
}

fn recent(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    let hint = "make one now: sudo tars backup";
    if let Some(last) = known.backups.last.as_ref().filter(|last| last.exit != 0) {
        let why = last.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        let problem = format!("the last backup ({}) ended with exit {}{why}", day(last.at), last.exit);
        return Ok(Finding::fail(
            "the last backup",
            problem,
            "look at what it says, mend that, then: sudo tars backup",
        )
        .into());
    }
    let Some(good) = &known.backups.good else {
        return Ok(known.later(Finding::warn(
            "backups",
            "there is no good backup: a lost disk loses everything",
            hint,
        )));
    };
    let scheduled = known.backups.schedule.is_some();
    if known.older(good.created, if scheduled { NIGHTLY_H } else { BY_HAND_H }) {
        let promise = if scheduled { "backups run every night, but " } else { "" };
        let problem =
            format!("{promise}the last good backup is of {}: what came since would be lost", day(good.created));
        return Ok(Finding::warn(about(good), problem, hint).into());
    }
    Ok(Answer::Well)
}

fn verified(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    let Some(newest) = &known.backups.newest else {
        return Ok(Answer::skipped("there is no archive yet: see backup.recent"));
    };
    if newest.verified && newest.complete {
        return Ok(Answer::Well);
    }
    let file = newest.path.display();
    if !newest.complete {
        let problem = format!("{file} lacks a part of what was asked for");
        return Ok(Finding::warn(about(newest), problem, "make a whole one: sudo tars backup").into());
    }
    let problem = format!(
        "{file} was never read again to its end, or the last look found it damaged: whether it restores is not known"
    );
    Ok(Finding::warn(
        about(newest),
        problem,
        format!("read it: sudo tars backup verify {file}; if it is damaged: sudo tars backup"),
    )
    .into())
}

fn drilled(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    let hint = "rehearse a restore, it leaves nothing: sudo tars restore --drill --backup-file latest";
    let weekly = known.backups.schedule.as_ref().is_some_and(|schedule| schedule.drill);
    Ok(match known.backups.drill {
        Some((at, false)) => {
            let problem = format!("the drill of {} found the archive bad: it would not restore", day(at));
            Finding::fail("the last drill", problem, "make a new backup and rehearse that: sudo tars backup && sudo tars restore --drill --backup-file latest").into()
        }
        Some((at, true)) if known.older(at, if weekly { DRILL_WEEKLY_H } else { DRILL_H }) => {
            Finding::warn("the last drill", format!("the last drill is of {}", day(at)), hint).into()
        }
        Some(_) => Answer::Well,
        None if known.backups.good.is_none() => Answer::skipped("there is no archive yet: see backup.recent"),
        None => known.later(Finding::warn(
            "drills",
            "no restore was ever rehearsed: only that shows that an archive restores",
            hint,
        )),
    })
}

fn schedule(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    let hint = "write it anew: sudo tars backup schedule";
    let Some(schedule) = &known.backups.schedule else {
        let problem = "nothing makes backups by itself: they are as old as the last time that somebody thought of it";
        let hint = "sudo tars backup schedule; or say that none are wanted: TARS_BACKUP=none in the env file";
        return Ok(known.later(Finding::warn("schedule", problem, hint)));
    };
    if let Some(gone) = schedule.gone.first() {
        let problem = format!("{} is gone: no backup is made at {} any more", gone.display(), schedule.daily);
        return Ok(Finding::fail("schedule", problem, hint).into());
    }
    if !schedule.started {
        let problem = format!(
            "nothing on this machine reads the schedule ({}): no backup is made at {}",
            schedule.by, schedule.daily
        );
        return Ok(known.later(Finding::warn(
            "schedule",
            problem,
            "install cron (sudo apt-get install cron), then: sudo tars backup schedule",
        )));
    }
    Ok(Answer::Well)
}

fn destination(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    let dir = known.backups.dir.display();
    // Who is not root sees no more than that: it is not this user who makes the backups.
    if !facts.host.known()?.root() && facts.home.known()?.owned.is_some_and(|owned| owned.uid == 0) {
        return Ok(Answer::skipped("only root can tell whether root may write there"));
    }
    Ok(match known.backups.place.known()? {
        Place::Usable { .. } => Answer::Well,
        Place::Unusable(why) => {
            let hint = format!("mount or make {dir} again, or choose another place: TARS_BACKUP_DIR in the env file");
            Finding::fail(dir.to_string(), format!("no archive can be written: {why}"), hint).into()
        }
    })
}

fn same_disk(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    let Place::Usable { id: Some(id), .. } = known.backups.place.known()? else {
        return Ok(Answer::skipped("the place does not take archives: see backup.destination"));
    };
    if *id != facts.engine_disk.known()?.id {
        return Ok(Answer::Well);
    }
    let dir = known.backups.dir.display();
    let problem = format!("{dir} is on the same disk as the data: when that disk dies, both are gone");
    let hint = "name a directory on another disk or a NAS: TARS_BACKUP_DIR in the env file, then: sudo tars backup";
    Ok(known.later(Finding::warn(dir.to_string(), problem, hint)))
}

fn key(facts: &Facts) -> Result<Answer, NotKnown> {
    let known = match known(facts)? {
        Err(answer) => return Ok(answer),
        Ok(known) => known,
    };
    if !known.backups.key_at_risk {
        return Ok(Answer::Well);
    }
    let problem = "TARS_ENCRYPTION_KEY is in no encrypted archive and on no page: what it protects dies with this disk";
    let hint = "sudo tars backup keygen --use, then back up; or sudo tars backup keygen --stack-key, and keep the page";
    Ok(known.later(Finding::warn("TARS_ENCRYPTION_KEY", problem, hint)))
}
