//! What the saved `chroma.sqlite3` says: tenants, databases, collections and their ids.
//!
//! Opened read-only and immutable, so that not even a lock is taken. `embeddings_queue` is Chroma's own log of writes:
//! what stands there behind a collection's `max_seq_id` is applied when the server next reads, so it is counted in.

use crate::archive::CollectionRecord;
use anyhow::{Context, Result, ensure};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::collections::HashMap;
use std::path::Path;

/// What would end a path within a URI.
const IN_URI: AsciiSet = CONTROLS.add(b' ').add(b'?').add(b'#').add(b'%');
/// Kinds of `embeddings_queue.operation`, as Chroma numbers them.
const DELETE: i64 = 3;
const UPDATE: i64 = 1;

/// An opened index.
#[derive(Debug)]
pub struct Index {
    db: Connection,
}

/// One collection, with what is needed to look for ids.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The record, without golden queries.
    pub record: CollectionRecord,
    /// Its metadata segment, which lists the ids.
    segment: String,
    /// Ids whose last write is still in the log: whether they are there after it.
    pending: HashMap<String, bool>,
}

impl Index {
    /// Opens a copy that no server uses.
    ///
    /// # Errors
    /// When it is no such database, or `SQLite` itself finds it damaged.
    pub fn open(file: &Path) -> Result<Self> {
        let path = utf8_percent_encode(file.to_str().context("a path that is no UTF-8")?, &IN_URI);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(format!("file:{path}?mode=ro&immutable=1"), flags)?;
        // Small pages of cache: a large index must not fill the memory.
        db.pragma_update(None, "cache_size", -4096)?;
        let tables: i64 = db
            .query_row(
                "select count(*) from sqlite_master where name in ('collections', 'segments', 'embeddings')",
                [],
                |row| row.get(0),
            )
            .context("the saved chroma.sqlite3 cannot be read")?;
        ensure!(tables == 3, "the saved chroma.sqlite3 has not the tables of an index");
        Ok(Self { db })
    }

