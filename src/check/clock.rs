//! The clock: sign-ins, schedules and the order of archives go by it.

use super::{Answer, Check, Finding};
use crate::facts::{Facts, NotKnown};

pub(super) const SKEW: Check =
    Check { id: "clock.skew", title: "the clock is right and never ran backwards", preflight: false, ask: skew };

/// So much a file system's own clock may be ahead.
const SLACK_S: i64 = 120;
/// The API on this same machine has the same clock; a container with another one is none of ours.
const AHEAD_S: i64 = 5;
/// Before this version was made there was nothing of it.
const EARLIEST: i64 = 1_767_225_600;

fn skew(facts: &Facts) -> Result<Answer, NotKnown> {
    let (now, home) = (facts.gathered_at, facts.home.known()?);
    let hint = "set the clock and keep it: sudo timedatectl set-ntp true  (see: timedatectl status)";
    if now.as_second() < EARLIEST {
        let problem = format!(
            "this machine's clock says {now}, which is before this program was made: sign-ins and schedules fail"
        );
        return Ok(Finding::fail("the clock", problem, hint).into());
    }
    if let Some((path, at)) = home.newest.as_ref().filter(|(_, at)| at.as_second() > now.as_second() + SLACK_S) {
        let problem = format!(
            "the clock was set back: {} is of {}, and now it is {}; backups and sign-ins go by the clock",
            path.display(),
            at.strftime("%Y-%m-%d %H:%M UTC"),
            now.strftime("%Y-%m-%d %H:%M UTC")
        );
        return Ok(Finding::warn("the clock", problem, hint).into());
    }
    let ahead = facts.api.known().ok().and_then(|api| api.health.known().ok()).map_or(0, |health| health.ahead_s);
    if ahead.abs() > AHEAD_S {
        let problem = format!(
            "the API's clock and this machine's differ by {} s: sign-ins end too early or too late",
            ahead.abs()
        );
        return Ok(Finding::warn("the clock", problem, hint).into());
    }
    Ok(Answer::Well)
}
