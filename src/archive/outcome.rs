//! `outcome.json`, the last member but one: what was saved, as counted from the saved bytes themselves.
//!
//! A restore compares itself with this record; it says nothing of the live servers before or after.

use super::sum::Sum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What came of a backup. Fields that a newer `tars` added survive reading and writing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// The archive that it belongs to; filled in by the writer.
    pub archive: String,
    /// Every component with its result.
    pub components: Vec<ComponentOutcome>,
    /// What the Postgres dump holds.
    pub postgres: Option<PostgresRecord>,
    /// What the Redis dump holds.
    pub redis: Option<RedisRecord>,
    /// What Chroma's files hold.
    pub chroma: Option<ChromaRecord>,
    /// The originals of uploads.
    pub documents: Option<FilesRecord>,
    /// The documents that the index knows, listed in [`KNOWN_DOCUMENTS`]; none where the database is not the backend's.
    pub known: Option<FilesRecord>,
    /// How many conversations need the key with that fingerprint.
    pub conversations: BTreeMap<String, u64>,
    /// The models.
    pub models: Option<ModelsRecord>,
    /// A short keyed fingerprint of the key that the data needs.
    pub key_id: Option<String>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Outcome {
    /// How many conversations none of these keys opens, and the fingerprints of the keys that would; `None` where
    /// nobody counted.
    #[must_use]
    pub fn locked(&self, opens: &BTreeSet<String>) -> Option<(u64, Vec<&str>)> {
        self.known?;
        let locked = self.conversations.iter().filter(|(key, _)| !opens.contains(*key));
        let (ids, counts): (Vec<&str>, Vec<u64>) = locked.map(|(key, count)| (key.as_str(), *count)).unzip();
        Some((counts.iter().sum(), ids))
    }
}

/// The member that lists the documents which the index knows, one [`KnownDocument`] a line.
pub const KNOWN_DOCUMENTS: &str = "documents.jsonl";

/// A document that the index knows, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDocument {
    /// Below the documents folder; for an upload, below the volume.
    pub path: String,
    /// Whether it was uploaded: its original is in the archive.
    #[serde(default)]
    pub upload: bool,
    /// Its size.
    pub bytes: u64,
    /// The sum of its content.
    pub sha256: Sum,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentOutcome {
    /// `postgres`, `chromadb`, `redis`, `documents`, `config`, `secrets`, `ollama`, `vectors`.
    pub name: String,
    /// What came of it.
    pub status: Status,
    /// Its size before compression.
    #[serde(default)]
    pub bytes: u64,
    /// Why it failed, or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is in the archive, whole.
    Saved,
    /// It is not, or not whole: nothing may be restored from it.
    Failed,
    /// It was not asked for, or is not part of this stack.
    Skipped,
}

/// A Postgres dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PostgresRecord {
    /// The database.
    pub database: String,
    /// The server's version, `15.18`.
    pub server: String,
    /// Its major version.
    pub major: u32,
    /// Rows by table, `schema.table`.
    pub tables: BTreeMap<String, u64>,
}

/// A Redis dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedisRecord {
    /// Keys in all databases.
    pub keys: u64,
    /// How many of them expire.
    pub expires: u64,
    /// The number in the dump's header.
    pub rdb_version: u32,
    /// The server's version.
    pub server: String,
}

/// Chroma's files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChromaRecord {
    /// The server's version.
    pub version: String,
    /// Every collection.
    pub collections: Vec<CollectionRecord>,
}

/// One collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CollectionRecord {
    /// Its tenant.
    pub tenant: String,
    /// Its database.
    pub database: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Numbers in a vector; none while it is empty.
    pub dimension: Option<u64>,
    /// How many ids it holds.
    pub ids: u64,
    /// Stored vectors whose own ids must come back first.
    pub golden: Vec<Golden>,
}

/// A stored vector with its id: asked for, it must find itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Golden {
    /// The record's id.
    pub id: String,
    /// Its vector.
    pub vector: Vec<f32>,
}

/// Files of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilesRecord {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Ollama's models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelsRecord {
    /// Models with their tags.
    pub manifests: u64,
    /// Blobs, each checked against its own name.
    pub blobs: u64,
    /// The blobs' bytes.
    pub bytes: u64,
}
