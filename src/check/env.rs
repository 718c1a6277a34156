//! The env file.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Env, Facts, Flaw, NotKnown};
use crate::stack::service;

pub(super) const FILE: Check =
    Check { id: "env.file", title: "the stack has an env file", preflight: false, ask: file };
pub(super) const REQUIRED: Check = Check {
    id: "env.required",
    title: "every setting that compose needs has a value",
    preflight: false,
    ask: required,
};
pub(super) const DUPLICATE: Check =
    Check { id: "env.duplicate", title: "every setting stands once in the env file", preflight: false, ask: duplicate };
pub(super) const PLACEHOLDER: Check = Check {
    id: "env.placeholder",
    title: "no setting was left as a template has it",
    preflight: false,
    ask: placeholder,
};
pub(super) const WEAK: Check =
    Check { id: "env.weak", title: "the secrets are long, random and all different", preflight: false, ask: weak };

pub(super) const SYNTAX: Check =
    Check { id: "env.syntax", title: "every line of the env file can be read", preflight: true, ask: syntax };
pub(super) const PERMISSIONS: Check =
    Check { id: "env.permissions", title: "only its owner may read the env file", preflight: true, ask: permissions };

const NO_FILE: &str = "there is no env file yet";

fn syntax(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped(NO_FILE));
    }
    let path = env.path.display();
    let finding = |line: &crate::facts::Line| {
        let problem = format!("{path}, line {}: {}", line.line, line.what);
        let hint = "mend that line: every value is KEY=value, in '…' when it holds blanks or $";
        Finding::fail(format!("line {}", line.line), problem, hint)
    };
    Ok(env.problems.iter().map(finding).collect::<Vec<_>>().into())
}

fn permissions(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    let Some(mode) = env.mode else { return Ok(Answer::skipped(NO_FILE)) };
    let others = mode & 0o077;
    if others == 0 {
        return Ok(Answer::Well);
    }
    let path = env.path.display();
    let problem = format!("{path} has mode {mode:o}: others on this machine can read the passwords in it");
    let fix = Fix::Chmod { path: env.path.clone(), mode: 0o600 };
    Ok(Finding::warn(path.to_string(), problem, format!("run: sudo chmod 600 {path}")).fix(fix).into())
}

fn file(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if env.present() {
        return Ok(Answer::Well);
    }
    let path = env.path.display();
    let home = facts.home.known()?;
    // An installed home has a state; without it nothing was ever here.
    let was_here = home.owned.is_some() && home.newest.is_some();
    let (problem, hint) = if was_here {
        (
            format!("{path} is gone: what runs goes on, but nothing can be started or changed"),
            "put it back from a copy (an encrypted archive has one), or make a new one: sudo tars install".to_owned(),
        )
    } else {
        let home = home.path.display();
        (
            format!("no stack is installed in {home}"),
            "install one: sudo tars install; or name its home: --home DIR".to_owned(),
        )
    };
    Ok(Finding::fail(path.to_string(), problem, hint).into())
}

/// Compose stops at the first of these that is empty (`:?` in the compose files).
fn needed(key: &str) -> bool {
    let of_service = service::ALL.iter().any(|row| row.image_setting == key)
        || service::volumes().any(|(_, volume)| volume.setting == key);
    of_service
        || crate::stack::env::generated().any(|secret| secret == key)
        || matches!(
            key,
            "COMPOSE_PROJECT_NAME"
                | "COMPOSE_FILE"
                | "TARS_POSTGRES_DB"
                | "TARS_POSTGRES_USER"
                | "TARS_DOCS_DIR"
                | "TARS_LLM"
        )
}

fn required(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped(NO_FILE));
    }
    // A compose project or list of files has a default that is as good.
    let lacking = crate::stack::env::KEYS.iter().map(|key| key.name).filter(|key| needed(key) && !env.has(key));
    let fresh = !facts.filled.known().copied().unwrap_or(true);
    Ok(lacking.map(|key| empty(env, key, fresh)).collect::<Vec<_>>().into())
}

