//! What the collectors stand on: the stack, the engine, its containers, what was asked for; and every value that is
//! known to be secret here.

use crate::docker::{Container, Docker};
use crate::redact::Builder;
use crate::stack::Stack;
use anyhow::{Result, anyhow};
use std::path::{Path, PathBuf};

/// What the operator asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// 1,000 lines of each log, rotated files too, instead of the last 200.
    pub all_logs: bool,
    /// Only log lines from then on: seconds since 1970; 0 for no bound.
    pub since: i32,
    /// The most bytes of the archive.
    pub most: u64,
    /// The operator's own sentence.
    pub note: String,
    /// Names of people, machines and public addresses are replaced too.
    pub obfuscate: bool,
    /// Names of documents stay.
    pub with_names: bool,
}

/// What a run looks at. Borrowed by every collector.
pub struct Ground<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// The engine, or why there is none.
    pub docker: Result<&'a Docker, &'a anyhow::Error>,
    /// The stack's containers.
    pub containers: &'a [Container],
    /// What was asked for.
    pub options: &'a Options,
}

impl<'a> Ground<'a> {
    /// The engine.
    ///
    /// # Errors
    /// Why there is none.
    pub fn engine(&self) -> Result<&'a Docker> {
        self.docker.map_err(|error| anyhow!("{error:#}"))
    }

    /// A service's container, if it has one.
    #[must_use]
    pub fn container(&self, service: &str) -> Option<&'a Container> {
        self.containers.iter().find(|container| container.service() == service)
    }

    /// A service's container that can be asked something.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn running(&self, service: &str) -> Result<&'a Container> {
        let container = self.container(service).ok_or_else(|| anyhow!("{service} has no container"))?;
        anyhow::ensure!(container.runs(), "{service} does not run ({:?})", container.status);
        Ok(container)
    }
}

/// Teaches the engine every secret that stands in files and containers of this stack, whatever its key is called where
/// the value shows what it is; and the names that `--obfuscate` replaces.
#[must_use]
pub fn secrets(mut builder: Builder, stack: &Stack, containers: &[Container]) -> Builder {
    if let Some(env) = &stack.env {
        let spoiled: Vec<_> = env.spoiled().collect();
        builder = builder.env(env.entries().map(|entry| (entry.key.as_str(), entry.value.as_str())));
        builder = builder.env(spoiled.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }
    for container in containers {
        builder = builder.env(container.env.0.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        builder = builder.env(container.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }
    for file in credential_files(stack.home.path()) {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        builder = builder.env(text.lines().filter_map(|line| line.trim().split_once('=')));
    }
    builder =
        [stack.setting("NAS_HOST"), &hostname()].into_iter().filter(|name| is_name(name)).fold(builder, Builder::host);
    let people = people();
    let users = people.iter().map(String::as_str).chain([stack.setting("NAS_USER")]);
    users.filter(|name| is_name(name)).fold(builder, Builder::user)
}

/// Files that mounts take their passwords from, and the home's own.
fn credential_files(home: &Path) -> Vec<PathBuf> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let tables = read("/etc/fstab") + &read("/proc/mounts");
    let words = tables.split([' ', '\t', ',', '\n']);
    let named = words
        .filter_map(|word| word.strip_prefix("credentials=").or_else(|| word.strip_prefix("cred=")).map(PathBuf::from));
    let own = [home.to_owned(), home.join("state")].into_iter().flat_map(|dir| dir.read_dir().into_iter().flatten());
    let own = own.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        name.contains("cred") && std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() < 1 << 16)
    });
    named.chain(own).collect()
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Accounts of people, and who called sudo.
fn people() -> Vec<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let person = |line: &str| {
        let words: Vec<_> = line.split(':').collect();
        let id: u32 = words.get(2)?.parse().ok()?;
        (1000..60000).contains(&id).then(|| words[0].to_owned())
    };
    accounts.lines().filter_map(person).chain(std::env::var("SUDO_USER")).collect()
}

/// A name that says something: words such as `localhost` stand everywhere.
fn is_name(name: &str) -> bool {
    name.len() > 2 && !matches!(name, "localhost" | "root" | "admin" | "user" | "tars" | "docker")
}
