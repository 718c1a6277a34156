//! Loading Postgres: a server on the stage fills a fresh volume through the image's own entrypoint, with the settings'
//! user, password and database; the dump goes in as one transaction.

use super::bad_archive;
use super::pipe::{Receiver, stream};
use super::stage::Stage;
use crate::docker::{Docker, HelperSpec};
use crate::stack::env;
use crate::stack::envfile::EnvFile;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

/// Nothing here is anybody's yet: write-ahead log only for what the server itself cannot do without, so that `COPY` into
/// a table of the same transaction writes its rows once. The files are synced at the commit all the same.
const QUICKLY: [&str; 11] = [
    "postgres",
    "-c",
    "wal_level=minimal",
    "-c",
    "max_wal_senders=0",
    "-c",
    "max_wal_size=2GB",
    "-c",
    "synchronous_commit=off",
    "-c",
    "autovacuum=off",
];
/// `psql` as the user of the settings, over TCP: over the socket the server that still initialises would answer. No
/// search path of the database's own: what a dump defined must not be what our questions call.
const PSQL: &str = "PGOPTIONS='-c search_path=pg_catalog' PGPASSWORD=\"$POSTGRES_PASSWORD\" exec psql -h 127.0.0.1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -XAtq -F '|' -v ON_ERROR_STOP=1";
const PG_RESTORE: &str = "PGPASSWORD=\"$POSTGRES_PASSWORD\" exec pg_restore -h 127.0.0.1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" --single-transaction --exit-on-error --no-owner";
/// Every ordinary table but those of extensions, each with a query that counts its own rows. Names are quoted as
/// `pg_dump` quotes them, which the record keeps.
const COUNT: &str = "\
select format('select %L, count(*) from only %I.%I', format('%I.%I', n.nspname, c.relname), n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
  and c.relpersistence <> 't'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1
\\gexec
";

/// Who the database is for.
#[derive(Clone)]
pub struct Account {
    /// Database.
    pub database: String,
    /// Role.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl Account {
    /// The account of these settings: what a new volume is made for is what its data will be used with.
    #[must_use]
    pub fn of(settings: &EnvFile) -> Self {
        let setting = |key| settings.get(key).filter(|value| !value.is_empty()).unwrap_or_else(|| env::default_of(key));
        Self {
            database: setting("TARS_POSTGRES_DB").to_owned(),
            user: setting("TARS_POSTGRES_USER").to_owned(),
            password: setting("TARS_POSTGRES_PASSWORD").to_owned(),
        }
    }

    /// The variables that the image's entrypoint reads.
    #[must_use]
    pub fn env(&self) -> Vec<String> {
        vec![
            format!("POSTGRES_DB={}", self.database),
            format!("POSTGRES_USER={}", self.user),
            format!("POSTGRES_PASSWORD={}", self.password),
            "POSTGRES_INITDB_ARGS=--data-checksums".to_owned(),
        ]
    }
}

/// What a container of Postgres is made of; with a volume or without one.
#[must_use]
pub fn spec(image: &str, account: &Account, volume: Option<&str>) -> HelperSpec {
    HelperSpec {
        image: image.to_owned(),
        own_entrypoint: true,
        env: account.env(),
        binds: volume.map(|volume| format!("{volume}:/var/lib/postgresql/data")).into_iter().collect(),
        shm_bytes: 256 << 20,
        // Fast shutdown; SIGTERM would wait for every client to leave.
        stop_signal: Some("SIGINT".to_owned()),
        ..HelperSpec::default()
    }
}

/// Makes and starts a server on the stage; with a volume it initialises that one.
///
/// # Errors
/// When it does not answer.
pub async fn start(stage: &Stage, what: &str, image: &str, account: &Account, volume: Option<&str>) -> Result<String> {
    let command = QUICKLY.map(str::to_owned).into();
    let name = stage.helper(what, HelperSpec { command, ..spec(image, account, volume) }).await?;
    stage.start(&name, "postgres").await.context("the Postgres that the dump is to go into does not start")?;
    Ok(name)
}

