//! What the stores say of their data: that the password of the settings opens them, how much is in them, and whether
//! it is kept. Few numbers and names, never content.

use crate::docker::{Container, Docker, Output};
use crate::operate::backup::ask;
use crate::stack::Stack;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What Postgres says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postgres {
    /// Why it refuses the password of the settings; `None` when it takes it.
    pub refused: Option<String>,
    /// What is in it; `None` before the backend made its tables, or when it refuses.
    pub holds: Option<Holds>,
}

/// What the tables of the backend hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holds {
    /// Documents that can be found.
    pub documents: u64,
    /// Vectors that Chroma should have for them, in the generation that serves.
    pub vectors: u64,
    /// The collection that serves, its model and the dimension of its vectors.
    pub serving: Option<Serving>,
    /// Administrators that may sign in.
    pub admins: u64,
}

/// The generation of vectors that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The collection's name in Chroma.
    pub collection: String,
    /// The embedding model.
    pub model: String,
    /// Numbers in a vector.
    pub dimension: u64,
}

/// What Redis says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redis {
    /// Why it refuses the password of the settings; `None` when it takes it.
    pub refused: Option<String>,
    /// `INFO persistence` and `INFO memory`, as far as a check asks for it, and `dir`.
    pub info: BTreeMap<String, String>,
}

/// What Chroma says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chroma {
    /// Its collections.
    pub collections: Vec<Collection>,
}

/// One collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Its ids.
    pub ids: u64,
    /// Numbers in a vector; `None` while it is empty.
    pub dimension: Option<u64>,
}

/// The tables may not be there yet: then the second statement fails, and the first has said that the login is well.
const COUNTS: &str = "select json_build_object(
  'documents', (select count(*) from documents where trashed_at is null and chunk_count > 0),
  'vectors', (select coalesce(sum(v.done), 0) from vectors v join generations g on g.id = v.generation where g.state = 'serving'),
  'serving', (select json_build_object('collection', collection, 'model', model, 'dimension', dimension) from generations where state = 'serving'),
  'admins', (select count(*) from users where role = 'admin' and disabled_at is null))";
/// Over the container's own address: on loopback everybody is trusted, and a wrong password would not show.
const PSQL: &str = "exec timeout 4 psql -h \"$(cat /etc/hostname)\" -U \"$ASK_USER\" -d \"$ASK_DB\" -w -XAtq -c 'select 1' -c \"$ASK\"";
/// What `INFO` is read for.
const INFO: [&str; 9] = [
    "loading",
    "rdb_last_bgsave_status",
    "aof_enabled",
    "aof_last_bgrewrite_status",
    "aof_last_write_status",
    "used_memory",
    "maxmemory",
    "maxmemory_policy",
    "rdb_changes_since_last_save",
];
const REDIS: &str = "timeout 4 redis-cli -e info persistence && timeout 4 redis-cli -e info memory && timeout 4 redis-cli -e config get dir";

pub(super) async fn postgres(
    docker: &Docker,
    container: &Container,
    stack: &Stack,
    password: Option<String>,
) -> Result<Postgres> {
    // Without settings the container's own password must do: then only the counts are known.
    let own = || container.env.0.iter().find(|(name, _)| name == "POSTGRES_PASSWORD").map(|(_, value)| value.clone());
    let password = password.or_else(own).context("no password is known")?;
    let env = [
        format!("PGPASSWORD={password}"),
        format!("ASK_USER={}", stack.setting("TARS_POSTGRES_USER")),
        format!("ASK_DB={}", stack.setting("TARS_POSTGRES_DB")),
        format!("ASK={COUNTS}"),
        "PGCONNECT_TIMEOUT=3".to_owned(),
    ];
    let (output, said) = run(docker, container, PSQL, &env).await?;
    if said.first().is_some_and(|line| line == "1") {
        let holds =
            said.get(1).map(|line| serde_json::from_str(line)).transpose().context("its counts cannot be read")?;
        return Ok(Postgres { refused: None, holds });
    }
    let words = last_line(&output.stderr);
    if refuses_login(&words) {
        return Ok(Postgres { refused: Some(words), holds: None });
    }
    bail!("psql ended with status {}: {words}", output.code)
}

/// Wrong password, no such user, no such database: it answers, and does not let this user in.
fn refuses_login(words: &str) -> bool {
    ["authentication failed", "no password supplied", "does not exist", "not permitted to log in"]
        .iter()
        .any(|mark| words.contains(mark))
}

pub(super) async fn redis(docker: &Docker, container: &Container, password: Option<String>) -> Result<Redis> {
    let env: Vec<_> = password.map(|password| format!("REDISCLI_AUTH={password}")).into_iter().collect();
    let (output, said) = run(docker, container, REDIS, &env).await?;
    let words = format!("{} {}", said.join(" "), output.stderr.trim());
    if let Some(mark) = ["WRONGPASS", "NOAUTH", "AUTH failed"].iter().find(|mark| words.contains(**mark)) {
        return Ok(Redis { refused: Some((*mark).to_owned()), info: BTreeMap::new() });
    }
    if !output.ok() {
        bail!("redis-cli ended with status {}: {}", output.code, last_line(&words));
    }
    Ok(Redis { refused: None, info: info(&said) })
}

fn info(said: &[String]) -> BTreeMap<String, String> {
    let pairs = said.iter().filter_map(|line| line.split_once(':'));
    let mut info: BTreeMap<_, _> =
        pairs.filter(|(key, _)| INFO.contains(key)).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    // `config get dir` answers two lines: the name and the value.
    let dir = said.iter().position(|line| line == "dir").and_then(|at| said.get(at + 1));
    info.extend(dir.map(|dir| ("dir".to_owned(), dir.clone())));
    info
}

pub(super) async fn chroma(docker: &Docker, container: &Container) -> Result<Chroma> {
    let all = ask::Chroma::connect(docker, &container.id).await?.collections().await?;
    let collection = |it: ask::Collection| Collection { name: it.name, ids: it.count, dimension: it.dimension };
    Ok(Chroma { collections: all.into_iter().map(collection).collect() })
}

async fn run(docker: &Docker, container: &Container, script: &str, env: &[String]) -> Result<(Output, Vec<String>)> {
    let mut said = Vec::new();
    let output =
        docker.exec_lines(&container.id, &["sh", "-c", script], env, |line| said.push(line.to_owned())).await?;
    Ok((output, said))
}

fn last_line(text: &str) -> String {
    text.trim().lines().next_back().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_redis_are_read_and_the_rest_is_left() {
        let said = ["# Persistence", "loading:0", "rdb_last_bgsave_status:err", "aof_base_size:88", "dir", "/data"]
            .map(str::to_owned);
        let info = info(&said);
        assert_eq!(info["rdb_last_bgsave_status"], "err");
        assert_eq!((info["dir"].as_str(), info.len()), ("/data", 3));
    }

    #[test]
    fn a_refused_login_is_no_dead_server() {
        assert!(refuses_login("psql: error: … FATAL:  password authentication failed for user \"tars\""));
        assert!(refuses_login("FATAL:  role \"tars\" does not exist"));
        assert!(!refuses_login("could not connect to server: Connection refused"));
        assert!(!refuses_login("FATAL:  the database system is starting up"));
    }
}
