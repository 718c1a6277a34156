//! The services: there, running, answering, made from the right image, with a probe and a log that are sound.
//!
//! What a service is is judged by its container; whether it answers, by its own question (`facts.live`), never by what
//! compose's health says alone.

use super::{Answer, Check, Finding, Fix};
use crate::docker::{Container, Status};
use crate::facts::{Facts, How, NotKnown, Shape};
use crate::stack::compose::MAIN;
use crate::stack::service::Service;

pub(super) const MISSING: Check = Check {
    id: "service.missing",
    title: "every service that the settings ask for has a container",
    preflight: false,
    ask: missing,
};
pub(super) const STOPPED: Check =
    Check { id: "service.stopped", title: "every service of the stack runs", preflight: false, ask: stopped };
pub(super) const RESTARTING: Check =
    Check { id: "service.restarting", title: "no service ends again and again", preflight: false, ask: restarting };
pub(super) const OOM: Check =
    Check { id: "service.oom", title: "no service was killed for want of memory", preflight: false, ask: oom };
pub(super) const UNHEALTHY: Check = Check {
    id: "service.unhealthy",
    title: "every running service answers its own question",
    preflight: false,
    ask: unhealthy,
};
pub(super) const PROBE: Check =
    Check { id: "service.probe", title: "the health probes say what is so", preflight: false, ask: probe };
pub(super) const IMAGE: Check = Check {
    id: "service.image",
    title: "every container is made from the image that the settings name",
    preflight: false,
    ask: image,
};
pub(super) const LOGS: Check =
    Check { id: "service.logs", title: "no container's log can fill the disk", preflight: false, ask: logs };

/// Right after its start a service may not answer yet.
const STARTING_S: i64 = 20;
/// So many restarts, the last one so lately, are no accident.
const RESTARTS: i64 = 3;
const LATELY_S: i64 = 120;

/// Each service that should be there, with its container; or why there is nothing to judge.
pub(super) fn expected(facts: &Facts) -> Result<Result<Vec<(&'static Service, Option<&Container>)>, Answer>, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Err(Answer::skipped("no stack is installed here")));
    }
    let containers = facts.containers.known()?;
    let of = |service: &Service| containers.iter().find(|container| container.service() == service.name);
    Ok(Ok(env.services_wanted().map(|service| (service, of(service))).collect()))
}

/// The containers of the expected services that are there.
fn there(facts: &Facts) -> Result<Result<Vec<(&'static Service, &Container)>, Answer>, NotKnown> {
    Ok(expected(facts)?.map(|all| all.into_iter().filter_map(|(service, it)| Some((service, it?))).collect()))
}

