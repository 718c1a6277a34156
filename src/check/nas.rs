//! The network shares. One cause each: a share that cannot be reached is not also "not mounted".

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Facts, Nas, NotKnown};
use crate::operate::nas::login::Login;
use crate::operate::nas::mount::is_of;
use crate::operate::nas::reach::Reach;
use crate::operate::nas::seen::Seen;
use crate::operate::nas::{DOCUMENTS, Kind};

pub(super) const CONFIGURED: Check = Check {
    id: "nas.configured",
    title: "each NAS share is named completely and comes back",
    preflight: false,
    ask: configured,
};
pub(super) const REACHABLE: Check =
    Check { id: "nas.reachable", title: "each NAS answers on its port", preflight: false, ask: reachable };
pub(super) const LOGIN: Check =
    Check { id: "nas.login", title: "each NAS lets this machine in", preflight: false, ask: login };
pub(super) const MOUNTED: Check =
    Check { id: "nas.mounted", title: "each NAS share is mounted in its place", preflight: false, ask: mounted };
pub(super) const READABLE: Check =
    Check { id: "nas.readable", title: "each mounted share can be listed", preflight: false, ask: readable };
pub(super) const AWAY: Check =
    Check { id: "nas.away", title: "the documents' share holds something", preflight: false, ask: away };
pub(super) const STALE: Check =
    Check { id: "nas.stale", title: "the backend sees the share as this machine does", preflight: false, ask: stale };
pub(super) const CREDENTIALS: Check = Check {
    id: "nas.credentials",
    title: "only its owner may read a share's password",
    preflight: false,
    ask: credentials,
};

/// Asks each share; without one nothing is to be asked.
fn each(facts: &Facts, ask: impl Fn(&Nas) -> Option<Finding>) -> Result<Answer, NotKnown> {
    let all = facts.nas.known()?;
    if all.is_empty() {
        return Ok(Answer::skipped("there is no NAS (TARS_NAS=none)"));
    }
    Ok(all.iter().filter_map(ask).collect::<Vec<_>>().into())
}

fn again(nas: &Nas) -> String {
    format!("run: sudo tars nas mount --name {}", nas.share.name)
}

fn is_mounted(nas: &Nas) -> bool {
    nas.mounted.as_ref().is_some_and(|mount| is_of(mount, &nas.share))
}

fn configured(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        let name = &nas.share.name;
        if let Some(problem) = &nas.problem {
            let hint =
                "mend the NAS_… lines of the env file, or name the share anew: sudo tars nas mount --host H --share S";
            return Some(Finding::fail(name, format!("the share {name} is not named as it must be: {problem}"), hint));
        }
        if nas.share.kind == Kind::Cifs && nas.credentials.is_none() && !is_mounted(nas) {
            let problem = format!("the share {name} has no credentials: nobody could sign in");
            return Some(Finding::fail(
                name,
                problem,
                format!(
                    "run: sudo tars nas mount --name {name}, with a file of user and password named after --credentials"
                ),
            ));
        }
        // A mount by hand is gone after the next start; that it is missing now is another finding.
        (is_mounted(nas) && !nas.persists).then(|| {
            let problem = format!("the share {name} is mounted and will not be after a restart of this machine");
            Finding::warn(name, problem, again(nas))
        })
    })
}

fn reachable(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        if nas.problem.is_some() {
            return None;
        }
        let (problem, hint) = nas.reach.trouble(&nas.share.host, nas.share.kind)?;
        Some(Finding::fail(&nas.share.name, problem, hint))
    })
}

fn login(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        let (problem, hint) = nas.login.trouble(&nas.share)?;
        Some(Finding::fail(&nas.share.name, problem, hint))
    })
}

/// Whether another check says already why it is not mounted.
fn explained(nas: &Nas) -> bool {
    let no_words = nas.share.kind == Kind::Cifs && nas.credentials.is_none();
    nas.problem.is_some()
        || nas.reach != Reach::Answers
        || matches!(nas.login, Login::Refused(_) | Login::NoShare(_))
        || no_words
}

fn mounted(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        if is_mounted(nas) || explained(nas) {
            return None;
        }
        let at = nas.share.mount_point.display();
        let problem = match &nas.mounted {
            Some(other) => format!("{} ({}) is mounted at {at}, not {}", other.source, other.kind, nas.share.source()),
            None => format!("{} is not mounted at {at}, though the NAS answers", nas.share.source()),
        };
        Some(Finding::fail(&nas.share.name, problem, again(nas)))
    })
}

fn readable(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        // A server that is gone makes a mounted share hang: that it cannot be reached is the cause.
        if !is_mounted(nas) || nas.reach != Reach::Answers {
            return None;
        }
        let why = nas.entries.as_ref().err()?;
        let problem = format!("{} is mounted and cannot be listed: {why}", nas.share.source());
        Some(Finding::fail(
            &nas.share.name,
            problem,
            "see whether that user may read the share, then mount it anew: sudo tars nas unmount, sudo tars nas mount",
        ))
    })
}

fn away(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        let empty = nas.share.name == DOCUMENTS && is_mounted(nas) && nas.entries == Ok(0);
        empty.then(|| {
            let problem = format!(
                "{} is mounted and empty: the index keeps its documents and gets no new ones",
                nas.share.source()
            );
            let hint =
                "put the documents back on the NAS; if they are really gone: POST /rag/sources/documents/confirm";
            Finding::warn(&nas.share.name, problem, hint)
        })
    })
}

fn stale(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        (is_mounted(nas) && nas.seen == Seen::Other).then(|| {
            let problem = format!("the backend still has the folder from before {} was mounted", nas.share.source());
            Finding::fail(&nas.share.name, problem, "run: sudo tars restart")
        })
    })
}

fn credentials(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |nas| {
        let (path, mode) = nas.credentials.as_ref()?;
        (mode & 0o077 != 0).then(|| {
            let at = path.display();
            let problem = format!("{at} has mode {mode:o}: others on this machine can read the NAS' password");
            let fix = Fix::Chmod { path: path.clone(), mode: 0o600 };
            Finding::fail(at.to_string(), problem, format!("run: sudo chmod 600 {at}")).fix(fix)
        })
    })
}