/// What came of a dump.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored {
    /// All of it is there.
    Whole,
    /// It grants rights to a role that this server does not have: once more, without grants.
    RoleMissing(String),
}

/// Loads a dump in `pg_dump`'s custom format, in one transaction.
///
/// # Errors
/// When `pg_restore` refuses it; nothing of it is then in the database.
pub async fn load(docker: &Docker, server: &str, dump: Receiver, grants: bool) -> Result<Restored> {
    load_from(docker, server, &mut StreamReader::new(stream(dump)), grants).await
}

/// As [`load`], from anything that reads.
///
/// # Errors
/// As [`load`].
pub async fn load_from(
    docker: &Docker,
    server: &str,
    from: &mut (impl AsyncRead + Unpin),
    grants: bool,
) -> Result<Restored> {
    let command = if grants { PG_RESTORE.to_owned() } else { format!("{PG_RESTORE} --no-acl") };
    let (ended, _) = docker.exec_in(server, &["sh", "-c", &command], &[], from).await?;
    let role = grants.then(|| missing_role(&ended.stderr)).flatten();
    if let (false, Some(role)) = (ended.code == 0, role) {
        return Ok(Restored::RoleMissing(role));
    }
    ended.well("pg_restore").map_err(|error| bad_archive("Postgres does not take the dump", error))?;
    Ok(Restored::Whole)
}

/// As [`load_from`], as a role that may do no more than it was given.
///
/// # Errors
/// As [`load`], also when the dump asks for more.
pub async fn load_as(
    docker: &Docker,
    server: &str,
    from: &mut (impl AsyncRead + Unpin),
    role: &str,
    password: &str,
) -> Result<()> {
    let command = PG_RESTORE.replace("$POSTGRES_PASSWORD", "$LOADER_PASSWORD").replace("$POSTGRES_USER", role);
    let env = [format!("LOADER_PASSWORD={password}")];
    let (ended, _) = docker.exec_in(server, &["sh", "-c", &command], &env, from).await?;
    ended.well("pg_restore").map_err(|error| bad_archive("Postgres does not take what the SQL made", error))
}

/// `pg_restore: error: … ERROR:  role "reader" does not exist`
fn missing_role(said: &str) -> Option<String> {
    let (before, _) = said.split_once("\" does not exist")?;
    let (_, role) = before.rsplit_once("role \"")?;
    (!role.contains(['"', '\n'])).then(|| role.to_owned())
}

/// The rows of every table, `schema.table`.
///
/// # Errors
/// When the server does not answer.
pub async fn count(docker: &Docker, server: &str) -> Result<BTreeMap<String, u64>> {
    let said = ask(docker, server, COUNT).await?;
    let row = |line: &str| {
        let (table, rows) = line.rsplit_once('|')?;
        Some((table.to_owned(), rows.parse().ok()?))
    };
    said.lines().map(|line| row(line).with_context(|| format!("psql said: {line}"))).collect()
}

/// Runs a script of psql's; it ends at the first error.
///
/// # Errors
/// When the server does not answer, or refuses.
pub async fn ask(docker: &Docker, server: &str, script: &str) -> Result<String> {
    let (ended, said) = docker.exec_in(server, &["sh", "-c", PSQL], &[], &mut script.as_bytes()).await?;
    ensure!(ended.code == 0, "psql ended with status {}: {}", ended.code, ended.stderr);
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_role_is_read_out_of_the_complaint() {
        let said = "pg_restore: while PROCESSING TOC:\npg_restore: error: could not execute query: ERROR:  role \"reader\" does not exist\nCommand was: GRANT";
        assert_eq!(missing_role(said).as_deref(), Some("reader"));
        assert_eq!(missing_role("ERROR:  relation \"x\" does not exist"), None);
    }
}
