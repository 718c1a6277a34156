//! Ollama's HTTP API: what runs there, which models it has, and pulling one (stack-facts B2).
//!
//! The local API has no authentication. It knows nothing of where Ollama runs; models are named as people
//! name them and compared by [`normalise`].

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::address::Address;
use super::http::{Http, Limits};
use super::pull::{self, PullProgress};

/// Ollama's port.
pub const PORT: u16 = 11434;
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// An Ollama server.
#[derive(Clone, Debug)]
pub struct Ollama {
    http: Http,
    streaming: Http,
    patience: pull::Patience,
}

/// A model in `GET /api/tags`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Name with its tag (`llama3.2:latest`).
    pub name: String,
    /// Bytes on disk.
    pub size: u64,
    /// SHA-256 of the manifest file, hexadecimal, without a prefix.
    pub digest: String,
    /// Set on a cloud stub: nothing is stored here, and questions would leave this machine.
    pub remote_model: Option<String>,
}

/// A loaded model in `GET /api/ps`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Running {
    /// Name with its tag.
    pub name: String,
    /// Bytes of memory in all.
    pub size: u64,
    /// Bytes of it on the GPU: 0 means CPU only, `size` means all of it, between means split.
    pub size_vram: u64,
}

/// What `POST /api/show` tells about a model.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Show {
    /// `completion`, `embedding`, `tools`, ….
    pub capabilities: Vec<String>,
    /// The model file's own keys (`general.architecture`, `llama.context_length`, …).
    pub model_info: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Models<T> {
    // An Ollama without models has been seen to answer null.
    models: Option<Vec<T>>,
}

impl Model {
    /// Whether this is only a pointer to somebody else's computer.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        self.remote_model.as_deref().is_some_and(|remote| !remote.is_empty())
    }
}

impl Show {
    /// Numbers per embedding; to be read at run time, never assumed.
    #[must_use]
    pub fn embedding_length(&self) -> Option<u64> {
        self.model_info.iter().find(|(key, _)| key.ends_with(".embedding_length"))?.1.as_u64()
    }
}

impl Ollama {
    /// A server at an address as people type it; connects to nothing.
    ///
    /// # Errors
    /// When the address is none, or https without CA certificates on this host.
    pub fn new(base_url: &str) -> Result<Self> {
        Self::at(Address::parse(base_url, PORT).context("Ollama's address")?)
    }

    /// A server at an address that was read before.
    ///
    /// # Errors
    /// When https is asked for without CA certificates on this host.
    pub fn at(address: Address) -> Result<Self> {
        Ok(Self {
            http: Http::new(address.clone(), Limits { connect: CONNECT, total: Some(TIMEOUT) })?,
            streaming: Http::new(address, Limits { connect: CONNECT, total: None })?,
            patience: pull::Patience::default(),
        })
    }

    /// Where it asks.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.http.address()
    }

    /// The server's version (`0.32.15`).
    ///
    /// # Errors
    /// When there is no answer, or none of Ollama's.
    pub async fn version(&self) -> Result<String> {
        Ok(self.http.get("/api/version").await?.ok()?.json::<Version>()?.version)
    }

    /// The models it has, cloud stubs among them ([`Model::is_cloud`]).
    ///
    /// # Errors
    /// When there is no answer, or none of Ollama's.
    pub async fn tags(&self) -> Result<Vec<Model>> {
        Ok(self.http.get("/api/tags").await?.ok()?.json::<Models<Model>>()?.models.unwrap_or_default())
    }

    /// The models that are loaded now.
    ///
    /// # Errors
    /// When there is no answer, or none of Ollama's.
    pub async fn ps(&self) -> Result<Vec<Running>> {
        Ok(self.http.get("/api/ps").await?.ok()?.json::<Models<Running>>()?.models.unwrap_or_default())
    }

    /// What a model can do; `None` when the server does not have it.
    ///
    /// # Errors
    /// When there is no answer, or none of Ollama's.
    pub async fn show(&self, model: &str) -> Result<Option<Show>> {
        let answer = self.http.post("/api/show", &json!({ "model": model })).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(answer.ok()?.json()?))
    }

    /// Pulls a model, telling how it goes, and resumes a cut transfer a bounded number of times.
    ///
    /// # Errors
    /// What Ollama says (also under HTTP 200); a transfer in which nothing moves any more; a connection that is
    /// cut again and again.
    pub async fn pull(&self, model: &str, on: &mut (dyn FnMut(PullProgress) + Send)) -> Result<()> {
        pull::pull(&self.streaming, self.patience, model, on)
            .await
            .with_context(|| format!("could not pull the model {model}"))
    }

    /// For answers that take as long as they take: whoever uses it watches the time.
    pub(super) fn streaming(&self) -> &Http {
        &self.streaming
    }

    /// The same server, with other patience while pulling.
    #[cfg(test)]
    pub(super) fn patient(mut self, patience: pull::Patience) -> Self {
        self.patience = patience;
        self
    }
}

