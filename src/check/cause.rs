//! One cause, one finding: what follows from another finding is skipped and names it.
//!
//! Checks are pure and know nothing of each other's answers; this is the one place where they meet.

use super::{Answer, Finding, Outcome, Severity};

/// What a cause explains away. `*` ends a prefix.
struct Rule {
    cause: &'static str,
    follows: &'static [&'static str],
}

const fn rule(cause: &'static str, follows: &'static [&'static str]) -> Rule {
    Rule { cause, follows }
}

/// Everything that only an engine can tell.
const OF_THE_ENGINE: &[&str] = &[
    "home.other",
    "data.*",
    "service.*",
    "port.*",
    "model.*",
    "api.*",
    "gpu.*",
    "legacy.*",
    "update.version",
    "compose.valid",
    "disk.space",
];
/// Everything that needs settings.
const OF_THE_SETTINGS: &[&str] = &[
    "env.required",
    "env.placeholder",
    "env.weak",
    "compose.*",
    "port.*",
    "service.*",
    "data.*",
    "model.*",
    "api.*",
    "gpu.*",
    "backup.*",
    "disk.space",
    "memory.available",
    "registry.reachable",
    "home.other",
    "update.version",
];

/// The first cause that applies is named.
const RULES: &[Rule] = &[
    rule("engine.installed", OF_THE_ENGINE),
    rule("engine.snap", OF_THE_ENGINE),
    rule("engine.permission", OF_THE_ENGINE),
    rule("engine.running", OF_THE_ENGINE),
    rule("env.file", OF_THE_SETTINGS),
    rule("env.syntax", OF_THE_SETTINGS),
    rule("data.password", &["env.required"]),
    rule("disk.space", &["home.writable", "service.*", "data.redis", "data.postgres", "api.*", "backup.*"]),
    rule("disk.inodes", &["home.writable", "service.*", "data.redis", "data.postgres", "api.*", "backup.*"]),
    rule("home.writable", &["backup.destination"]),
    rule("env.required", &["compose.valid", "service.missing"]),
    rule("compose.valid", &["service.missing", "compose.edited"]),
    rule("journal.pending", &["service.missing", "service.stopped", "api.*", "update.version"]),
    rule("data.password", &["data.postgres"]),
    rule("data.postgres", &["data.collection", "api.ready", "api.auth"]),
    rule("data.redis", &["api.ready"]),
    rule("data.mount", &["data.collection"]),
    rule("data.collection", &["api.ready"]),
    rule("model.missing", &["api.ready"]),
    rule("api.auth", &["env.weak", "env.placeholder"]),
    rule("api.health", &["api.ready", "api.auth", "update.version"]),
    rule("service.image", &["update.version"]),
    rule("backup.destination", &["backup.recent"]),
];

/// What only a service that answers can tell.
const OF_A_SERVICE: &[(&str, &[&str])] = &[
    ("postgres", &["data.postgres", "data.collection", "api.ready", "api.auth"]),
    ("redis", &["data.redis", "api.ready"]),
    ("chromadb", &["data.collection", "api.ready"]),
    ("ollama", &["model.missing", "gpu.container", "gpu.used", "api.ready"]),
    ("backend", &["api.health", "api.ready", "api.auth", "update.version"]),
];
/// Ways in which a service does not serve: each explains what only it could tell.
const DOWN: &[&str] = &["service.missing", "service.stopped", "service.unhealthy", "service.restarting", "service.oom"];
/// Ways in which one service's own state explains another finding about the same service.
const SAME_SERVICE: &[(&str, &[&str])] = &[
    ("data.volume", &["service.stopped", "service.unhealthy", "service.restarting", "service.missing", "data.mount"]),
    ("port.conflict", &["service.stopped", "service.missing"]),
    ("service.image", &["service.missing"]),
    ("service.oom", &["service.stopped", "service.unhealthy", "service.restarting"]),
    ("service.restarting", &["service.unhealthy", "service.stopped", "service.probe"]),
    ("service.unhealthy", &["service.probe"]),
    // Of two reasons to make a container anew, the first is enough.
    ("data.mount", &["service.image"]),
];

/// Takes out of these answers what follows from another one of them.
pub(super) fn keep_causes(outcomes: &mut [Outcome]) {
    for rule in RULES {
        if failing(outcomes, rule.cause).is_some() {
            silence(outcomes, rule.cause, rule.follows, None);
        }
    }
    for (cause, follows) in SAME_SERVICE {
        for service in services_of(outcomes, cause) {
            silence(outcomes, cause, follows, Some(&service));
            if *cause == "data.volume" {
                silence(outcomes, cause, after(&service), None);
            }
        }
    }
    for cause in DOWN {
        for service in services_of(outcomes, cause) {
            silence(outcomes, cause, after(&service), None);
        }
    }
    // One that has just been started is only warned of, and can tell no more for that.
    let unhealthy = outcomes.iter().find(|outcome| outcome.id == "service.unhealthy");
    let starting: Vec<_> =
        unhealthy.iter().flat_map(|it| it.answer.findings()).flat_map(|it| it.services.clone()).collect();
    for service in starting {
        silence(outcomes, "service.unhealthy", after(&service), None);
    }
}

fn after(service: &str) -> &'static [&'static str] {
    OF_A_SERVICE.iter().find(|(name, _)| *name == service).map_or(&[], |(_, follows)| follows)
}

