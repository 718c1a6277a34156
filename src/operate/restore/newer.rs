//! What is live and newer than the archive: what a restore would leave behind. Asked of the running servers, each under
//! a deadline; who does not answer is said, and is no reason to refuse.

use super::postgres;
use super::source::Source;
use super::{chroma, redis};
use crate::context::Context;
use crate::operate::lifecycle;
use crate::stack::component::Component;
use crate::stack::service;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a live server may take to count.
const WITHIN: Duration = Duration::from_secs(8);
/// Rows that say themselves that they are younger than the archive.
const YOUNGER: &str = "\
select format('select %L, count(*) from %I.%I where %I > %L', n.nspname || '.' || c.relname, n.nspname, c.relname, a.attname, :'since')
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and not a.attisdropped
  and a.attname in ('created_at', 'updated_at') and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)
order by 1
\\gexec
";

/// Sentences, one for each thing that differs.
pub async fn look(context: &Context, source: &Source, components: &BTreeSet<Component>, backend: &str) -> Vec<String> {
    let (rows, keys, ids) = tokio::join!(
        within("postgres", components.contains(&Component::Postgres), tables(context, source)),
        within("redis", components.contains(&Component::Redis), keys(context, source)),
        within("chromadb", components.contains(&Component::Chromadb), collections(context, source, backend)),
    );
    [rows, ids, keys].concat()
}

async fn within(name: &str, asked: bool, look: impl Future<Output = Result<Vec<String>>>) -> Vec<String> {
    if !asked {
        return Vec::new();
    }
    match tokio::time::timeout(WITHIN, look).await {
        Ok(Ok(said)) => said,
        Ok(Err(_)) | Err(_) => {
            vec![format!("{name}: does not answer now, so nobody can say what would be left behind")]
        }
    }
}

async fn live(context: &Context, name: &str) -> Result<String> {
    let docker = context.docker()?;
    let container = service::named(name).map(|service| service.container(context.stack.project())).unwrap_or_default();
    let running = lifecycle::running(docker, &context.stack).await?;
    anyhow::ensure!(running.iter().any(|service| service == name), "{name} does not run");
    Ok(container)
}

async fn tables(context: &Context, source: &Source) -> Result<Vec<String>> {
    let (docker, container) = (context.docker()?, live(context, "postgres").await?);
    let now = postgres::count(docker, &container).await?;
    let mut said = Vec::new();
    if let Some(since) = source.created() {
        let script = format!("\\set since '{since}'\n{YOUNGER}");
        let mut younger: BTreeMap<String, u64> = BTreeMap::new();
        for line in postgres::ask(docker, &container, &script).await?.lines() {
            let Some((table, rows)) = line.rsplit_once('|') else { continue };
            let most = younger.entry(table.to_owned()).or_default();
            *most = rows.parse().unwrap_or(0).max(*most);
        }
        let any = younger.iter().filter(|(_, rows)| **rows > 0);
        said.extend(
            any.map(|(table, rows)| format!("postgres: {rows} rows of {table} were written after the archive")),
        );
    }
    let Some(record) = source.contents.outcome.postgres.as_ref().filter(|_| !source.is_legacy()) else {
        return Ok(said);
    };
    for (table, rows) in &now {
        match record.tables.get(table).copied().unwrap_or(0) {
            then if then == *rows => {}
            then => said.push(format!("postgres: {table} has {rows} rows now, {then} in the archive")),
        }
    }
    Ok(said)
}

async fn keys(context: &Context, source: &Source) -> Result<Vec<String>> {
    let now = redis::count(context.docker()?, &live(context, "redis").await?).await?.keys;
    let record = source.contents.outcome.redis.as_ref().filter(|_| !source.is_legacy()).map(|record| record.keys);
    let said = record.filter(|then| *then != now).map(|then| format!("redis: {now} keys now, {then} in the archive"));
    Ok(said.into_iter().collect())
}

async fn collections(context: &Context, source: &Source, backend: &str) -> Result<Vec<String>> {
    live(context, "chromadb").await?;
    let home = context.stack.home.path().display().to_string();
    let whose = (context.run.as_str(), home.as_str());
    let now = chroma::live(context.docker()?, context.stack.project(), whose, backend).await?;
    let Some(record) = source.contents.outcome.chroma.as_ref() else { return Ok(Vec::new()) };
    let then = |name: &str| record.collections.iter().find(|row| row.name == name).map_or(0, |row| row.ids);
    let differing = now.iter().filter(|found| then(&found.name) != found.ids);
    Ok(differing
        .map(|found| {
            format!("chromadb: {} has {} records now, {} in the archive", found.name, found.ids, then(&found.name))
        })
        .collect())
}
