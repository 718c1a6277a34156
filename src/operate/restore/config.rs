//! Settings out of an archive: what travels (`stack::env`), never what belongs to a machine. Secrets only out of an
//! encrypted archive.

use super::source::Source;
use crate::stack::component::Component;
use crate::stack::env::{self, Kind};
use crate::stack::envfile::EnvFile;
use anyhow::{Result, ensure};
use std::collections::BTreeSet;

/// Settings that belong to Postgres' volume: with another volume's data they would lock everybody out, and the key
/// would lock the conversations in it.
const OF_POSTGRES: [&str; 4] =
    ["TARS_POSTGRES_DB", "TARS_POSTGRES_USER", "TARS_POSTGRES_PASSWORD", "TARS_ENCRYPTION_KEY"];

/// The settings that the archive has otherwise than the present ones, in the table's order.
///
/// # Errors
/// When the archive holds none, or one that no service would take.
pub fn changes(source: &Source, present: &EnvFile, components: &BTreeSet<Component>) -> Result<Vec<(String, String)>> {
    let texts = (source.seen.secrets.as_deref(), source.seen.config.as_deref());
    ensure!(texts.0.is_some() || texts.1.is_some(), "{} holds no settings", source.name());
    let [secrets, config] = [texts.0, texts.1].map(|text| text.map(EnvFile::parse));
    let mut changed = Vec::new();
    for key in env::KEYS.iter().filter(|key| comes(key, components)) {
        let from = match key.kind {
            Kind::Secret => secrets.as_ref(),
            Kind::Travels => secrets.as_ref().or(config.as_ref()),
            Kind::Machine => None,
        };
        let value = from.and_then(|env| env.get(key.name)).filter(|value| !value.is_empty() && !is_redacted(value));
        if let Some(value) = value.filter(|value| present.get(key.name) != Some(value)) {
            changed.push((key.name.to_owned(), value.to_owned()));
        }
    }
    let mut after = present.clone();
    for (key, value) in &changed {
        after.set(key, value);
    }
    match EnvFile::parse(&after.text()).with_forms().problem() {
        Some(problem) => Err(anyhow::Error::from(problem).context("the archive's settings cannot be used")),
        None => Ok(changed),
    }
}

fn comes(key: &env::Key, components: &BTreeSet<Component>) -> bool {
    components.contains(&Component::Postgres) || !OF_POSTGRES.contains(&key.name)
}

fn is_redacted(value: &str) -> bool {
    value.contains("[REDACTED")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::restore::source::Seen;

    fn source(seen: Seen) -> Source {
        Source { seen, ..crate::operate::restore::source::empty() }
    }

    fn names(changed: Result<Vec<(String, String)>>) -> Vec<String> {
        changed.unwrap().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn what_belongs_to_a_machine_never_comes() {
        let text = "TARS_VOLUME_CHROMA=x\nTARS_IMAGE_REDIS=x\nCOMPOSE_PROJECT_NAME=x\nTARS_PORT_API=1\nTARS_DOCS_DIR=/x\nLOG_LEVEL=debug\n";
        let text = env::KEYS.iter().fold(text.to_owned(), |text, key| {
            if key.kind == Kind::Machine { format!("{text}{}=other\n", key.name) } else { text }
        });
        let source = source(Seen { secrets: Some(text), ..Seen::default() });
        let all = Component::ALL.into_iter().collect();
        assert_eq!(names(changes(&source, &EnvFile::parse(""), &all)), ["LOG_LEVEL"]);
    }

    #[test]
    fn secrets_come_from_an_encrypted_archive_and_those_of_postgres_with_its_data() {
        let secret = "q".repeat(32);
        let open = format!("TARS_JWT_SECRET={secret}\nTARS_POSTGRES_PASSWORD={secret}\n");
        let present = EnvFile::parse("TARS_JWT_SECRET=old\n");
        let plain = source(Seen { config: Some(open.clone()), ..Seen::default() });
        let all: BTreeSet<_> = Component::ALL.into_iter().collect();
        assert!(names(changes(&plain, &present, &all)).is_empty());
        let sealed = source(Seen { secrets: Some(open), ..Seen::default() });
        assert_eq!(names(changes(&sealed, &present, &all)), ["TARS_POSTGRES_PASSWORD", "TARS_JWT_SECRET"]);
        let redis = [Component::Redis].into();
        assert_eq!(names(changes(&sealed, &present, &redis)), ["TARS_JWT_SECRET"]);
    }

    #[test]
    fn a_redacted_value_is_no_value() {
        let source = source(Seen { config: Some("LOG_LEVEL=[REDACTED]\n".into()), ..Seen::default() });
        assert!(names(changes(&source, &EnvFile::parse(""), &BTreeSet::new())).is_empty());
    }
}
