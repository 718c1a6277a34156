//! The schema: numbered SQL files, applied once each, all that are missing in one transaction.
//!
//! An advisory lock lets one process at a time migrate. A database that knows a number which this binary does not is
//! newer than it and refused as it is. Everything is asked in the simple protocol, text only.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use tokio_postgres::{Client, SimpleQueryMessage};

/// One step of the schema.
pub(crate) struct Migration {
    /// Its number; never used twice, never changed once released.
    version: u32,
    /// What it is for.
    name: &'static str,
    sql: &'static str,
}

/// Every step. 1–9: accounts and operation; 10–19: documents, retrieval and conversations; 20: what the page needs of all.
const ALL: &[Migration] = &[
    Migration { version: 1, name: "who", sql: include_str!("migrations/0001_who.sql") },
    Migration { version: 10, name: "documents", sql: include_str!("migrations/0010_documents.sql") },
    Migration { version: 11, name: "index", sql: include_str!("migrations/0011_index.sql") },
    Migration { version: 12, name: "conversations", sql: include_str!("migrations/0012_conversations.sql") },
    Migration { version: 13, name: "bad-days", sql: include_str!("migrations/0013_bad_days.sql") },
    Migration { version: 20, name: "page", sql: include_str!("migrations/0020_page.sql") },
];

/// "tars" as a number: the lock's name.
const LOCK: i64 = 0x7461_7273;

/// The database was made by a newer `tars`.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the database's schema ({found}) is newer than this tars ({known}): start the newer version again, or restore a backup made with this one"
)]
pub(crate) struct Newer {
    found: u32,
    known: u32,
}

/// Brings the schema up to this binary's; returns how many steps were taken.
///
/// # Errors
/// [`Newer`], or what Postgres says; then nothing has changed.
pub(crate) async fn migrate(client: &mut Client) -> Result<usize> {
    let transaction = client.transaction().await?;
    let begin = format!(
        "set local statement_timeout = 0; set local client_min_messages = warning;
         select pg_advisory_xact_lock({LOCK});
         create table if not exists schema_migrations
             (version integer primary key, name text not null, applied_at timestamptz not null default now())"
    );
    transaction.batch_execute(&begin).await?;
    let there = applied(&transaction.simple_query("select version from schema_migrations").await?);
    let pending = pending(&there)?;
    for step in &pending {
        let record =
            format!("insert into schema_migrations (version, name) values ({}, '{}')", step.version, step.name);
        transaction
            .batch_execute(step.sql)
            .await
            .with_context(|| format!("migration {} ({})", step.version, step.name))?;
        transaction.batch_execute(&record).await?;
    }
    transaction.commit().await?;
    Ok(pending.len())
}

fn applied(rows: &[SimpleQueryMessage]) -> BTreeSet<u32> {
    let version = |row: &SimpleQueryMessage| match row {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    };
    rows.iter().filter_map(version).collect()
}

fn pending(there: &BTreeSet<u32>) -> Result<Vec<&'static Migration>, Newer> {
    let known: BTreeSet<_> = ALL.iter().map(|step| step.version).collect();
    if let Some(found) = there.difference(&known).last() {
        return Err(Newer { found: *found, known: known.last().copied().unwrap_or_default() });
    }
    Ok(ALL.iter().filter(|step| !there.contains(&step.version)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_names_need_no_quoting() {
        assert!(ALL.is_sorted_by(|one, next| one.version < next.version));
        assert!(ALL.iter().all(|step| step.name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }

    #[test]
    fn what_is_missing_is_taken_and_what_is_unknown_refused() {
        assert_eq!(pending(&BTreeSet::new()).unwrap().len(), ALL.len());
        let all = ALL.iter().map(|step| step.version).collect::<BTreeSet<_>>();
        assert!(pending(&all).unwrap().is_empty());
        let newer = all.into_iter().chain([4711]).collect();
        let refusal = pending(&newer).err().unwrap().to_string();
        assert!(refusal.contains("4711") && refusal.contains("newer"), "{refusal}");
    }
}