    /// Every collection with the number of its ids.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn collections(&self) -> Result<Vec<Collection>> {
        let mut found = self.db.prepare(
            "select d.tenant_id, d.name, c.id, c.name, c.dimension, coalesce(s.id, '')
               from collections c join databases d on d.id = c.database_id
               left join segments s on s.collection = c.id and s.scope = 'METADATA'
              order by 1, 2, 4",
        )?;
        let rows = found.query_map([], |row| {
            let record = CollectionRecord {
                tenant: row.get(0)?,
                database: row.get(1)?,
                id: row.get(2)?,
                name: row.get(3)?,
                dimension: row.get::<_, Option<i64>>(4)?.and_then(|n| u64::try_from(n).ok()),
                ..CollectionRecord::default()
            };
            Ok((record, row.get::<_, String>(5)?))
        })?;
        rows.map(|row| {
            let (record, segment) = row?;
            self.counted(record, segment)
        })
        .collect()
    }

    /// Whether a collection holds an id.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn holds(&self, collection: &Collection, id: &str) -> Result<bool> {
        match collection.pending.get(id) {
            Some(there) => Ok(*there),
            None => self.applied(&collection.segment, id),
        }
    }

    fn counted(&self, mut record: CollectionRecord, segment: String) -> Result<Collection> {
        let ids: i64 =
            self.db.query_row("select count(*) from embeddings where segment_id = ?", [&segment], |row| row.get(0))?;
        let pending = self.pending(&record.id, &segment)?;
        let mut ids = u64::try_from(ids).unwrap_or_default();
        for (id, after) in &pending {
            match (self.applied(&segment, id)?, after) {
                (false, true) => ids += 1,
                (true, false) => ids -= 1,
                _ => {}
            }
        }
        record.ids = ids;
        Ok(Collection { record, segment, pending })
    }

    fn applied(&self, segment: &str, id: &str) -> Result<bool> {
        let mut asked = self.db.prepare_cached("select 1 from embeddings where segment_id = ? and embedding_id = ?")?;
        Ok(asked.exists(params![segment, id])?)
    }

    /// The writes that the segment has not seen: the last one of each id decides.
    fn pending(&self, collection: &str, segment: &str) -> Result<HashMap<String, bool>> {
        let seen: Option<i64> = self
            .db
            .query_row("select cast(seq_id as integer) from max_seq_id where segment_id = ?", [segment], |row| {
                row.get(0)
            })
            .optional()?;
        // topic: persistent://TENANT/NAMESPACE/COLLECTION
        let mut asked = self.db.prepare(
            "select id, operation from embeddings_queue where seq_id > ? and topic like '%/' || ? order by seq_id",
        )?;
        let rows = asked.query_map(params![seen.unwrap_or(-1), collection], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })?;
        let mut pending = HashMap::new();
        for row in rows {
            let (id, operation) = row?;
            match operation {
                DELETE => pending.insert(id, false),
                // An update of an id that is not there makes none.
                UPDATE => continue,
                _ => pending.insert(id, true),
            };
        }
        Ok(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(writes: &str) -> (tempfile::TempDir, Index) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("chroma #1.sqlite3");
        let db = Connection::open(&file).unwrap();
        db.execute_batch(
            "create table databases(id text, name text, tenant_id text); create table collections(id text, name text, dimension int, database_id text);
             create table segments(id text, scope text, collection text); create table max_seq_id(segment_id text, seq_id integer);
             create table embeddings(id integer primary key, segment_id text, embedding_id text);
             create table embeddings_queue(seq_id integer primary key, operation int, topic text, id text);
             insert into databases values('d', 'default_database', 'default_tenant');
             insert into collections values('c', 'docs', 3, 'd'), ('e', 'empty', null, 'd');
             insert into segments values('v', 'VECTOR', 'c'), ('m', 'METADATA', 'c'), ('n', 'METADATA', 'e');
             insert into max_seq_id values('m', 2);
             insert into embeddings(segment_id, embedding_id) values('m', 'a'), ('m', 'b');
             insert into embeddings_queue values(1, 0, 'persistent://default/default/c', 'a'), (2, 0, 'persistent://default/default/c', 'b');",
        )
        .unwrap();
        db.execute_batch(writes).unwrap();
        drop(db);
        let index = Index::open(&file).unwrap();
        (dir, index)
    }

    fn ids(writes: &str) -> Vec<u64> {
        index(writes).1.collections().unwrap().into_iter().map(|collection| collection.record.ids).collect()
    }

    #[test]
    fn ids_are_counted_with_what_the_log_still_holds() {
        assert_eq!(ids(""), [2, 0]);
        let topic = "'persistent://default/default/c'";
        assert_eq!(
            ids(&format!("insert into embeddings_queue values(3, 2, {topic}, 'c'), (4, 2, {topic}, 'a')")),
            [3, 0]
        );
        assert_eq!(
            ids(&format!("insert into embeddings_queue values(3, 3, {topic}, 'a'), (4, 1, {topic}, 'x')")),
            [1, 0]
        );
        assert_eq!(
            ids(&format!("insert into embeddings_queue values(3, 3, {topic}, 'a'), (4, 0, {topic}, 'a')")),
            [2, 0]
        );
    }

    #[test]
    fn an_id_is_looked_for_in_both() {
        let (_dir, index) = index("insert into embeddings_queue values(3, 3, 'x/c', 'a'), (4, 0, 'x/c', 'n')");
        let docs = index.collections().unwrap().remove(0);
        let there: Vec<_> = ["a", "b", "n", "z"].iter().map(|id| index.holds(&docs, id).unwrap()).collect();
        assert_eq!(there, [false, true, true, false]);
    }

    #[test]
    fn what_is_no_index_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        std::fs::write(&file, "not a database").unwrap();
        assert!(Index::open(&file).is_err());
    }
}