/// The full name Ollama lists a model under: `llama3.2` is `llama3.2:latest`.
#[must_use]
pub fn normalise(name: &str) -> String {
    let short = name.trim().trim_start_matches("registry.ollama.ai/").trim_start_matches("library/");
    // A colon before the last slash belongs to a registry's port.
    let tagged = short.rsplit('/').next().unwrap_or_default().contains(':');
    if tagged { short.to_owned() } else { format!("{short}:latest") }
}

/// Whether two names mean the same model; Ollama does not tell case apart.
#[must_use]
pub fn same_model(one: &str, other: &str) -> bool {
    normalise(one).eq_ignore_ascii_case(&normalise(other))
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    async fn answering(status: u16, body: &str) -> (Fake, Ollama) {
        let fake = Fake::new(vec![vec![Step::Say(http(status, body))]]).await;
        let ollama = Ollama::new(&fake.place).unwrap();
        (fake, ollama)
    }

    #[test]
    fn a_name_without_a_tag_means_latest() {
        for same in
            ["llama3.2", "llama3.2:latest", " library/llama3.2", "registry.ollama.ai/library/llama3.2", "Llama3.2"]
        {
            assert!(same_model(same, "llama3.2:latest"), "{same}");
        }
        assert_eq!(normalise("host:5000/me/model"), "host:5000/me/model:latest");
        assert!(!same_model("llama3.2:1b", "llama3.2"));
    }

    #[tokio::test]
    async fn cloud_stubs_are_marked_and_new_fields_ignored() {
        let body =
            r#"{"models":[{"name":"a:latest","size":5,"digest":"ab","x":1},{"name":"b:cloud","remote_model":"b"}]}"#;
        let (_fake, ollama) = answering(200, body).await;
        let models = ollama.tags().await.unwrap();
        assert_eq!(models.iter().map(Model::is_cloud).collect::<Vec<_>>(), [false, true]);
    }

    #[tokio::test]
    async fn no_models_may_be_null() {
        assert!(answering(200, r#"{"models":null}"#).await.1.tags().await.is_ok_and(|models| models.is_empty()));
    }

    #[tokio::test]
    async fn a_model_that_is_not_there_is_none_and_a_queue_that_is_full_an_error() {
        let (_fake, ollama) = answering(404, r#"{"error":"model 'x' not found"}"#).await;
        assert!(ollama.show("x").await.unwrap().is_none());
        let (_fake, ollama) = answering(503, r#"{"error":"server busy"}"#).await;
        assert!(ollama.show("x").await.unwrap_err().to_string().ends_with("HTTP 503: server busy"));
    }

    #[tokio::test]
    async fn the_embedding_length_is_read_whatever_the_architecture() {
        let (fake, ollama) =
            answering(200, r#"{"model_info":{"general.architecture":"bert","bert.embedding_length":384}}"#).await;
        assert_eq!(ollama.show("all-minilm").await.unwrap().unwrap().embedding_length(), Some(384));
        assert!(fake.requests()[0].ends_with(r#"{"model":"all-minilm"}"#));
    }

    #[tokio::test]
    async fn something_else_on_the_port_is_not_ollama() {
        let (_fake, ollama) = answering(200, "Ollama is running").await;
        let error = ollama.version().await.unwrap_err().to_string();
        assert!(error.ends_with("answered something else than expected: Ollama is running"), "{error}");
    }
}
