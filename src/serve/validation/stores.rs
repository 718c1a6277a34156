//! Each store by real work: written, read back, and gone again.

use anyhow::{Context, Result, ensure};
use redis::cmd;

use super::named;
use crate::app::App;
use crate::client::chroma::Chroma;
use crate::client::collection::Record;

/// Vectors of the scratch collection, and the numbers in each.
const VECTORS: usize = 64;
const NUMBERS: usize = 16;
/// A key that a killed validation left goes by itself.
const KEY_S: u64 = 60;

/// A table is made, written and read in a transaction that is rolled back: to the disk, but without a trace.
pub(super) async fn postgres(app: &App) -> Result<String> {
    app.db.prepare().await?;
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    transaction
        .batch_execute(
            "create table tars_validate (n integer); insert into tars_validate select generate_series(1, 100)",
        )
        .await
        .context("Postgres takes no data")?;
    let sum: i64 = transaction.query_one("select sum(n) from tars_validate", &[]).await?.get(0);
    transaction.rollback().await?;
    ensure!(sum == 5050, "Postgres gives {sum} where 5050 was written");
    let version: String = connection.query_one("show server_version", &[]).await?.get(0);
    Ok(format!("{}: 100 rows written, read and rolled back", version.split(' ').next().unwrap_or_default()))
}

/// A key is written, read and deleted.
pub(super) async fn redis(app: &App, mark: &str) -> Result<String> {
    let key = format!("tars:{}", named(mark));
    let value: String = "tars".repeat(64);
    app.redis.say::<String>(cmd("SET").arg(&key).arg(&value).arg("EX").arg(KEY_S)).await?;
    let read: Option<String> = app.redis.say(cmd("GET").arg(&key)).await?;
    app.redis.say::<i64>(cmd("DEL").arg(&key)).await?;
    ensure!(read.as_deref() == Some(value.as_str()), "Redis does not give back what was written");
    Ok("a key written, read and deleted".to_owned())
}

/// Writes the scratch collection.
pub(super) async fn chroma_write(app: &App, mark: &str) -> Result<String> {
    let chroma = app.chroma()?;
    let collection = chroma.collection(&named(mark)).await?;
    let vectors: Vec<_> = (0..VECTORS).map(vector).collect();
    let records = vectors.iter().enumerate();
    let records = records.map(|(n, vector)| Record { id: n.to_string(), vector, document: n.to_string() });
    let records: Vec<_> = records.collect();
    chroma.upsert(&collection.id, &records).await.context("Chroma takes no vectors")?;
    Ok(format!("{VECTORS} vectors written"))
}

/// Reads the scratch collection back, finds one of its vectors, and drops it.
pub(super) async fn chroma_read(app: &App, mark: &str) -> Result<String> {
    let chroma = app.chroma()?;
    let read = read(chroma, &named(mark)).await;
    chroma.drop_collection(&named(mark)).await?;
    read
}

async fn read(chroma: &Chroma, name: &str) -> Result<String> {
    let there = chroma.collections().await?.into_iter().find(|collection| collection.name == name);
    let collection = there.context("the scratch collection is gone: Chroma does not keep what it is given")?;
    let count = chroma.count(&collection.id).await?;
    ensure!(count == VECTORS as u64, "Chroma holds {count} of {VECTORS} vectors that it was given");
    let near = chroma.query(&collection.id, &vector(7), 1, None).await?;
    let first = near.first().map(|near| near.id.as_str()).unwrap_or_default();
    ensure!(first == "7", "Chroma gives \"{first}\" as the nearest of vector 7: its index is broken");
    Ok(format!("{VECTORS} vectors read back, the nearest is right"))
}

/// Both in one go.
pub(super) async fn chroma(app: &App, mark: &str) -> Result<String> {
    chroma_write(app, mark).await?;
    chroma_read(app, mark).await
}

/// A vector that no other number has: directions spread by a fixed rule.
fn vector(n: usize) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let number = |place: usize| ((n * NUMBERS + place) as f32 * 0.618).sin();
    (0..NUMBERS).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_told_apart() {
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        for n in (0..VECTORS).filter(|n| *n != 7) {
            assert!(cosine(&vector(7), &vector(n)) < 0.999, "{n}");
        }
    }
}
