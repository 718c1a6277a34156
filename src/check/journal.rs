//! A run that was cut off.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Facts, NotKnown};

pub(super) const PENDING: Check =
    Check { id: "journal.pending", title: "every earlier run came to its end", preflight: true, ask: pending };

fn pending(facts: &Facts) -> Result<Answer, NotKnown> {
    let journal = facts.journal.known()?;
    if let (true, Some(pid)) = (journal.present, journal.lock_holder) {
        return Ok(Answer::skipped(format!("another run (process {pid}) is at work")));
    }
    if !journal.pending() {
        return Ok(Answer::Well);
    }
    let problem = "an earlier run was cut off while it changed the stack";
    let hint = "run: sudo tars start  (it brings that run to its end first, as does every other command that may change the stack)";
    // As long as everything runs nobody misses anything.
    let all_run = super::service::expected(facts)
        .ok()
        .and_then(Result::ok)
        .is_none_or(|all| all.iter().all(|(_, container)| container.is_some_and(crate::docker::Container::runs)));
    let finding = if all_run {
        Finding::warn("state/journal.json", problem, hint)
    } else {
        Finding::fail("state/journal.json", problem, hint)
    };
    Ok(finding.fix(Fix::Recover).into())
}
