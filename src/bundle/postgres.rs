//! Postgres: version, sizes, rows, the schema's level, who waits for whom; of the documents only counts. No statement's
//! text and no row's content is asked for.

use super::ground::Ground;
use super::tray::Tray;
use crate::docker::Docker;
use anyhow::{Result, bail};

/// Each runs by itself: a table that is not there yet leaves the others' answers.
const QUESTIONS: &[(&str, &str)] = &[
    ("server", "select version(), pg_postmaster_start_time(), now()"),
    (
        "sizes of databases",
        "select datname, pg_size_pretty(pg_database_size(oid)), datconnlimit from pg_database where datallowconn",
    ),
    (
        "tables (rows as the statistics know them)",
        "select relname, n_live_tup, n_dead_tup, pg_size_pretty(pg_total_relation_size(relid)), last_autovacuum, last_autoanalyze from pg_stat_user_tables order by pg_total_relation_size(relid) desc limit 60",
    ),
    ("schema", "select version, name from schema_migrations order by version"),
    (
        "connections",
        "select state, wait_event_type, count(*), max(now() - state_change) from pg_stat_activity group by 1, 2 order by 3 desc",
    ),
    (
        "locks that wait",
        "select l.pid, l.locktype, l.mode, coalesce(l.relation::regclass::text, ''), a.state, now() - a.query_start, pg_blocking_pids(l.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid where not l.granted limit 50",
    ),
    (
        "counters",
        "select datname, xact_commit, xact_rollback, blks_hit, blks_read, temp_files, deadlocks, checksum_failures, stats_reset from pg_stat_database where datname = current_database()",
    ),
    (
        "settings that differ from the defaults",
        "select name, setting, unit, source from pg_settings where source not in ('default', 'override', 'client') and name not like '%conninfo%' and name not like '%command%' order by name",
    ),
    ("extensions", "select extname, extversion from pg_extension"),
    (
        "documents",
        "select count(*) filter (where trashed_at is null), count(*) filter (where trashed_at is not null), count(*) filter (where indexed_at is null), coalesce(sum(chunk_count), 0), coalesce(sum(bytes), 0) from documents",
    ),
    (
        "documents set aside, by reason",
        "select reason, count(*) from places where reason is not null group by reason order by 2 desc limit 40",
    ),
    ("work to do", "select count(*), count(begun_at), min(asked_at), max(attempts) from jobs"),
    ("sources", "select id, state, why, scanned_at, found, missing from sources order by id"),
    ("indexes", "select id, collection, model, dimension, state from generations order by id"),
];

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let container = ground.running("postgres")?;
    let mut queries = Vec::new();
    for (heading, query) in QUESTIONS {
        queries.push(format!("\\echo\n\\echo '# {heading}'"));
        queries.push((*query).to_owned());
    }
    let answer = psql(ground.engine()?, &container.id, &queries).await?;
    tray.text("stores/postgres.txt", &answer);
    Ok(())
}

/// Asks in the server's own container. A server that hangs is given up by `psql` itself: nothing stays behind.
async fn psql(docker: &Docker, container: &str, queries: &[String]) -> Result<String> {
    let script = "export PGPASSWORD=\"$POSTGRES_PASSWORD\" PGCONNECT_TIMEOUT=3 PGOPTIONS='-c statement_timeout=2500 -c lock_timeout=1000'; exec timeout 4 psql -h 127.0.0.1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -X -q -A -F ' | ' -P footer=off \"$@\" 2>&1";
    let mut command = vec!["sh", "-c", script, "psql"];
    let flags: Vec<_> = queries
        .iter()
        .flat_map(|query| query.split('\n').map(|line| ["-c", line]).collect::<Vec<_>>())
        .flatten()
        .collect();
    command.extend(flags);
    let said = docker.exec(container, &command).await?;
    // 2: no connection, 124: no end. A query that failed is told in its place.
    if said.stdout.trim().is_empty() || matches!(said.code, 2 | 124) {
        bail!("psql gave no answer (status {}): {} {}", said.code, said.stdout.trim(), said.stderr.trim());
    }
    Ok(said.stdout)
}

/// The names of all documents, so that they can be left out everywhere.
pub(super) async fn document_names(docker: &Docker, container: &str) -> Result<Vec<String>> {
    let query = "select path from places union select file_name from documents limit 10000";
    let said = psql(docker, container, &["\\pset tuples_only on".to_owned(), query.to_owned()]).await?;
    Ok(said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("ERROR"))
        .map(str::to_owned)
        .collect())
}