fn empty(env: &Env, key: &str, fresh: bool) -> Finding {
    let path = env.path.display();
    let problem = format!("{key} in {path} is empty: nothing can be started");
    let secret = crate::stack::env::generated().any(|secret| secret == key);
    match key {
        // A new one would lock everybody out of what the old one protects.
        "TARS_ENCRYPTION_KEY" | "TARS_POSTGRES_PASSWORD" if !fresh => Finding::fail(
            key,
            problem,
            "put the old value back: from a copy of the env file, an encrypted archive or the page of tars backup keygen",
        ),
        _ if secret => Finding::fail(key, problem, "let tars generate it: sudo tars doctor --fix")
            .fix(Fix::GenerateSecret { key: key.to_owned(), unused: fresh }),
        _ if key.starts_with("TARS_VOLUME_") && !fresh => Finding::fail(
            key,
            problem,
            "write the name of the volume with the data: state/generations.json in the home has it",
        ),
        _ => Finding::fail(key, problem, "let tars fill it in: sudo tars install"),
    }
}

fn duplicate(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped(NO_FILE));
    }
    let finding = |(key, lines): (&String, &Vec<usize>)| {
        let all: Vec<_> = lines.iter().map(ToString::to_string).collect();
        let problem = format!(
            "{key} stands in the lines {} of {}: only the last one counts, whichever was edited",
            all.join(", "),
            env.path.display()
        );
        Finding::warn(key, problem, "remove all but one, then: sudo tars restart")
    };
    Ok(env.duplicates.iter().map(finding).collect::<Vec<_>>().into())
}

/// Once the database is made, the administrator's password of the file counts no more: api.auth says whether it works.
fn judged<'a>(facts: &Facts, env: &'a Env) -> impl Iterator<Item = (&'a str, &'a Flaw)> {
    let made = facts.filled.known().copied().unwrap_or(false);
    let flaws = env.settings.iter().filter_map(|(key, setting)| Some((key.as_str(), setting.flaw.as_ref()?)));
    flaws.filter(move |(key, _)| !(made && *key == "TARS_ADMIN_PASSWORD"))
}

fn placeholder(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped(NO_FILE));
    }
    let left = judged(facts, env).filter(|(_, flaw)| **flaw == Flaw::Placeholder);
    let finding = |(key, _): (&str, &Flaw)| {
        let problem = format!(
            "{key} in {} was never filled in: it holds what a template or a guide has there",
            env.path.display()
        );
        Finding::fail(key, problem, new_value(key))
    };
    Ok(left.map(finding).collect::<Vec<_>>().into())
}

/// How a setting gets a new value without losing what the old one protects.
fn new_value(key: &str) -> String {
    match key {
        "TARS_POSTGRES_PASSWORD" => {
            "write a long random one there, then: sudo tars doctor --fix  (it has the database take it)".to_owned()
        }
        "TARS_ENCRYPTION_KEY" => {
            "write a long random one there and the old one into TARS_ENCRYPTION_KEYS_OLD, then: sudo tars restart"
                .to_owned()
        }
        "TARS_ADMIN_PASSWORD" => "sudo tars user passwd NAME  (the database is right, not the file)".to_owned(),
        "TARS_JWT_SECRET" | "TARS_REDIS_PASSWORD" => format!(
            "empty it and let tars generate one: set {key}= there, sudo tars doctor --fix --yes, sudo tars restart"
        ),
        _ => format!("write the right value of {key} there, then: sudo tars restart"),
    }
}

fn weak(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped(NO_FILE));
    }
    let finding = |(key, flaw): (&str, &Flaw)| {
        let why = match flaw {
            Flaw::Placeholder => return None,
            Flaw::Short(length) => format!("has {length} characters"),
            Flaw::Common => "is one of those that are tried first".to_owned(),
            Flaw::SameAs(other) => format!("is the same as {other}: who learns one has both"),
        };
        Some(Finding::warn(key, format!("the value of {key} {why}: it can be guessed"), new_value(key)))
    };
    Ok(judged(facts, env).filter_map(finding).collect::<Vec<_>>().into())
}
