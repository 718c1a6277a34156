//! Loading Chroma from `vectors/`: the records as text, through the API of a server that starts empty. The way round
//! where its files cannot be opened, because another version wrote them.
//!
//! Chroma gives every collection a new id; names, configurations, ids of records, texts and metadata are the old ones.

use super::pipe::{Receiver, stream};
use super::stage::Stage;
use super::{bad_archive, bad_archive_alone, chroma};
use crate::archive::CollectionRecord;
use crate::client::examine::{Found, Golden};
use crate::operate::backup::ask::{Chroma, Collection};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use tokio_util::io::StreamReader;

/// The longest line: a record with its text.
const LINE_BYTES: u64 = 32 << 20;
/// How much is sent at once, as bytes of its lines, and at most how many records: Chroma limits these (`max_batch_size`).
const BATCH_BYTES: usize = 4 << 20;
const BATCH_RECORDS: usize = 1000;

/// What came of it.
#[derive(Debug, Default)]
pub struct Imported {
    /// What the server has, under the ids that the collections had when they were exported.
    pub found: Vec<Found>,
    /// What it must have: the archive's record as far as the export goes.
    pub expected: Vec<CollectionRecord>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Head { collection: Collection },
    Record(Record),
}

#[derive(Deserialize)]
struct Record {
    id: String,
    embedding: Option<Vec<f32>>,
    #[serde(default)]
    document: Value,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    uri: Value,
}

/// Starts the server, sends it every record, counts every collection and asks the golden queries. The server goes on.
///
/// # Errors
/// When it takes a record not, or the export is not whole.
pub async fn load(stage: &Stage, name: &str, lines: Receiver, record: &[CollectionRecord]) -> Result<Imported> {
    stage.start(name, "chromadb").await.context("an empty Chroma does not start")?;
    let mut chroma = Chroma::connect(&stage.docker, name).await?;
    let mut lines = StreamReader::new(stream(lines));
    let (mut expected, mut asked) = (Vec::new(), Vec::new());
    let mut sending: Option<Sending<'_>> = None;
    while let Some(line) = next(&mut lines).await? {
        let size = line.len();
        let line = serde_json::from_slice(&line);
        match line.map_err(|error| bad_archive("a line of vectors/ is no record", error.into()))? {
            Line::Head { collection } => {
                if let Some(before) = sending.take() {
                    expected.push(before.end(&mut chroma, &mut asked).await?);
                }
                sending = Some(Sending::begin(&mut chroma, collection, record).await?);
            }
            Line::Record(one) => {
                let to = sending.as_mut().ok_or_else(|| bad_archive_alone("vectors/ begins without a collection"))?;
                to.take(&mut chroma, one, size).await?;
            }
        }
    }
    if let Some(last) = sending {
        expected.push(last.end(&mut chroma, &mut asked).await?);
    }
    drop(chroma);
    let mut found = chroma::examine(stage, asked, &[]).await.context("Chroma cannot read what it was given")?;
    for one in &mut found {
        let same = |row: &&CollectionRecord| (&row.database, &row.name) == (&one.database, &one.name);
        if let Some(old) = expected.iter().find(same) {
            one.id.clone_from(&old.id);
        }
    }
    let missing = |row: &&CollectionRecord| row.ids > 0 && expected.iter().all(|has| has.id != row.id);
    if let Some(row) = record.iter().find(missing) {
        return Err(bad_archive_alone(format!(
            "vectors/ lacks the collection {}: it was made after the export",
            row.name
        )));
    }
    Ok(Imported { found, expected })
}

async fn next(lines: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines.take(LINE_BYTES).read_until(b'\n', &mut line).await?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(bad_archive_alone("a line of vectors/ is cut off or far too long")),
    }
}

/// One collection on its way.
struct Sending<'a> {
    /// As the server made it.
    id: String,
    database: String,
    name: String,
    expected: CollectionRecord,
    record: Option<&'a CollectionRecord>,
    batch: Vec<Record>,
    bytes: usize,
}

impl<'a> Sending<'a> {
    async fn begin(chroma: &mut Chroma, old: Collection, record: &'a [CollectionRecord]) -> Result<Self> {
        let id =
            chroma.create(&old).await.with_context(|| format!("Chroma does not make the collection {}", old.name))?;
        let record = record.iter().find(|row| row.id == old.id);
        let expected = CollectionRecord {
            database: old.database.clone(),
            id: old.id,
            name: old.name.clone(),
            dimension: old.dimension,
            ..CollectionRecord::default()
        };
        Ok(Self { id, database: old.database, name: old.name, expected, record, batch: Vec::new(), bytes: 0 })
    }

    async fn take(&mut self, chroma: &mut Chroma, one: Record, bytes: usize) -> Result<()> {
        let golden = self.record.into_iter().flat_map(|record| &record.golden).find(|golden| golden.id == one.id);
        // A record that was changed after the export is another one.
        let same = golden.filter(|golden| one.embedding.as_ref() == Some(&golden.vector));
        self.expected.golden.extend(same.cloned());
        self.expected.ids += 1;
        self.batch.push(one);
        self.bytes += bytes;
        if self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES {
            self.send(chroma).await?;
        }
        Ok(())
    }

    async fn send(&mut self, chroma: &mut Chroma) -> Result<()> {
        self.bytes = 0;
        let mut body = json!({ "ids": [], "embeddings": [], "documents": [], "metadatas": [], "uris": [] });
        let mut push =
            |field: &str, value: Value| body[field].as_array_mut().into_iter().for_each(|all| all.push(value.clone()));
        for one in self.batch.drain(..) {
            let Some(embedding) = one.embedding else {
                return Err(bad_archive_alone(format!(
                    "the record {} of {} was exported without its vector",
                    one.id, self.name
                )));
            };
            push("ids", one.id.into());
            push("embeddings", embedding.into());
            push("documents", one.document);
            push("metadatas", one.metadata);
            push("uris", one.uri);
        }
        if body["ids"].as_array().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let sent = chroma.add(&self.database, &self.id, &body).await;
        sent.with_context(|| format!("Chroma does not take records of {}", self.name))
    }

    async fn end(mut self, chroma: &mut Chroma, asked: &mut Vec<Golden>) -> Result<CollectionRecord> {
        self.send(chroma).await?;
        asked.extend(self.expected.golden.iter().map(|one| Golden {
            collection: self.id.clone(),
            id: one.id.clone(),
            vector: one.vector.clone(),
        }));
        Ok(self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_whole_or_an_error() {
        let mut lines = &b"{}\n{}"[..];
        assert_eq!(next(&mut lines).await.unwrap().unwrap(), b"{}\n");
        assert!(super::super::blames_archive(&next(&mut lines).await.unwrap_err()));
        assert!(next(&mut &b""[..]).await.unwrap().is_none());
    }

    #[test]
    fn a_head_is_no_record_and_a_record_no_head() {
        let head = r#"{"collection":{"id":"u","name":"docs","database":"d","dimension":3,"metadata":null}}"#;
        assert!(matches!(serde_json::from_str(head).unwrap(), Line::Head { collection } if collection.name == "docs"));
        let record = r#"{"id":"a","embedding":[0.5],"document":null,"metadata":{"n":1},"uri":null}"#;
        assert!(matches!(serde_json::from_str(record).unwrap(), Line::Record(one) if one.embedding == Some(vec![0.5])));
        assert!(serde_json::from_str::<Line>(r#"{"embedding":[0.5]}"#).is_err());
    }
}
