//! Chroma's collections: made, filled, asked and dropped (stack-facts A2).
//!
//! A collection is made and dropped by its name and used by its id. Vectors are compared by cosine.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chroma::Chroma;
use super::http::Answer;

const BASE: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";
/// Older servers refuse larger batches; the newest only say so.
pub const BATCH_MAX: usize = 1000;

/// A collection.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Collection {
    /// What it is used by.
    pub id: String,
    /// What it is made and dropped by.
    pub name: String,
    /// Numbers per vector; `None` before the first.
    #[serde(default)]
    pub dimension: Option<u32>,
}

/// One vector with what is to be found with it.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Its id: the same one again replaces it.
    pub id: String,
    /// The vector.
    pub vector: &'a [f32],
    /// What it can be filtered by.
    pub document: String,
}

/// A vector near to the one that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Its id.
    pub id: String,
    /// Cosine similarity, 1 for the same direction.
    pub similarity: f32,
}

#[derive(Serialize)]
struct Upsert<'a> {
    ids: Vec<&'a str>,
    embeddings: Vec<&'a [f32]>,
    metadatas: Vec<Metadata<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    document: &'a str,
}

#[derive(Serialize)]
struct Query<'a> {
    #[serde(rename = "query_embeddings")]
    vectors: [&'a [f32]; 1],
    n_results: usize,
    include: [&'static str; 1],
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    filter: Option<Value>,
}

#[derive(Deserialize)]
struct Found {
    ids: Vec<Vec<String>>,
    distances: Vec<Vec<Option<f32>>>,
}

impl Chroma {
    /// The collection of this name, made if it is not there.
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn collection(&self, name: &str) -> Result<Collection> {
        let body = json!({ "name": name, "get_or_create": true, "configuration": { "hnsw": { "space": "cosine" } } });
        self.patient().post(BASE, &body).await?.ok()?.json()
    }

    /// The names of all collections.
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn collections(&self) -> Result<Vec<Collection>> {
        self.patient().get(BASE).await?.ok()?.json()
    }

    /// Drops a collection; it is no error if there is none.
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn drop_collection(&self, name: &str) -> Result<()> {
        gone_is_fine(self.patient().delete(&format!("{BASE}/{name}"), None).await?)
    }

    /// Writes vectors, replacing those of the same ids; at most [`BATCH_MAX`].
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn upsert(&self, collection: &str, records: &[Record<'_>]) -> Result<()> {
        let body = Upsert {
            ids: records.iter().map(|record| record.id.as_str()).collect(),
            embeddings: records.iter().map(|record| record.vector).collect(),
            metadatas: records.iter().map(|record| Metadata { document: &record.document }).collect(),
        };
        self.patient().post(&format!("{BASE}/{collection}/upsert"), &body).await?.ok()?;
        Ok(())
    }

    /// The nearest vectors, nearest first; of these documents only, where some are named.
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn query(
        &self,
        collection: &str,
        vector: &[f32],
        count: usize,
        documents: Option<&[String]>,
    ) -> Result<Vec<Near>> {
        let filter = documents.map(|documents| json!({ "document": { "$in": documents } }));
        let body = Query { vectors: [vector], n_results: count, include: ["distances"], filter };
        let found: Found = self.patient().post(&format!("{BASE}/{collection}/query"), &body).await?.ok()?.json()?;
        let ids = found.ids.into_iter().next().unwrap_or_default();
        let distances = found.distances.into_iter().next().unwrap_or_default();
        let near = |(id, distance): (String, Option<f32>)| distance.map(|far| Near { id, similarity: 1.0 - far });
        Ok(ids.into_iter().zip(distances).filter_map(near).collect())
    }

    /// Removes vectors; those that are not there are no error.
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn delete(&self, collection: &str, ids: &[String]) -> Result<()> {
        gone_is_fine(self.patient().post(&format!("{BASE}/{collection}/delete"), &json!({ "ids": ids })).await?)
    }

    /// How many vectors there are.
    ///
    /// # Errors
    /// What Chroma says, or that it does not answer.
    pub async fn count(&self, collection: &str) -> Result<u64> {
        self.patient().get(&format!("{BASE}/{collection}/count")).await?.ok()?.json()
    }
}

/// How long a write or a query may take.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

fn gone_is_fine(answer: Answer) -> Result<()> {
    if answer.status != 404 {
        answer.ok()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    async fn answering(status: u16, body: &str) -> (Fake, Chroma) {
        let fake = Fake::new(vec![vec![Step::Say(http(status, body))]]).await;
        let chroma = Chroma::new(&fake.place).unwrap();
        (fake, chroma)
    }

    #[tokio::test]
    async fn the_nearest_come_with_their_likeness() {
        let (fake, chroma) = answering(200, r#"{"ids":[["a","b"]],"distances":[[0.25,null]],"include":[]}"#).await;
        let near = chroma.query("c", &[1.0], 2, Some(&["d".to_owned()])).await.unwrap();
        assert_eq!(near, [Near { id: "a".into(), similarity: 0.75 }]);
        assert!(fake.requests()[0].contains(r#""where":{"document":{"$in":["d"]}}"#), "{:?}", fake.requests());
    }

    #[tokio::test]
    async fn what_is_gone_already_is_dropped() {
        assert!(answering(404, "").await.1.drop_collection("c").await.is_ok());
        assert!(answering(404, "").await.1.delete("c", &["x".into()]).await.is_ok());
        assert!(
            answering(500, r#"{"error":"InternalError","message":"x"}"#).await.1.drop_collection("c").await.is_err()
        );
    }

    #[tokio::test]
    async fn a_write_says_what_it_is_of() {
        let (fake, chroma) = answering(200, "{}").await;
        chroma.upsert("c", &[Record { id: "i".into(), vector: &[0.5], document: "d".into() }]).await.unwrap();
        assert!(fake.requests()[0].ends_with(r#"{"ids":["i"],"embeddings":[[0.5]],"metadatas":[{"document":"d"}]}"#));
    }
}