fn each(facts: &Facts, judge: impl Fn(&'static Service, &Container) -> Option<Finding>) -> Result<Answer, NotKnown> {
    Ok(match there(facts)? {
        Err(answer) => answer,
        Ok(all) => all.into_iter().filter_map(|(service, it)| judge(service, it)).collect::<Vec<_>>().into(),
    })
}

fn missing(facts: &Facts) -> Result<Answer, NotKnown> {
    let all = match expected(facts)? {
        Err(answer) => return Ok(answer),
        Ok(all) => all,
    };
    let missing = all.iter().filter(|(_, container)| container.is_none()).map(|(service, _)| service.name);
    Ok(down(missing.collect(), all.len(), "has no container", "no service of the stack has a container"))
}

fn stopped(facts: &Facts) -> Result<Answer, NotKnown> {
    let all = match there(facts)? {
        Err(answer) => return Ok(answer),
        Ok(all) => all,
    };
    let frozen = all.iter().filter(|(_, it)| it.status == Status::Paused).map(|(service, it)| {
        let hint = format!("let it go on: docker unpause {}", it.name);
        Finding::fail(service.name, format!("{} is frozen (paused): nobody gets an answer from it", service.name), hint)
            .of(service.name)
            .fix(Fix::Unpause { service: service.name.to_owned() })
    });
    let mut findings: Vec<_> = frozen.collect();
    let ended: Vec<_> = all.iter().filter(|(_, it)| has_ended(it) && !it.oom_killed).collect();
    let names: Vec<_> = ended.iter().map(|(service, _)| service.name).collect();
    if names.len() == all.len() && !all.is_empty() {
        return Ok(down(names, all.len(), "does not run", "the stack is stopped: no service runs"));
    }
    findings.extend(ended.iter().map(|(service, it)| {
        let problem = format!("{} does not run (it ended with status {})", service.name, it.exit_code);
        let hint = format!("start it: sudo tars start  (why it ended: tars logs {})", service.name);
        Finding::fail(service.name, problem, hint)
            .of(service.name)
            .fix(Fix::Start { services: vec![service.name.to_owned()] })
    }));
    Ok(findings.into())
}

fn has_ended(container: &Container) -> bool {
    matches!(container.status, Status::Exited | Status::Created | Status::Dead)
}

/// One finding for each, or one for the whole stack.
fn down(names: Vec<&'static str>, all: usize, what: &str, whole: &str) -> Answer {
    let hint = "start the stack: sudo tars start";
    if names.len() == all && all > 1 {
        let services: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let fix = Fix::Start { services: services.clone() };
        return Finding { services, ..Finding::fail("the stack", whole, hint).fix(fix) }.into();
    }
    let one = |name: &&'static str| {
        let fix = Fix::Start { services: vec![(*name).to_owned()] };
        Finding::fail(*name, format!("{name} {what}: what needs it does not work"), hint).of(*name).fix(fix)
    };
    names.iter().map(one).collect::<Vec<_>>().into()
}

fn restarting(facts: &Facts) -> Result<Answer, NotKnown> {
    let now = facts.gathered_at;
    each(facts, |service, it| {
        let again =
            it.status == Status::Restarting || (it.restarts >= RESTARTS && it.runs() && age_s(it, now) < LATELY_S);
        again.then(|| {
            let problem = format!(
                "{} ends again and again (status {}, restarted {} times): it serves nobody for long",
                service.name, it.exit_code, it.restarts
            );
            let hint = format!(
                "see why: tars logs {} --tail 30; after a change of the settings: sudo tars restart",
                service.name
            );
            Finding::fail(service.name, problem, hint).of(service.name)
        })
    })
}

/// How long ago a container started.
fn age_s(container: &Container, now: jiff::Timestamp) -> i64 {
    let started = container.started_at.parse::<jiff::Timestamp>();
    started.map_or(i64::MAX, |started| now.as_second() - started.as_second())
}

fn oom(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |service, it| {
        it.oom_killed.then(|| {
            let problem =
                format!("{} was killed by the kernel for want of memory: what it was at is lost", service.name);
            let hint = "free memory or add some (a smaller model: tars model use NAME); then: sudo tars start";
            let start = Fix::Start { services: vec![service.name.to_owned()] };
            if it.runs() {
                // It has been started again since; the mark stays until its next start.
                Finding::warn(service.name, problem, hint).of(service.name)
            } else {
                Finding::fail(service.name, problem, hint).of(service.name).fix(start)
            }
        })
    })
}

fn how<'a>(facts: &'a Facts, service: &str) -> Result<Option<&'a How>, NotKnown> {
    Ok(facts.live.known()?.iter().find(|answer| answer.service == service).map(|answer| &answer.how))
}

fn unhealthy(facts: &Facts) -> Result<Answer, NotKnown> {
    facts.live.known()?;
    let now = facts.gathered_at;
    each(facts, |service, it| {
        if !it.runs() {
            return None;
        }
        let (said, young) = match how(facts, service.name).ok()?? {
            How::Well => return None,
            How::Failed(words) => {
                (format!("its probe ({}) fails: {words}", service.probe.asks), age_s(it, now) < STARTING_S)
            }
            How::Silent => (format!("it takes the question ({}) and does not answer it", service.probe.asks), false),
        };
        let hint = format!("restart it: docker restart {}  (what it says: tars logs {})", it.name, service.name);
        if young {
            return Some(
                Finding::warn(
                    service.name,
                    format!("{} has just been started; {said}", service.name),
                    "wait a little, then look again",
                )
                .of(service.name),
            );
        }
        let fix = Fix::Restart { service: service.name.to_owned(), interrupts: false };
        Some(
            Finding::fail(service.name, format!("{} runs and serves nobody: {said}", service.name), hint)
                .of(service.name)
                .fix(fix),
        )
    })
}

