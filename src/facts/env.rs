//! The settings in force: the env file, what the flags of this run will write, and the defaults.
//!
//! Values of secrets are never in here, only whether there is one. Keys that the key table does not know are left
//! out altogether: they may be secrets of the operator's own.

use super::strength::{self, Flaw};
use crate::stack::env::{KEYS, Kind};
use crate::stack::service::Service;
use crate::stack::{DEFAULT_PROJECT, Stack, service};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The settings and the file they stand in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Env {
    /// The env file's path.
    pub path: PathBuf,
    /// Its mode (`0o600`); `None` when there is no such file.
    pub mode: Option<u32>,
    /// Its broken lines.
    pub problems: Vec<Line>,
    /// Keys that stand more than once, with their lines; the last one counts.
    #[serde(default)]
    pub duplicates: BTreeMap<String, Vec<usize>>,
    /// Every setting of the key table.
    pub settings: BTreeMap<String, Setting>,
}

/// One broken line; never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its value; empty for a secret.
    pub value: String,
    /// Whether it has a value, a secret too.
    pub set: bool,
    /// Whether the operator chose it, by the file or by a flag; else it is the default.
    pub chosen: bool,
    /// What is wrong with its value as a secret, or that it was never filled in.
    #[serde(default)]
    pub flaw: Option<Flaw>,
}

impl Env {
    /// Whether the file exists.
    #[must_use]
    pub fn present(&self) -> bool {
        self.mode.is_some()
    }

    /// A setting's value; empty when there is none, and for secrets.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.settings.get(key).map_or("", |setting| &setting.value)
    }

    /// Whether a setting, also a secret one, has a value.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.settings.get(key).is_some_and(|setting| setting.set)
    }

    /// Whether the operator chose this setting.
    #[must_use]
    pub fn chosen(&self, key: &str) -> bool {
        self.settings.get(key).is_some_and(|setting| setting.chosen)
    }

    /// What is wrong with a setting's value as a secret.
    #[must_use]
    pub fn flaw(&self, key: &str) -> Option<&Flaw> {
        self.settings.get(key)?.flaw.as_ref()
    }

    /// The compose project.
    #[must_use]
    pub fn project(&self) -> &str {
        match self.get("COMPOSE_PROJECT_NAME") {
            "" => DEFAULT_PROJECT,
            name => name,
        }
    }

    /// Whether the Ollama container may be part of the stack: chosen, or not decided yet.
    #[must_use]
    pub fn may_run_ollama(&self) -> bool {
        matches!(self.get("TARS_LLM"), "container" | "")
    }

    /// The services that these settings ask for.
    pub fn services_wanted(&self) -> impl Iterator<Item = &'static Service> {
        let ollama = self.get("TARS_LLM") == "container";
        service::ALL.into_iter().filter(move |service| ollama || service.name != "ollama")
    }

    /// The services that may run with these settings.
    pub fn services(&self) -> impl Iterator<Item = &'static Service> {
        let ollama = self.may_run_ollama();
        service::ALL.into_iter().filter(move |service| ollama || service.name != "ollama")
    }
}

/// Reads the settings; `flags` are keys that this run is about to write.
pub(super) fn look(stack: &Stack, flags: &[(&str, String)]) -> Result<Env> {
    let path = stack.home.env_file();
    let Some(env) = &stack.env else {
        // A file that is there and cannot be read leaves every setting in the dark.
        if let Some(problem) = &stack.env_problem {
            return Err(anyhow::anyhow!("{problem:#}"));
        }
        // The project is remembered elsewhere as well: without it this would look at another stack.
        let project = |key: &str| (key == "COMPOSE_PROJECT_NAME").then(|| stack.project());
        let settings = settings(project, flags);
        return Ok(Env { path, mode: None, problems: Vec::new(), duplicates: BTreeMap::new(), settings });
    };
    let mode = std::fs::metadata(&path).map_or(0, |meta| meta.permissions().mode() & 0o7777);
    let problems =
        env.problems().iter().map(|problem| Line { line: problem.line, what: problem.what.clone() }).collect();
    let mut duplicates: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for entry in env.entries() {
        duplicates.entry(entry.key.clone()).or_default().push(entry.line);
    }
    duplicates.retain(|_, lines| lines.len() > 1);
    Ok(Env { path, mode: Some(mode), problems, duplicates, settings: settings(|key| env.get(key), flags) })
}

fn settings<'a>(file: impl Fn(&str) -> Option<&'a str>, flags: &[(&str, String)]) -> BTreeMap<String, Setting> {
    let flag = |key: &str| flags.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
    let row = |key: &crate::stack::env::Key| {
        let chosen = flag(key.name).or_else(|| file(key.name).map(str::to_owned));
        let value = chosen.clone().unwrap_or_else(|| key.default.to_owned());
        let (set, chosen) = (!value.is_empty(), chosen.is_some());
        let flaw = match key.kind {
            Kind::Secret => strength::flaw(key.name, &value),
            _ => strength::is_placeholder(&value).then_some(Flaw::Placeholder),
        };
        let value = if key.kind == Kind::Secret { String::new() } else { without_user(value) };
        (key.name.to_owned(), Setting { value, set, chosen, flaw })
    };
    let mut all: BTreeMap<_, _> = KEYS.iter().map(row).collect();
    let secrets = KEYS.iter().filter(|key| key.kind == Kind::Secret);
    for (key, other) in strength::repeated(secrets.map(|key| (key.name, file(key.name).unwrap_or_default()))) {
        if let Some(setting) = all.get_mut(&key).filter(|setting| setting.flaw.is_none()) {
            setting.flaw = Some(Flaw::SameAs(other));
        }
    }
    all
}

/// An address without `user:password@`: that part is a secret wherever it stands.
fn without_user(value: String) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    match rest[..host_ends].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::home::Home;

    fn env(text: Option<&str>, flags: &[(&str, String)]) -> Env {
        let dir = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::write(dir.path().join("tars-home.env"), text).unwrap();
        }
        look(&Stack::read(Home::at(dir.path())), flags).unwrap()
    }

    #[test]
    fn no_secret_is_in_the_facts() {
        let env = env(
            Some("TARS_POSTGRES_PASSWORD=hunter2hunter2\nMINE=hunter3\nTARS_OLLAMA_URL=http://u:hunter4@h:1/x@y\n"),
            &[],
        );
        assert!(env.has("TARS_POSTGRES_PASSWORD") && !env.has("TARS_REDIS_PASSWORD"));
        assert_eq!(env.get("TARS_OLLAMA_URL"), "http://h:1/x@y");
        assert!(!serde_json::to_string(&env).unwrap().contains("hunter"));
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let env =
            env(Some("TARS_PORT_API=9000\nTARS_LLM=container\nbroken line\n"), &[("TARS_LLM", "none".to_owned())]);
        assert_eq!((env.get("TARS_PORT_API"), env.get("TARS_LLM"), env.get("TARS_BIND")), ("9000", "none", "0.0.0.0"));
        assert!(env.chosen("TARS_PORT_API") && env.chosen("TARS_LLM") && !env.chosen("TARS_BIND"));
        assert_eq!(env.problems[0].line, 3);
    }

    #[test]
    fn no_file_is_a_fact() {
        let env = env(None, &[]);
        assert!(!env.present() && env.project() == DEFAULT_PROJECT && env.may_run_ollama());
    }
}
