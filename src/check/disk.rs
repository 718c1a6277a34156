//! Disk space and files.

use super::space::{Forecast, GIB, forecast, human};
use super::{Answer, Check, Finding};
use crate::facts::{Disk, Facts, NotKnown, Place};
use crate::operate::keeping::forecast::fits;

/// What a disk should keep free whatever comes.
const RESERVE: u64 = GIB;
/// Files that images and volumes may add.
const FILES: u64 = 100_000;

pub(super) const SPACE: Check = Check {
    id: "disk.space",
    title: "images, models and one restore beside live data fit on the disk",
    preflight: true,
    ask: space,
};
pub(super) const INODES: Check =
    Check { id: "disk.inodes", title: "the disk can hold many more files", preflight: true, ask: inodes };

fn space(facts: &Facts) -> Result<Answer, NotKnown> {
    let (engine, home) = (facts.engine_disk.known()?, facts.home_disk.known()?);
    let coming = forecast(facts)?;
    let mut found: Vec<_> = if engine.id == home.id {
        judge(engine, coming.engine() + coming.home, &coming).into_iter().collect()
    } else {
        let both = [judge(engine, coming.engine(), &coming), judge(home, coming.home, &coming)];
        both.into_iter().flatten().collect()
    };
    found.extend(backup(facts));
    if let Some(may_go) = may_go(facts) {
        found.iter_mut().for_each(|finding| finding.hint = format!("{may_go}; or {}", finding.hint));
    }
    Ok(found.into())
}

/// Whether the next archive will fit where archives go.
fn backup(facts: &Facts) -> Option<Finding> {
    let backups = facts.backups.known().ok()?;
    let (Place::Usable { free, .. }, need) = (backups.place.known().ok()?, backups.need?) else { return None };
    if fits(*free, need) {
        return None;
    }
    let dir = backups.dir.display();
    let problem = format!("{dir} has {} free; the next backup may take {}: it would fail", human(*free), human(need));
    Some(Finding::fail(
        dir.to_string(),
        problem,
        "remove old archives (sudo tars backup prune), or name a larger place: TARS_BACKUP_DIR in the env file",
    ))
}

/// What may go without loss, with its size.
fn may_go(facts: &Facts) -> Option<String> {
    let items = facts.clutter.known().ok().filter(|items| !items.is_empty())?;
    let bytes: u64 = items.iter().filter_map(|item| item.bytes).sum();
    let names: Vec<_> = items.iter().take(3).map(|item| item.name.as_str()).collect();
    let more = if items.len() > 3 { ", …" } else { "" };
    Some(format!("sudo tars clean makes {} free ({}{more})", human(bytes), names.join(", ")))
}

/// Half as much again is wanted above the forecast: images grow, and a pull keeps download and result for a while.
fn judge(disk: &Disk, need: u64, coming: &Forecast) -> Option<Finding> {
    let at = disk.path.display();
    let what = format!(
        "{at} has {} free; about {} are still to come (images {}, models {}, one restore beside live data {})",
        human(disk.free),
        human(need),
        human(coming.images),
        human(coming.models),
        human(coming.restore)
    );
    let hint = format!(
        "free {} there, or move the engine's data to a larger disk (data-root in /etc/docker/daemon.json), or let the models run elsewhere (--ollama-url URL)",
        human((need + need / 2 + RESERVE).saturating_sub(disk.free))
    );
    if disk.free < need && coming.sure {
        return Some(Finding::fail(at.to_string(), what, hint));
    }
    (disk.free < need + need / 2 + RESERVE)
        .then(|| Finding::warn(at.to_string(), format!("space gets tight: {what}"), hint))
}

fn inodes(facts: &Facts) -> Result<Answer, NotKnown> {
    let (engine, home) = (facts.engine_disk.known()?, facts.home_disk.known()?);
    let disks = if engine.id == home.id { vec![engine] } else { vec![engine, home] };
    // File systems that make inodes as they need them (btrfs, overlays) say 0.
    let short = |disk: &&&Disk| disk.inodes > 0 && disk.inodes_free < FILES;
    Ok(disks.iter().filter(short).map(|disk| few(disk)).collect::<Vec<_>>().into())
}

fn few(disk: &Disk) -> Finding {
    let at = disk.path.display();
    let problem =
        format!("the file system of {at} can hold only {} more files, whatever space is free", disk.inodes_free);
    let hint = format!(
        "find directories with very many files (du --inodes -x {} | sort -n | tail) and remove what may go",
        disk.at.display()
    );
    if disk.inodes_free < FILES / 10 {
        Finding::fail(at.to_string(), problem, hint)
    } else {
        Finding::warn(at.to_string(), problem, hint)
    }
}