fn failing<'a>(outcomes: &'a [Outcome], id: &str) -> Option<&'a Finding> {
    let outcome = outcomes.iter().find(|outcome| outcome.id == id)?;
    outcome.answer.findings().iter().find(|finding| finding.severity == Severity::Fail)
}

/// The services that a check finds failing; a whole stack that is down is every one of them.
fn services_of(outcomes: &[Outcome], id: &str) -> Vec<String> {
    let outcome = outcomes.iter().find(|outcome| outcome.id == id);
    let findings = outcome.map(|outcome| outcome.answer.findings()).unwrap_or_default();
    let failing = findings.iter().filter(|finding| finding.severity == Severity::Fail);
    failing.flat_map(|finding| finding.services.clone()).collect()
}

/// Skips what is found or not known there; with a service, only what is about it.
fn silence(outcomes: &mut [Outcome], cause: &str, follows: &[&str], service: Option<&str>) {
    let meant = |id: &str| {
        follows.iter().any(|follow| follow.strip_suffix('*').map_or(*follow == id, |prefix| id.starts_with(prefix)))
    };
    // A file system that is mounted read-only is no fuller for that: its own cause.
    let own = |outcome: &Outcome| {
        outcome.id == "home.writable"
            && outcome.answer.findings().iter().any(|finding| finding.problem.contains("read-only"))
    };
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.id != cause && meant(outcome.id) && !own(outcome)) {
        match (&mut outcome.answer, service) {
            (Answer::Found(findings), Some(service)) => {
                findings.retain(|finding| {
                    !finding.services.iter().all(|name| name == service) || finding.services.is_empty()
                });
                if findings.is_empty() {
                    outcome.answer = Answer::Skipped(format!("see {cause}"));
                }
            }
            (Answer::Found(_) | Answer::Unknown(_), None) => outcome.answer = Answer::Skipped(format!("see {cause}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(id: &'static str, answer: Answer) -> Outcome {
        Outcome { id, title: "t", answer }
    }

    fn of(service: &str) -> Finding {
        Finding::fail(service, "p", "h").of(service)
    }

    #[test]
    fn what_follows_is_skipped_and_what_does_not_stays() {
        let mut outcomes = [
            outcome("service.stopped", Answer::Found(vec![of("postgres"), of("redis")])),
            outcome("data.volume", Answer::Found(vec![of("postgres")])),
            outcome("data.postgres", Answer::Unknown("it does not run".into())),
            outcome("api.ready", Answer::Found(vec![Finding::fail("API", "p", "h")])),
            outcome("backup.recent", Answer::Found(vec![Finding::warn("x", "p", "h")])),
        ];
        keep_causes(&mut outcomes);
        let about: Vec<_> = outcomes[0].answer.findings().iter().map(|finding| finding.about.as_str()).collect();
        assert_eq!(about, ["redis"], "the volume explains postgres");
        assert!(matches!(&outcomes[2].answer, Answer::Skipped(why) if why == "see data.volume"));
        assert!(matches!(&outcomes[3].answer, Answer::Skipped(_)));
        assert_eq!(outcomes[4].answer.findings().len(), 1);
    }

    #[test]
    fn a_warning_explains_nothing() {
        let mut outcomes = [
            outcome("disk.space", Answer::Found(vec![Finding::warn("/", "tight", "h")])),
            outcome("home.writable", Answer::Found(vec![Finding::fail("/", "p", "h")])),
        ];
        keep_causes(&mut outcomes);
        assert_eq!(outcomes[1].answer.findings().len(), 1);
    }

    #[test]
    fn every_id_in_the_rules_is_a_check() {
        let ids: Vec<_> = super::super::ALL.iter().map(|check| check.id).collect();
        let known = |name: &str| match name.strip_suffix('*') {
            Some(prefix) => ids.iter().any(|id| id.starts_with(prefix)),
            None => ids.contains(&name),
        };
        let rules = RULES.iter().flat_map(|rule| rule.follows.iter().chain([&rule.cause]));
        let same = SAME_SERVICE.iter().chain(OF_A_SERVICE).flat_map(|(_, follows)| follows.iter());
        let causes = SAME_SERVICE.iter().map(|(cause, _)| cause).chain(DOWN);
        for name in rules.chain(same).chain(causes) {
            assert!(known(name), "{name} is no check");
        }
    }
}
