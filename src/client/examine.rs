//! Examining a whole Chroma: every collection with its ids and vectors counted, and golden queries asked.
//!
//! Runs where that Chroma can be reached (`tars serve --examine FILE` in a helper of its network); the operator's side
//! writes the [`Question`] and reads a [`Line`] for each collection. `count` alone proves nothing: a torn copy counts
//! its ids and has lost their vectors (stack-facts A4), so every page is read with its embeddings.

use super::address::Address;
use super::http::{Http, Limits};
use anyhow::{Context, Result};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// A page of a large collection may take long on a slow disk.
const TIMEOUT: Duration = Duration::from_mins(2);
/// The most ids on one page.
const PAGE_MAX: u64 = 1000;
/// How large a page's JSON may get: well below what a client takes.
const PAGE_BYTES: u64 = 8 << 20;
/// How many neighbours a golden query asks for: its own id must be among the nearest.
const NEIGHBOURS: u64 = 10;

/// What is asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Question {
    /// Where Chroma answers, as seen by who asks.
    pub url: String,
    /// Tenants to look into beside the default one; Chroma does not list them.
    pub tenants: BTreeSet<String>,
    /// Whether vectors are read and counted; else only ids are counted, by the server.
    pub vectors: bool,
    /// Stored vectors whose own ids must come back first.
    pub golden: Vec<Golden>,
}

/// One golden query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Golden {
    /// The collection's id.
    pub collection: String,
    /// The record whose vector it is.
    pub id: String,
    /// The vector.
    pub vector: Vec<f32>,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// One collection.
    Collection(Found),
    /// Everything was examined.
    Done,
    /// It failed: the sentences of the chain.
    Failed(Vec<String>),
}

/// What a collection holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its tenant.
    pub tenant: String,
    /// Its database.
    pub database: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many numbers a vector has; `None` while it is empty.
    pub dimension: Option<u64>,
    /// Its ids.
    pub ids: u64,
    /// Ids that have a vector.
    pub vectors: u64,
    /// Golden queries that did not bring their own id back first.
    pub missed: Vec<String>,
}

#[derive(Deserialize)]
struct Database {
    name: String,
}

#[derive(Deserialize)]
struct Collection {
    id: String,
    name: String,
    #[serde(default)]
    dimension: Option<u64>,
}

#[derive(Deserialize)]
struct Page {
    ids: Vec<IgnoredAny>,
    #[serde(default)]
    embeddings: Option<Vec<Option<IgnoredAny>>>,
}

/// The answer to a golden query.
#[derive(Debug, Deserialize)]
pub struct Neighbours {
    ids: Vec<Vec<String>>,
    distances: Vec<Vec<Option<f64>>>,
}

/// Asks; each collection is handed over as soon as it is known.
///
/// # Errors
/// When the server does not answer, or not as Chroma's v2 API does.
pub async fn examine(question: &Question, mut found: impl FnMut(Found)) -> Result<()> {
    let http = Http::new(Address::parse(&question.url, super::chroma::PORT)?, Limits::within(TIMEOUT))?;
    let mut tenants = question.tenants.clone();
    tenants.insert("default_tenant".to_owned());
    for tenant in &tenants {
        let at = format!("/api/v2/tenants/{}/databases", escaped(tenant));
        for database in pages::<Database>(&http, &at).await? {
            let at = format!("{at}/{}/collections", escaped(&database.name));
            for collection in pages::<Collection>(&http, &at).await? {
                let mut one = Found {
                    tenant: tenant.clone(),
                    database: database.name.clone(),
                    id: collection.id.clone(),
                    name: collection.name.clone(),
                    dimension: collection.dimension,
                    ..Found::default()
                };
                let at = format!("{at}/{}", escaped(&collection.id));
                count(&http, &at, question.vectors, &mut one)
                    .await
                    .with_context(|| format!("the collection {} cannot be read", one.name))?;
                for golden in question.golden.iter().filter(|golden| golden.collection == collection.id) {
                    if !comes_first(&http, &at, golden, one.ids).await? {
                        one.missed.push(golden.id.clone());
                    }
                }
                found(one);
            }
        }
    }
    Ok(())
}

