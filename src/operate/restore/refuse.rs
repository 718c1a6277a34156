//! Data that the servers of this stack cannot load is refused before anything is made, with the way round.

use super::redis;
use super::source::Source;
use crate::context::Context;
use crate::docker::HelperSpec;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::component::Component;
use crate::stack::images::Family;
use anyhow::Result;
use std::collections::BTreeSet;

/// The way out where an archive holds only Chroma's files.
const NO_VECTORS: &str = "set TARS_IMAGE_CHROMA to that version or a newer one (an archive made with --export-vectors is portable across versions)";

/// A version's numbers, as far as they are there.
type Version = Vec<u32>;

/// What is said of versions, and not refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What could not be known.
    pub unknown: Vec<String>,
    /// Why Chroma is loaded from `vectors/`, where its files cannot be.
    pub from_vectors: Option<String>,
}

/// Refuses what a server is too old for, and finds the way round where the archive has one.
///
/// # Errors
/// Naming both versions.
pub async fn too_new(context: &Context, source: &Source, components: &BTreeSet<Component>) -> Result<Said> {
    let mut said = Said::default();
    let unknown = &mut said.unknown;
    let outcome = &source.contents.outcome;
    if let Some(dump) = outcome.postgres.as_ref().map(|record| record.major).filter(|major| *major > 0)
        && components.contains(&Component::Postgres)
    {
        match major(context).await? {
            Some(server) => refuse_postgres(dump, server)?,
            None => unknown.push("the version of this stack's Postgres is not known".to_owned()),
        }
    }
    if let Some(dump) = source.seen.rdb_version.filter(|_| components.contains(&Component::Redis)) {
        let server = version_of(context, "TARS_IMAGE_REDIS", &["redis-server", "--version"]).await?;
        match redis::reads(&shown(&server)) {
            Some(reads) if dump > reads => return Err(redis_failure(dump, reads, &shown(&server)).into()),
            Some(_) => {}
            None => unknown.push("the version of this stack's Redis is not known".to_owned()),
        }
    }
    if let Some(record) = outcome.chroma.as_ref().filter(|_| components.contains(&Component::Chromadb)) {
        let (data, server) = (numbers(&record.version), tagged(context.stack.setting("TARS_IMAGE_CHROMA")));
        if is_downgrade(&data, &server) {
            let why = format!(
                "the vectors were written by Chroma {}, and this stack runs {}",
                record.version,
                shown(&server)
            );
            if !source.seen.vectors {
                return Err(Failure::new(Exit::Failed, why).hint(NO_VECTORS).into());
            }
            // The API that exports cannot name other tenants.
            if let Some(other) =
                record.collections.iter().find(|row| !["", "default_tenant"].contains(&row.tenant.as_str()))
            {
                let more = format!("{why}, and its vectors/ lack the tenant {}", other.tenant);
                return Err(Failure::new(Exit::Failed, more).hint(NO_VECTORS).into());
            }
            said.from_vectors = Some(format!("{why}: its records come from vectors/, through Chroma's API"));
        }
    }
    Ok(said)
}

fn refuse_postgres(dump: u32, server: u32) -> Result<()> {
    if dump <= server {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("the dump is of Postgres {dump}, and this stack runs Postgres {server}"))
        .hint(format!(
            "a dump goes into the same or a newer Postgres: set TARS_IMAGE_POSTGRES to a version {dump} in the env file"
        ))
        .into())
}

fn redis_failure(dump: u32, reads: u32, server: &str) -> Failure {
    let message = format!("the Redis dump has format {dump}, and this stack's Redis {server} reads up to {reads}");
    Failure::new(Exit::Failed, message)
        .hint("it is a cache: leave it out (--component postgres --component chromadb --component documents), or set TARS_IMAGE_REDIS to a newer one")
}

/// Data directories of Chroma only go forward; the last number is a repair.
fn is_downgrade(data: &Version, server: &Version) -> bool {
    let minor = |version: &Version| version.iter().take(2).copied().collect::<Vec<_>>();
    !data.is_empty() && !server.is_empty() && minor(data) > minor(server)
}

async fn major(context: &Context) -> Result<Option<u32>> {
    if let Ok(family) = Family::of(context.stack.setting("TARS_IMAGE_POSTGRES")) {
        return Ok(Some(family.major));
    }
    Ok(version_of(context, "TARS_IMAGE_POSTGRES", &["postgres", "--version"]).await?.first().copied())
}

/// The image's tag where it names two numbers, else what its program says.
async fn version_of(context: &Context, setting: &str, command: &[&str]) -> Result<Version> {
    let image = context.stack.setting(setting);
    let tagged = tagged(image);
    if tagged.len() >= 2 {
        return Ok(tagged);
    }
    let spec = HelperSpec {
        image: image.to_owned(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        network: "none".to_owned(),
        run: context.run.clone(),
        home: context.stack.home.path().display().to_string(),
        ..HelperSpec::default()
    };
    let (code, said) = context.docker()?.run_once(&spec, |_| {}).await?;
    let words = said.split(|c: char| c.is_whitespace() || c == '=').find(|word| !numbers(word).is_empty());
    Ok(words.filter(|_| code == 0).map(numbers).unwrap_or_default())
}

/// `redis:7.2-alpine` → 7, 2.
fn tagged(image: &str) -> Version {
    image.rsplit_once(':').map(|(_, tag)| numbers(tag)).unwrap_or_default()
}

/// `15.18 (Debian)` → 15, 18; nothing where it does not begin with a number.
fn numbers(text: &str) -> Version {
    let text = text.trim_start_matches('v');
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

fn shown(version: &Version) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_tags_and_words() {
        assert_eq!(tagged("tars-home/chroma:1.5.9-bookworm"), [1, 5, 9]);
        assert_eq!(tagged("host:5000/redis:7.2-alpine"), [7, 2]);
        assert_eq!(tagged("redis@sha256:abc"), Vec::<u32>::new());
        assert_eq!(numbers("v7.0.15"), [7, 0, 15]);
    }

    #[test]
    fn chroma_only_goes_forward() {
        assert!(is_downgrade(&vec![1, 6, 0], &vec![1, 5, 9]));
        assert!(!is_downgrade(&vec![1, 5, 10], &vec![1, 5, 9]));
        assert!(!is_downgrade(&vec![0, 5, 23], &vec![1, 5, 9]));
        assert!(!is_downgrade(&vec![], &vec![1, 5, 9]));
    }

    #[test]
    fn a_newer_dump_is_refused_with_the_way_round() {
        assert!(refuse_postgres(14, 15).is_ok() && refuse_postgres(15, 15).is_ok());
        let error = refuse_postgres(16, 15).unwrap_err();
        assert!(crate::error::hints_of(&error)[0].contains("TARS_IMAGE_POSTGRES"));
    }
}
