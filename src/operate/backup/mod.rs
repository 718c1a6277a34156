//! Taking a backup: what is to be saved, whether it is really there, the short quiet in which it is taken, and the
//! record of what the saved bytes hold.
//!
//! The order is DESIGN's: nothing is stopped before every source and the destination have been looked at; the backend
//! stops, the dumps begin, Chroma stops and its files flow straight into the archive; then both run again before
//! anything is appended, verified or published.

pub mod append;
pub mod ask;
pub mod chroma;
pub mod coverage;
pub mod dump;
pub mod index;
pub mod known;
pub mod models;
pub mod place;
pub mod postgres;
pub mod quiesce;
pub mod quiet;
pub mod redis;
pub mod settings;
pub mod spool;
pub mod survey;
pub mod take;
pub mod taking;
pub mod vectors;

/// Component: the database, as `pg_dump` gives it.
pub const POSTGRES: &str = "postgres";
/// Component: the vector index's files.
pub const CHROMADB: &str = "chromadb";
/// Component: the cache's snapshot.
pub const REDIS: &str = "redis";
/// Component: the originals of uploads.
pub const DOCUMENTS: &str = "documents";
/// Component: models, blob by blob.
pub const MODELS: &str = "models";
/// Component: settings and compose files.
pub const CONFIG: &str = "config";
/// Component: every record through Chroma's API.
pub const VECTORS: &str = "vectors";

/// Which components are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The database.
    pub postgres: bool,
    /// The vector index.
    pub chromadb: bool,
    /// The cache.
    pub redis: bool,
    /// Models as well.
    pub models: bool,
    /// Every record through Chroma's API as well.
    pub vectors: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self { postgres: true, chromadb: true, redis: true, models: false, vectors: false }
    }
}

impl Asked {
    /// The names of the components, in the archive's order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            (VECTORS, self.vectors),
            (CHROMADB, self.chromadb),
            (POSTGRES, self.postgres),
            (REDIS, self.redis),
            (DOCUMENTS, true),
            (MODELS, self.models),
            (CONFIG, true),
        ];
        all.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name).collect()
    }
}