/// Every item of a list that is given in pages.
async fn pages<T: serde::de::DeserializeOwned>(http: &Http, at: &str) -> Result<Vec<T>> {
    let mut all = Vec::new();
    loop {
        let answer = http.get(&format!("{at}?limit=100&offset={}", all.len())).await?.ok()?;
        let page: Vec<T> = answer.json()?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn count(http: &Http, at: &str, vectors: bool, one: &mut Found) -> Result<()> {
    let total: u64 = http.get(&format!("{at}/count")).await?.ok()?.json()?;
    if !vectors {
        one.ids = total;
        return Ok(());
    }
    // A number of a vector takes up to 22 bytes as JSON.
    let limit = (PAGE_BYTES / (22 * one.dimension.unwrap_or(1) + 100)).clamp(1, PAGE_MAX);
    loop {
        let asked = json!({ "limit": limit, "offset": one.ids, "include": ["embeddings"] });
        let page: Page = http.post(&format!("{at}/get"), &asked).await?.ok()?.json()?;
        one.ids += page.ids.len() as u64;
        one.vectors += page.embeddings.unwrap_or_default().iter().flatten().count() as u64;
        if (page.ids.len() as u64) < limit {
            break;
        }
    }
    anyhow::ensure!(one.ids == total, "it counts {total} records and gives {}", one.ids);
    Ok(())
}

/// Whether the vector's own id is among the nearest; records with the same vector are as near.
async fn comes_first(http: &Http, at: &str, golden: &Golden, records: u64) -> Result<bool> {
    let asked = neighbours_of(&golden.vector, records);
    let answer: Neighbours = http.post(&format!("{at}/query"), &asked).await?.ok()?.json()?;
    Ok(answer.begin_with(&golden.id))
}

/// The body of a golden query to a collection of so many records.
#[must_use]
pub fn neighbours_of(vector: &[f32], records: u64) -> Value {
    json!({ "query_embeddings": [vector], "n_results": NEIGHBOURS.min(records.max(1)), "include": ["distances"] })
}

impl Neighbours {
    /// Whether that id is among the nearest.
    #[must_use]
    pub fn begin_with(&self, id: &str) -> bool {
        let answer = self.ids.first().zip(self.distances.first());
        answer.is_some_and(|(ids, distances)| is_nearest(id, ids, distances))
    }
}

fn is_nearest(id: &str, ids: &[String], distances: &[Option<f64>]) -> bool {
    let Some(nearest) = distances.iter().flatten().copied().reduce(f64::min) else { return false };
    let as_near = |distance: &Option<f64>| distance.is_some_and(|far| far <= nearest + 1e-5 * nearest.abs().max(1e-3));
    match ids.iter().position(|found| found == id) {
        Some(at) => distances.get(at).is_some_and(as_near),
        // More records share this vector than were asked for: any of them is right.
        None => !distances.is_empty() && distances.iter().all(as_near),
    }
}

fn escaped(part: &str) -> String {
    percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    #[test]
    fn ties_are_allowed_and_a_stranger_is_not() {
        let ids: Vec<_> = ["a", "b", "c"].map(str::to_owned).into();
        assert!(is_nearest("b", &ids, &[Some(0.0), Some(0.0), Some(0.4)]));
        assert!(!is_nearest("c", &ids, &[Some(0.0), Some(0.0), Some(0.4)]));
        assert!(!is_nearest("x", &ids, &[Some(0.0), Some(0.1), Some(0.4)]));
        assert!(is_nearest("x", &ids, &[Some(0.0), Some(0.0), Some(0.0)]));
        assert!(!is_nearest("a", &[], &[]));
    }

    #[tokio::test]
    async fn an_id_without_its_vector_is_counted_as_such() {
        let answers = [
            r#"[{"name":"default_database"}]"#,
            "[]",
            r#"[{"id":"u","name":"docs","dimension":2}]"#,
            "[]",
            "2",
            r#"{"ids":["a","b"],"embeddings":[[0.1,0.2],null]}"#,
        ];
        let fake = Fake::new(answers.map(|body| vec![Step::Say(http(200, body))]).into()).await;
        let question = Question { url: fake.place.clone(), vectors: true, ..Question::default() };
        let mut all = Vec::new();
        examine(&question, |found| all.push(found)).await.unwrap();
        assert_eq!(all.iter().map(|one| (one.ids, one.vectors)).collect::<Vec<_>>(), [(2, 1)]);
    }
}
