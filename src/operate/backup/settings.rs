//! The settings in the archive: without secrets always, and as they are only inside an encrypted one.

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::redact::Redactor;
use crate::stack::envfile::EnvFile;
use crate::stack::{Stack, compose, env};
use anyhow::{Context as _, Result};

/// A file for the archive.
#[derive(Debug)]
pub struct Setting {
    /// Its path there.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Env file and compose files, redacted; with `whole` the real env file as well.
///
/// # Errors
/// When one cannot be read.
pub fn files(context: &Context, whole: bool) -> Result<Vec<Setting>> {
    let stack = &context.stack;
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
    };
    let text = read(&stack.home.env_file())?;
    let mut files =
        vec![Setting { path: "config/tars-home.env".to_owned(), content: redacted(&text, &context.redactor).into() }];
    for name in compose_files(stack) {
        let path = stack.home.path().join(&name);
        if !path.is_file() {
            continue;
        }
        let clean = context.redactor.text(&read(&path)?).into_owned();
        let name = name.rsplit('/').next().unwrap_or_default();
        files.push(Setting { path: format!("config/{name}"), content: clean.into() });
    }
    files.dedup_by(|a, b| a.path == b.path);
    if whole {
        files.push(Setting { path: "secrets/tars-home.env".to_owned(), content: text.into() });
    }
    Ok(files)
}

/// Refuses words that hold a secret of this stack, in whatever encoding.
///
/// # Errors
/// Naming the file and never the secret.
pub fn refuse_secrets(context: &Context, path: &str, bytes: &[u8]) -> Result<()> {
    let Some(settings) = &context.stack.env else { return Ok(()) };
    let known = env::secrets().filter_map(|key| Some((key, settings.get(key)?)));
    let scanner = known.fold(Redactor::builder(), |builder, (key, value)| builder.value(key, value)).build();
    let seen = scanner.known_values().seen_in(bytes)?;
    let Some(first) = seen.first() else { return Ok(()) };
    Err(Failure::new(
        Exit::Failed,
        format!("{path} of the archive would hold {} of this stack in the clear", first.name),
    )
    .hint("nothing was written; encrypt the archive: --encrypt-to RECIPIENT; and report this: it is a fault of tars")
    .into())
}

/// Both composes' lists: what is in use, the operator's own files included, and what `tars` keeps beside it.
fn compose_files(stack: &Stack) -> Vec<String> {
    let used = stack.setting("COMPOSE_FILE").split(':').map(str::to_owned);
    let mut all: Vec<String> = used.chain(compose::FILES.iter().map(|(name, _)| (*name).to_owned())).collect();
    all.sort();
    all.dedup();
    all
}

fn redacted(text: &str, redactor: &Redactor) -> String {
    let mut env = EnvFile::parse(text);
    for key in env::secrets() {
        if env.get(key).is_some_and(|value| !value.is_empty()) {
            env.set(key, "[REDACTED]");
        }
    }
    redactor.text(&env.text()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_of_the_table_goes_and_the_rest_stays() {
        let lines: Vec<_> = env::secrets().map(|key| format!("{key}={}\n", env::generate_secret().unwrap())).collect();
        let secrets = lines.concat();
        let text = redacted(&format!("# mine\nTARS_PORT_API=8000\n{secrets}"), &Redactor::default());
        assert!(text.starts_with("# mine\nTARS_PORT_API=8000\n"));
        assert_eq!(text.matches("[REDACTED").count(), env::secrets().count(), "{text}");
    }
}
