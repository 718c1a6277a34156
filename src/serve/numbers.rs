//! Numbers about the documents, for `/rag/stats` and the operator: how many, how far, and what is away.
//!
//! Read from the tables that `documents` keeps, so that they are true after a restart as well.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// What is indexed, and what is still to do.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Numbers {
    /// Documents that can be found, those in the trash left out.
    pub total_documents: i64,
    /// Their chunks.
    pub total_chunks: i64,
    /// Documents in the trash.
    pub in_trash: i64,
    /// Files that could not be read.
    pub set_aside: i64,
    /// Files that wait to be read.
    pub queue: i64,
    /// When a document was last indexed.
    pub last_ingested_at: Option<Timestamp>,
    /// When somebody last searched or asked, since this process began.
    pub last_query_at: Option<Timestamp>,
    /// What the index was made with.
    pub indexes: Vec<Index>,
    /// Where documents come from.
    pub sources: Vec<Source>,
}

/// An index of vectors.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Index {
    /// The collection in Chroma.
    pub collection: String,
    /// The embedding model that made it.
    pub model: String,
    /// Numbers per vector.
    pub dimension: i32,
    /// `serving` or `building`.
    pub state: String,
    /// Chunks that have their vectors in it.
    pub vectors: i64,
}

/// Where documents come from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Source {
    /// `uploads`, or `folder`: the one that is mounted, a NAS say.
    pub name: String,
    /// `here` or `away`. Nothing of a source that is away is removed.
    pub state: String,
    /// When it was last looked through.
    pub scanned_at: Option<Timestamp>,
}

/// Counts.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn read(app: &App) -> Result<Numbers> {
    const COUNTS: &str = "select
        (select count(*) from documents where trashed_at is null and indexed_at is not null),
        (select coalesce(sum(chunk_count), 0)::bigint from documents where trashed_at is null and indexed_at is not null),
        (select count(*) from documents where trashed_at is not null),
        (select count(*) from places where reason is not null),
        (select count(*) from jobs),
        (select max(indexed_at) from documents)";
    const INDEXES: &str = "select g.collection, g.model, g.dimension, g.state, coalesce(sum(v.done), 0)::bigint
        from generations g left join vectors v on v.generation = g.id where g.state <> 'dropped'
        group by g.id order by g.id";
    const SOURCES: &str =
        "select case id when 1 then 'uploads' else 'folder' end, state, scanned_at from sources order by id";
    let connection = app.db.get().await?;
    // A database that was never given documents has no such tables.
    let there: bool = connection.query_one("select to_regclass('documents') is not null", &[]).await?.get(0);
    if !there {
        return Ok(Numbers { last_query_at: app.last_query_at(), ..Numbers::default() });
    }
    let counts = connection.query_one(&connection.prepare_cached(COUNTS).await?, &[]).await?;
    let indexes = connection.query(&connection.prepare_cached(INDEXES).await?, &[]).await?;
    let sources = connection.query(&connection.prepare_cached(SOURCES).await?, &[]).await?;
    Ok(Numbers {
        total_documents: counts.get(0),
        total_chunks: counts.get(1),
        in_trash: counts.get(2),
        set_aside: counts.get(3),
        queue: counts.get(4),
        last_ingested_at: counts.get(5),
        last_query_at: app.last_query_at(),
        indexes: indexes
            .iter()
            .map(|row| Index {
                collection: row.get(0),
                model: row.get(1),
                dimension: row.get(2),
                state: row.get(3),
                vectors: row.get(4),
            })
            .collect(),
        sources: sources
            .iter()
            .map(|row| Source { name: row.get(0), state: row.get(1), scanned_at: row.get(2) })
            .collect(),
    })
}
