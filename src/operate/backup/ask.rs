//! Chroma asked through its own API, though its port is not published: through a shell in its container, whose image
//! holds `bash` (its health probe needs that as well). Works rootless, without another container and in milliseconds.

use crate::archive::Golden;
use crate::client::examine::{Neighbours, neighbours_of};
use crate::client::tunnel::Tunnel;
use crate::docker::Docker;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Joins the shell's streams with the server; the first `cat` ends with our end of the connection.
const JOIN: &str = "exec 3<>/dev/tcp/127.0.0.1/8000 || exit 7; cat <&3 & cat >&3; kill $!";
/// How long one answer may take.
const WITHIN: Duration = Duration::from_mins(1);
/// The only tenant that the API can list: it has no way to name others.
const TENANT: &str = "default_tenant";
/// How many stored vectors of a collection are remembered.
const GOLDEN: u64 = 4;
/// How large a page of records may become, in numbers of its vectors.
const PAGE_NUMBERS: u64 = 1 << 18;

/// A connection to one server.
#[derive(Debug)]
pub struct Chroma(Tunnel);

/// A collection as the API names it.
#[derive(Clone, Debug, Deserialize)]
pub struct Collection {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its database.
    #[serde(default)]
    pub database: String,
    /// Numbers in a vector.
    #[serde(default)]
    pub dimension: Option<u64>,
    /// How many ids it had when it was listed.
    #[serde(skip)]
    pub count: u64,
    /// Everything else that it says of itself.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Page {
    ids: Vec<String>,
    #[serde(default)]
    embeddings: Option<Vec<Option<Vec<f32>>>>,
}

impl Chroma {
    /// Connects.
    ///
    /// # Errors
    /// When its container does not run or the server takes no connection.
    pub async fn connect(docker: &Docker, container: &str) -> Result<Self> {
        let streams = docker.exec_pair(container, &["/bin/bash", "-c", JOIN]).await?;
        Ok(Self(Tunnel::open(streams, WITHIN).await?))
    }

