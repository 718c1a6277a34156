//! Generations of the index: which model made the vectors of a collection, and which of them serves.
//!
//! A generation's model never changes. Another model means another generation: it is built beside the one that serves,
//! and takes its place in one statement when it is whole.

use anyhow::{Result, anyhow};
use deadpool_postgres::GenericClient;

/// A generation that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    /// Its number.
    pub id: i32,
    /// Its collection's name in Chroma.
    pub collection: String,
    /// The model whose vectors it holds.
    pub model: String,
    /// Numbers per vector.
    pub dimension: i32,
    /// Whether it answers; else it is being built.
    pub serving: bool,
}

/// How far a generation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Progress {
    /// Chunks with their vectors in it.
    pub done: i64,
    /// Chunks there are.
    pub total: i64,
}

const COLUMNS: &str = "select id, collection, model, dimension, state = 'serving' from generations";

/// Those in use, the serving one first.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn in_use(client: &impl GenericClient) -> Result<Vec<Generation>> {
    let ask = client.prepare_cached(&format!("{COLUMNS} where state <> 'dropped' order by state desc")).await?;
    Ok(client.query(&ask, &[]).await?.iter().map(of).collect())
}

/// Begins a generation: the first one serves at once, any other is built beside it. One that is being built for
/// another model is given up; one for the same model goes on.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn begin(client: &impl GenericClient, model: &str, dimension: usize) -> Result<Generation> {
    const GIVE_UP: &str =
        "update generations set state = 'dropped' where state = 'building' and (model <> $1 or dimension <> $2)";
    const NEW: &str = "insert into generations (collection, model, dimension, state, served_at)
        select 'tars-' || encode(substring(uuid_send(gen_random_uuid()) from 1 for 8), 'hex'), $1, $2,
            case when s.there then 'building' else 'serving' end, case when s.there then null else now() end
        from (select exists (select 1 from generations where state = 'serving') as there) s
        on conflict do nothing";
    let dimension = i32::try_from(dimension)?;
    client.execute(GIVE_UP, &[&model, &dimension]).await?;
    client.execute(NEW, &[&model, &dimension]).await?;
    let all = in_use(client).await?;
    let ours = |generation: &Generation| generation.model == model && generation.dimension == dimension;
    all.iter().rev().find(|generation| ours(generation)).cloned().ok_or_else(|| anyhow!("no generation could be begun"))
}

/// How many chunks have their vectors in a generation.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn progress(client: &impl GenericClient, generation: i32) -> Result<Progress> {
    const ASK: &str =
        "select coalesce(sum(least(v.done, d.chunk_count)), 0)::bigint, coalesce(sum(d.chunk_count), 0)::bigint
        from documents d left join vectors v on v.generation = $1 and v.document_id = d.id and v.revision = d.revision
        where d.revision > 0";
    let row = client.query_one(ASK, &[&generation]).await?;
    Ok(Progress { done: row.get(0), total: row.get(1) })
}

/// Lets a whole generation serve; the one that served is dropped. False when it is not whole any more.
///
/// # Errors
/// What Postgres says; then the old one serves on.
pub(crate) async fn switch(client: &mut deadpool_postgres::Object, generation: i32) -> Result<bool> {
    let transaction = client.transaction().await?;
    let progress = progress(&transaction, generation).await?;
    if progress.done < progress.total {
        return Ok(false);
    }
    transaction.execute("update generations set state = 'dropped' where state = 'serving'", &[]).await?;
    transaction
        .execute("update generations set state = 'serving', served_at = now() where id = $1", &[&generation])
        .await?;
    transaction.commit().await?;
    Ok(true)
}

fn of(row: &tokio_postgres::Row) -> Generation {
    Generation { id: row.get(0), collection: row.get(1), model: row.get(2), dimension: row.get(3), serving: row.get(4) }
}