fn probe(facts: &Facts) -> Result<Answer, NotKnown> {
    facts.live.known()?;
    each(facts, |service, it| {
        let health = it.health.as_ref().filter(|health| health.status == "unhealthy" || health.failing > 1)?;
        // Its own question is the service's row's, asked just now.
        if !it.runs() || !matches!(how(facts, service.name), Ok(Some(How::Well))) {
            return None;
        }
        let said = health.last_output.lines().next_back().unwrap_or_default();
        let problem = format!(
            "the health probe of {} fails ({said}) while the service answers: its health cannot be trusted",
            service.name
        );
        let hint = format!(
            "let tars put the probe right (sudo tars doctor --fix), or mend healthcheck in {MAIN} and: sudo tars restart"
        );
        Some(Finding::warn(service.name, problem, hint).of(service.name).fix(remade(facts, service, "healthcheck")))
    })
}

/// A container that was made from a wrong definition is made anew; where the operator edited the file, that part of it
/// is put back first.
fn remade(facts: &Facts, service: &Service, part: &str) -> Fix {
    let edited = facts.files.known().is_ok_and(|files| matches!(files.shapes.get(MAIN), Some(Shape::Edited(_))));
    let service = service.name.to_owned();
    if edited {
        Fix::MendCompose { file: MAIN.to_owned(), service, part: part.to_owned() }
    } else {
        Fix::Recreate { services: vec![service], interrupts: false }
    }
}

fn image(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    let images = facts.images.known()?;
    each(facts, |service, it| {
        let named = env.get(service.image_setting);
        // The backend's name holds the binary's sum: another one is a matter of versions.
        if service.name == "backend" || named.is_empty() {
            return None;
        }
        let found = images.iter().find(|image| image.service == service.name)?;
        let key = service.image_setting;
        let restart = "take what the settings name: sudo tars restart";
        let (problem, hint, fail) = match &found.id {
            None => (
                format!(
                    "the image {named} ({key}) of {} is not there any more: it cannot be started again",
                    service.name
                ),
                "get it again: sudo tars install".to_owned(),
                true,
            ),
            Some(_) if it.image != named => (
                format!("{} runs from {}, the settings name {named} ({key})", service.name, it.image),
                restart.to_owned(),
                false,
            ),
            Some(id) if *id != it.image_id => (
                format!(
                    "the name {named} means another image by now than the one that {} runs from: its next start takes another program",
                    service.name
                ),
                format!("give the name back: docker tag {} {named}; or {restart}", short(&it.image_id)),
                false,
            ),
            Some(_) => return None,
        };
        let finding = if fail {
            Finding::fail(service.name, problem, hint)
        } else {
            Finding::warn(service.name, problem, hint).fix(Fix::RestartStack)
        };
        Some(finding.of(service.name))
    })
}

fn short(id: &str) -> &str {
    let id = id.trim_start_matches("sha256:");
    &id[..id.len().min(12)]
}

fn logs(facts: &Facts) -> Result<Answer, NotKnown> {
    each(facts, |service, it| {
        // The other drivers bound their logs by themselves or hand them to somebody who does.
        let unbounded = it.log_driver == "json-file" && it.log_max.is_empty();
        unbounded.then(|| {
            let problem = format!("the log of {} grows without bound: it can fill the disk that the databases write to", service.name);
            let hint = format!("let tars put the bound back (sudo tars doctor --fix), or set max-size under logging in {MAIN} and: sudo tars restart");
            Finding::warn(service.name, problem, hint).of(service.name).fix(remade(facts, service, "logging"))
        })
    })
}