    /// Every collection of every database of the default tenant, with its size.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn collections(&mut self) -> Result<Vec<Collection>> {
        let databases: Vec<Named> = self.0.get(&format!("/api/v2/tenants/{TENANT}/databases")).await?;
        let mut all = Vec::new();
        for database in databases {
            let path = format!("{}/collections", base(&database.name));
            let mut found: Vec<Collection> = self.0.get(&path).await?;
            for collection in &mut found {
                collection.database.clone_from(&database.name);
                collection.count = self.0.get(&format!("{path}/{}/count", collection.id)).await?;
            }
            all.append(&mut found);
        }
        Ok(all)
    }

    /// A few stored vectors with their ids, from the beginning and the middle, that find themselves now: by inner
    /// product a longer vector may well be nearer, and an approximate index may miss one; then that proves nothing.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn golden(&mut self, collection: &Collection) -> Result<Vec<Golden>> {
        let mut golden = Vec::new();
        for offset in [0, collection.count / 2] {
            let body = json!({ "include": ["embeddings"], "limit": GOLDEN / 2, "offset": offset });
            let page: Page = self.0.post(&get(collection), &body).await?;
            let vectors = page.embeddings.unwrap_or_default();
            let whole =
                page.ids.into_iter().zip(vectors).filter_map(|(id, vector)| Some(Golden { id, vector: vector? }));
            for one in whole {
                let body = neighbours_of(&one.vector, collection.count);
                let answer: Neighbours = self.0.post(&query(collection), &body).await?;
                if answer.begin_with(&one.id) {
                    golden.push(one);
                }
            }
            if collection.count <= GOLDEN {
                break;
            }
        }
        Ok(golden)
    }

    /// How many ids of a collection have a vector, all of them read: a torn index counts its ids and has lost these.
    ///
    /// # Errors
    /// When the server does not answer, or cannot find a vector that it should have.
    pub async fn vectors(&mut self, collection: &Collection) -> Result<u64> {
        let limit = (PAGE_NUMBERS / collection.dimension.unwrap_or(1).max(1)).clamp(16, 1000);
        let (mut offset, mut found) = (0, 0);
        loop {
            let body = json!({ "include": ["embeddings"], "limit": limit, "offset": offset });
            let page: Page = self.0.post(&get(collection), &body).await?;
            offset += page.ids.len() as u64;
            found += page.embeddings.unwrap_or_default().iter().flatten().count() as u64;
            if (page.ids.len() as u64) < limit {
                return Ok(found);
            }
        }
    }

    /// Every record of a collection as lines of JSON: first the collection itself, then one record a line.
    ///
    /// # Errors
    /// When the server does not answer, or `line` fails.
    pub async fn export(&mut self, collection: &Collection, mut line: impl FnMut(&Value) -> Result<()>) -> Result<u64> {
        let mut about = collection.rest.clone();
        about.insert("id".to_owned(), json!(collection.id));
        about.insert("name".to_owned(), json!(collection.name));
        about.insert("dimension".to_owned(), json!(collection.dimension));
        about.insert("database".to_owned(), json!(collection.database));
        line(&json!({ "collection": about }))?;
        let limit = (PAGE_NUMBERS / collection.dimension.unwrap_or(1).max(1)).clamp(16, 1000);
        let include = ["documents", "metadatas", "embeddings", "uris"];
        let mut done = 0;
        loop {
            let body = json!({ "include": include, "limit": limit, "offset": done });
            let page: Value = self.0.post(&get(collection), &body).await?;
            let ids = page["ids"].as_array().context("a page without ids")?;
            for (n, id) in ids.iter().enumerate() {
                let of = |field: &str| page[field].get(n).cloned().unwrap_or_default();
                line(&json!({
                    "id": id, "embedding": of("embeddings"), "document": of("documents"),
                    "metadata": of("metadatas"), "uri": of("uris"),
                }))?;
            }
            done += ids.len() as u64;
            if (ids.len() as u64) < limit {
                return Ok(done);
            }
        }
    }
}

impl Chroma {
    /// Makes a collection as it was exported, with its metadata and configuration; returns its new id. Its database is
    /// made where it is missing.
    ///
    /// # Errors
    /// When the server refuses, also because the name is taken.
    pub async fn create(&mut self, old: &Collection) -> Result<String> {
        let databases: Vec<Named> = self.0.get(&format!("/api/v2/tenants/{TENANT}/databases")).await?;
        if databases.iter().all(|database| database.name != old.database) {
            let body = json!({ "name": old.database });
            let _: Value = self.0.post(&format!("/api/v2/tenants/{TENANT}/databases"), &body).await?;
        }
        let of = |field: &str| old.rest.get(field).cloned().unwrap_or_default();
        let body = json!({
            "name": old.name, "metadata": of("metadata"), "configuration": of("configuration_json"), "get_or_create": false,
        });
        let made: Collection = self.0.post(&format!("{}/collections", base(&old.database)), &body).await?;
        Ok(made.id)
    }

    /// Adds records: `ids`, `embeddings`, `documents`, `metadatas` and `uris`, as many of each.
    ///
    /// # Errors
    /// When the server refuses them.
    pub async fn add(&mut self, database: &str, collection: &str, records: &Value) -> Result<()> {
        let _: Value = self.0.post(&format!("{}/collections/{collection}/add", base(database)), records).await?;
        Ok(())
    }
}

fn base(database: &str) -> String {
    let database = percent_encoding::utf8_percent_encode(database, percent_encoding::NON_ALPHANUMERIC);
    format!("/api/v2/tenants/{TENANT}/databases/{database}")
}

fn get(collection: &Collection) -> String {
    format!("{}/collections/{}/get", base(&collection.database), collection.id)
}

fn query(collection: &Collection) -> String {
    format!("{}/collections/{}/query", base(&collection.database), collection.id)
}
