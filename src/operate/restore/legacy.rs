//! Plain SQL, as the bash scripts wrote it, is code. It runs only in a throw-away Postgres without a volume, as a role
//! that owns that one database and nothing else, in one transaction; what it made is dumped from there and loaded like
//! any other dump.
//!
//! psql's own commands begin with a backslash and can run programs. Those at the beginning of a line are refused before
//! anything is made, and psql itself runs restricted (`\restrict`, psql 15.14 and newer), which refuses all others.

use super::pipe::{Pipe, Receiver, stream};
use super::postgres::{self, Account};
use super::stage::Stage;
use super::{bad_archive, bad_archive_alone};
use crate::docker::HelperSpec;
use crate::stack::env;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use tokio_util::io::StreamReader;

/// A longer line is a row's data, never a command or the beginning of a table.
const LINE_BYTES: u64 = 1 << 20;
/// The role that owns the database; no superuser.
const ROLE: &str = "loader";
const LOAD: &str = "PGPASSWORD=\"$LOADER_PASSWORD\" exec psql -h 127.0.0.1 -U loader -d \"$POSTGRES_DB\" -Xq -v ON_ERROR_STOP=1 --single-transaction -f -";
const DUMP: &str = "PGPASSWORD=\"$LOADER_PASSWORD\" exec pg_dump -h 127.0.0.1 -U loader -d \"$POSTGRES_DB\" -Fc -Z0 --no-owner --no-acl";

/// What a line of a dump is, outside of a table's rows.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// SQL, or a row.
    Text,
    /// What `pg_dump` writes to restrict psql; we do that ourselves.
    Restriction,
    /// A command of psql's.
    Command(String),
}

/// Follows a dump line by line: rows of a table may begin with a backslash.
#[derive(Default)]
struct Scanner {
    in_rows: bool,
}

impl Scanner {
    fn line(&mut self, line: &[u8]) -> Line {
        let text = line.trim_ascii();
        if self.in_rows {
            self.in_rows = text != b"\\.";
            return Line::Text;
        }
        if let Some(command) = text.strip_prefix(b"\\") {
            let word = command.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            return match word {
                b"restrict" | b"unrestrict" => Line::Restriction,
                other => Line::Command(String::from_utf8_lossy(other).chars().take(40).collect()),
            };
        }
        self.in_rows = text.starts_with(b"COPY ") && text.ends_with(b" FROM stdin;");
        Line::Text
    }
}

/// Refuses a dump with commands of psql's.
///
/// # Errors
/// Naming the first one and its line.
pub fn refuse_commands(from: &mut dyn Read) -> Result<()> {
    filter(from, &mut io::sink())
}

/// Copies a dump without its own restrictions.
///
/// # Errors
/// As [`refuse_commands`]; also when nobody takes it.
pub fn filter(from: &mut dyn Read, to: &mut dyn Write) -> Result<()> {
    let (mut from, mut line) = (BufReader::with_capacity(64 << 10, from), Vec::new());
    let (mut scanner, mut goes_on, mut number) = (Scanner::default(), false, 0_u64);
    loop {
        line.clear();
        if from.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let seen = if goes_on { Line::Text } else { scanner.line(&line) };
        number += u64::from(!goes_on);
        goes_on = !line.ends_with(b"\n");
        match seen {
            Line::Text => to.write_all(&line)?,
            Line::Restriction => {}
            Line::Command(word) => {
                let words =
                    format!("line {number} of the SQL dump is psql's command \\{word}, which could run anything");
                return Err(bad_archive_alone(words));
            }
        }
    }
}

/// Writes what psql reads: restricted from its first line by a key that the dump cannot know.
///
/// # Errors
/// As [`filter`].
pub fn write(from: &mut dyn Read, to: &mut Pipe, key: &str) -> Result<()> {
    to.write_all(format!("\\restrict {key}\n").as_bytes())?;
    filter(from, to)?;
    to.write_all(format!("\n\\unrestrict {key}\n").as_bytes())?;
    Ok(())
}

