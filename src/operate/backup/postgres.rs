//! What a Postgres dump really holds: read to its end by `pg_restore` in the server's own container, rows counted.
//!
//! `pg_restore -l` would be content with a truncated file; only reading all of it shows that it is whole.

use super::known::{self, Gathered, Known};
use super::spool::Spool;
use crate::archive::PostgresRecord;
use crate::docker::{Container, Docker};
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::path::Path;

/// Every table's `COPY` line with its number of rows, and what [`known::AWK`] wants of the rows. In the text format a
/// row is a line, and `\.` ends them; the program's functions come from the environment.
const COUNT: &str = r#"set -o pipefail
pg_restore --data-only -f - | awk "$FUNCTIONS"'
BEGIN { FS = OFS = "\t" }
in_copy && $0 == "\\." { print rows " " copy; in_copy = 0; next }
in_copy { rows++; if (want) row(); next }
/^COPY .* FROM stdin;$/ { in_copy = 1; rows = 0; copy = $0; begin(copy) }
END { if (in_copy) exit 3; done() }'"#;

/// Reads the dump and counts; what it says of documents is kept in `dir`.
///
/// # Errors
/// When it is damaged or cut off: `pg_restore`'s own words.
pub async fn record(
    docker: &Docker,
    container: &Container,
    spool: &Spool,
    server: &str,
    dir: &Path,
) -> Result<(PostgresRecord, Gathered)> {
    let mut from = tokio::fs::File::from_std(spool.reader()?);
    from.set_max_buf_size(1 << 20);
    let (mut known, mut tables, mut trouble) = (Known::in_dir(dir)?, BTreeMap::new(), None);
    let mut take = |line: &str| -> Result<()> {
        if !known.line(line)? {
            tables.extend([table(line)?]);
        }
        Ok(())
    };
    let on_line = |line: &str| trouble = trouble.take().or_else(|| take(line).err());
    let env = [format!("FUNCTIONS={}", known::AWK)];
    let ended = docker.exec_in_lines(&container.id, &["bash", "-c", COUNT], &env, &mut from, on_line).await?;
    ended.well("pg_restore of what was saved").context("the dump cannot be read back")?;
    trouble.map_or(Ok(()), Err)?;
    let database = container.env.0.iter().find(|(name, _)| name == "POSTGRES_DB").map_or("", |(_, value)| value);
    let major = server.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    let record = PostgresRecord { database: database.to_owned(), server: server.to_owned(), major, tables };
    Ok((record, known.end()?))
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
