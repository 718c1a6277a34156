//! The API as people reach it.

use super::{Answer, Check, Finding, Fix};
use crate::client::api::Verdict;
use crate::facts::{Api, Fact, Facts, NotKnown};

pub(super) const HEALTH: Check =
    Check { id: "api.health", title: "the API answers where it is published", preflight: false, ask: health };
pub(super) const READY: Check =
    Check { id: "api.ready", title: "the API has all that it needs", preflight: false, ask: ready };
pub(super) const AUTH: Check =
    Check { id: "api.auth", title: "no default or weak password opens the API", preflight: false, ask: auth };

/// The API, or why there is none to judge.
fn api(facts: &Facts) -> Result<Result<&Api, Answer>, NotKnown> {
    if !facts.env.known()?.present() {
        return Ok(Err(Answer::skipped("no stack is installed here")));
    }
    let runs = facts.containers.known()?.iter().any(|container| container.service() == "backend" && container.runs());
    if !runs {
        return Ok(Err(Answer::skipped("the backend does not run: see service.stopped")));
    }
    Ok(Ok(facts.api.known()?))
}

fn health(facts: &Facts) -> Result<Answer, NotKnown> {
    let api = match api(facts)? {
        Err(answer) => return Ok(answer),
        Ok(api) => api,
    };
    let Fact::Unknown(why) = &api.health else { return Ok(Answer::Well) };
    let problem = format!("the API does not answer at {}: {why}", api.url);
    let hint = "restart it: sudo tars restart  (what it says: tars logs backend)";
    let fix = Fix::Restart { service: "backend".to_owned(), interrupts: false };
    Ok(Finding::fail(&api.url, problem, hint).of("backend").fix(fix).into())
}

fn ready(facts: &Facts) -> Result<Answer, NotKnown> {
    let api = match api(facts)? {
        Err(answer) => return Ok(answer),
        Ok(api) => api,
    };
    let ready = api.ready.known()?;
    let hint = "look at what it names: tars status, tars logs backend";
    Ok(match ready.status {
        Verdict::Ready => Answer::Well,
        Verdict::Unavailable => Finding::fail(&api.url, format!("the API cannot work: {}", ready.words()), hint).into(),
        Verdict::Degraded => {
            let problem = format!("the API works without a part of what was chosen: {}", ready.words());
            let chosen = ready.checks.get("ollama").is_some_and(|check| check.error.is_some());
            if chosen {
                Finding::fail(&api.url, problem, hint).into()
            } else {
                Finding::warn(&api.url, problem, hint).into()
            }
        }
    })
}

fn auth(facts: &Facts) -> Result<Answer, NotKnown> {
    if let Err(answer) = api(facts)? {
        return Ok(answer);
    }
    let weak = facts.weak_admins.known()?;
    let finding = |name: &String| {
        let problem = format!("a password that is tried first everywhere lets the administrator {name} in");
        Finding::fail(name, problem, format!("give a new one: sudo tars user passwd {name}  (it is shown once)"))
    };
    Ok(weak.iter().map(finding).collect::<Vec<_>>().into())
}