/// Runs the SQL in a throw-away Postgres and loads what it made into `server`. Returns the rows of every table there.
///
/// # Errors
/// When the SQL has an error, asks for more than its own database, or what it made cannot be loaded.
pub async fn load(stage: &Stage, image: &str, server: &str, sql: Receiver) -> Result<BTreeMap<String, u64>> {
    let account =
        Account { database: "legacy".to_owned(), user: "keeper".to_owned(), password: env::generate_secret()? };
    let password = env::generate_secret()?;
    let mut spec = postgres::spec(image, &account, None);
    spec.env.push(format!("LOADER_PASSWORD={password}"));
    let old = stage.helper("legacy", HelperSpec { command: vec!["postgres".to_owned()], ..spec }).await?;
    stage.start(&old, "postgres").await.context("the throw-away Postgres does not start")?;
    let role = format!(
        "create role {ROLE} login nosuperuser nocreatedb nocreaterole password '{password}';\n\
         alter database legacy owner to {ROLE};\n"
    );
    postgres::ask(&stage.docker, &old, &role).await?;
    let mut from = StreamReader::new(stream(sql));
    let (ended, _) = stage.docker.exec_in(&old, &["sh", "-c", LOAD], &[], &mut from).await?;
    ended.well("psql").map_err(|error| bad_archive("the SQL dump has an error, and none of it counts", error))?;
    let rows = postgres::count(&stage.docker, &old).await?;
    let (mut to, mut from) = tokio::io::duplex(1 << 20);
    let dump = async {
        let ended = stage.docker.exec_out(&old, &["sh", "-c", DUMP], &[], &mut to).await;
        drop(to);
        ended?.well("pg_dump")
    };
    // Functions of the SQL run once more where they are loaded: there as well as a role that owns nothing else.
    let entrance = env::generate_secret()?;
    let role = format!(
        "create role {ROLE} login nosuperuser nocreatedb nocreaterole password '{entrance}';\n\
         select format('alter database %I owner to {ROLE}', current_database()) \\gexec\n"
    );
    postgres::ask(&stage.docker, server, &role).await?;
    let load = postgres::load_as(&stage.docker, server, &mut from, ROLE, &entrance);
    let (dumped, loaded) = tokio::join!(dump, load);
    dumped?;
    loaded?;
    stage.docker.remove(&old).await?;
    postgres::ask(&stage.docker, server, &handed_over()).await?;
    let there = postgres::count(&stage.docker, server).await?;
    ensure!(there == rows, "the loaded tables differ from those that the SQL made");
    Ok(there)
}

/// What the loader owns becomes the user's, and the loader goes.
fn handed_over() -> String {
    format!(
        "select format('reassign owned by {ROLE} to %I', current_user) \\gexec\n\
         select format('alter database %I owner to %I', current_database(), current_user) \\gexec\n\
         drop owned by {ROLE};\ndrop role {ROLE};\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(sql: &str) -> Result<String> {
        let mut out = Vec::new();
        filter(&mut sql.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_pg_dump_writes_passes_without_its_restrictions() {
        let sql = "\\restrict k\n--\nSET x = 0;\nCOPY public.notes (id, h) FROM stdin;\n\\\\x\t\\N\n\\! data\n\\.\n\nselect 1;\n\\unrestrict k\n";
        let expected = sql.replace("\\restrict k\n", "").replace("\\unrestrict k\n", "");
        assert_eq!(through(sql).unwrap(), expected);
    }

    #[test]
    fn commands_of_psql_are_refused_with_their_line() {
        for command in ["\\! touch /tmp/x", "  \\copy t from program 'x'", "\\connect other", "\\i /etc/passwd", "\\."]
        {
            let error = through(&format!("select 1;\n{command}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 2 "), "{command}: {error}");
        }
        // After the rows of a table as well.
        assert!(through("COPY t FROM stdin;\na\n\\.\n\\! x\n").is_err());
    }

    #[test]
    fn a_line_without_an_end_is_read_in_pieces() {
        let sql = format!("COPY t FROM stdin;\n{}\n\\.\n", "x".repeat(3 << 20));
        assert_eq!(through(&sql).unwrap(), sql);
    }
}
