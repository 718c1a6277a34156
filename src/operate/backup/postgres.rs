//! What a Postgres dump really holds: read to its end by `pg_restore` in the server's own container, rows counted.
//!
//! `pg_restore -l` would be content with a truncated file; only reading all of it shows that it is whole.

use super::spool::Spool;
use crate::archive::PostgresRecord;
use crate::docker::{Container, Docker};
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;

/// Every table's `COPY` line with its number of rows. In the text format a row is a line, and `\.` ends them.
const COUNT: &str = r#"set -o pipefail
pg_restore --data-only -f - | awk '
in_copy && $0 == "\\." { print rows, copy; in_copy = 0; next }
in_copy { rows++; next }
/^COPY .* FROM stdin;$/ { in_copy = 1; rows = 0; copy = $0 }
END { if (in_copy) exit 3 }'"#;

/// Reads the dump and counts.
///
/// # Errors
/// When it is damaged or cut off: `pg_restore`'s own words.
pub async fn record(docker: &Docker, container: &Container, spool: &Spool, server: &str) -> Result<PostgresRecord> {
    let mut from = tokio::fs::File::from_std(spool.reader()?);
    from.set_max_buf_size(1 << 20);
    let (ended, said) = docker.exec_in(&container.id, &["bash", "-c", COUNT], &[], &mut from).await?;
    ended.well("pg_restore of what was saved").context("the dump cannot be read back")?;
    let tables = said.lines().map(table).collect::<Result<BTreeMap<_, _>>>()?;
    let database = container.env.0.iter().find(|(name, _)| name == "POSTGRES_DB").map_or("", |(_, value)| value);
    let major = server.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    Ok(PostgresRecord { database: database.to_owned(), server: server.to_owned(), major, tables })
}

/// `12 COPY public.notes (id, body) FROM stdin;` → `public.notes`, 12. Names are as Postgres quotes them.
fn table(line: &str) -> Result<(String, u64)> {
    let strange = || anyhow!("a line of the count cannot be read: {line}");
    let (rows, copy) = line.split_once(" COPY ").ok_or_else(strange)?;
    let mut quoted = false;
    let end = copy.find(|c| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    Ok((copy[..end.ok_or_else(strange)?].to_owned(), rows.parse().map_err(|_| strange())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_may_hold_blanks_and_brackets() {
        assert_eq!(table("12 COPY public.notes (id, body) FROM stdin;").unwrap(), ("public.notes".into(), 12));
        assert_eq!(table("0 COPY public.\"a (b\"\"c\" (id) FROM stdin;").unwrap().0, "public.\"a (b\"\"c\"");
        assert!(table("x COPY y z").is_err() && table("").is_err());
    }
}
