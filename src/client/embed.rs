//! Ollama's embeddings, and what must be known of an embedding model before it is used.

use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::http::Http;
use super::ollama::Ollama;

/// A batch on a slow processor takes minutes.
const EMBED_WITHIN: Duration = Duration::from_mins(5);

/// The vocabulary in a model file.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// How words are taken apart (`bert`, `llama`, `gpt2`, …).
    pub family: String,
    /// Every token.
    pub tokens: Vec<String>,
}

/// What a model file says about an embedding model.
#[derive(Clone, Debug, Default)]
pub struct Traits {
    /// Numbers per vector.
    pub dimension: Option<u32>,
    /// Tokens it takes at once.
    pub context: Option<u32>,
    /// Whether it gives embeddings, where the server says so at all.
    pub embeds: Option<bool>,
    /// Its vocabulary, where the server gives it.
    pub vocabulary: Option<Vocabulary>,
}

/// No answer in time: the texts may be too many for the processor, or the server hangs.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no answer of Ollama within {} s", .0.as_secs())]
pub struct TooSlow(pub Duration);

#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    input: &'a [&'a str],
    truncate: bool,
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    model_info: Info,
    capabilities: Option<Vec<String>>,
}

// Typed, so that scores and merges, as long as the tokens, are passed over.
#[derive(Default, Deserialize)]
struct Info {
    #[serde(rename = "tokenizer.ggml.model")]
    family: Option<String>,
    #[serde(rename = "tokenizer.ggml.tokens")]
    tokens: Option<Vec<String>>,
}

impl Ollama {
    /// One vector per text. A text that is longer than the model's context is refused, never cut.
    ///
    /// # Errors
    /// What Ollama says ([`Refused`](super::http::Refused)), [`TooSlow`], or when vectors are missing.
    pub async fn embed(&self, model: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let asked = Asked { model, input: texts, truncate: false };
        let answer = within(EMBED_WITHIN, post(self.streaming(), "/api/embed", &asked)).await?;
        let vectors = answer.ok()?.json::<Embedded>()?.embeddings;
        if vectors.len() != texts.len() {
            bail!("Ollama gave {} vectors for {} texts", vectors.len(), texts.len());
        }
        if let Some(odd) = vectors.iter().find(|vector| vector.is_empty() || !vector.iter().all(|x| x.is_finite())) {
            bail!("Ollama gave a vector of {} numbers that is none", odd.len());
        }
        Ok(vectors)
    }

    /// What an embedding model needs and gives; `None` when the server does not have it.
    ///
    /// # Errors
    /// When there is no answer, or none of Ollama's.
    pub async fn traits(&self, model: &str) -> Result<Option<Traits>> {
        let Some(show) = self.show(model).await? else { return Ok(None) };
        let number = |ending: &str| {
            let value = show.model_info.iter().find(|(key, _)| key.ends_with(ending))?.1.as_u64()?;
            u32::try_from(value).ok()
        };
        let verbose = json!({ "model": model, "verbose": true });
        let answer = within(EMBED_WITHIN, post(self.streaming(), "/api/show", &verbose)).await?;
        // A server whose answer is too long or too odd only keeps its vocabulary to itself.
        let shown: Option<Shown> = answer.ok().ok().and_then(|answer| answer.json().ok());
        let embeds = |shown: &Shown| shown.capabilities.as_ref().map(|all| all.iter().any(|one| one == "embedding"));
        Ok(Some(Traits {
            dimension: number(".embedding_length"),
            context: number(".context_length"),
            embeds: shown.as_ref().and_then(embeds),
            vocabulary: shown.and_then(|shown| {
                let (family, tokens) = (shown.model_info.family?, shown.model_info.tokens?);
                (!tokens.is_empty()).then_some(Vocabulary { family, tokens })
            }),
        }))
    }

    /// Removes a model; false where there was none.
    ///
    /// # Errors
    /// What Ollama says.
    pub async fn remove(&self, model: &str) -> Result<bool> {
        let asked = json!({ "model": model });
        let answer = within(Duration::from_mins(1), self.streaming().delete("/api/delete", Some(&asked))).await?;
        if answer.status == 404 {
            return Ok(false);
        }
        answer.ok()?;
        Ok(true)
    }
}

async fn post<B: Serialize>(http: &Http, path: &str, body: &B) -> Result<super::http::Answer> {
    http.read(http.send(Method::POST, path, body).await?).await
}

async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, asked).await.map_err(|_| TooSlow(limit))?
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    async fn answering(bodies: &[(u16, &str)]) -> (Fake, Ollama) {
        let steps = bodies.iter().map(|(status, body)| vec![Step::Say(http(*status, body))]).collect();
        let fake = Fake::new(steps).await;
        let ollama = Ollama::new(&fake.place).unwrap();
        (fake, ollama)
    }

    #[tokio::test]
    async fn texts_that_are_too_long_are_refused_not_cut() {
        let (fake, ollama) = answering(&[(200, r#"{"embeddings":[[1,0]]}"#)]).await;
        assert_eq!(ollama.embed("m", &["a"]).await.unwrap(), [[1.0, 0.0]]);
        assert!(fake.requests()[0].contains(r#""truncate":false"#));
    }

    #[tokio::test]
    async fn a_missing_or_empty_vector_is_an_error() {
        for body in [r#"{"embeddings":[]}"#, r#"{"embeddings":[[]]}"#, r#"{"embeddings":[[1e60]]}"#, r#"{"error":"x"}"#]
        {
            let (_fake, ollama) = answering(&[(200, body)]).await;
            assert!(ollama.embed("m", &["a"]).await.is_err(), "{body}");
        }
    }

    #[tokio::test]
    async fn the_vocabulary_comes_from_the_verbose_answer() {
        let first =
            r#"{"model_info":{"bert.embedding_length":384,"bert.context_length":256,"tokenizer.ggml.tokens":null}}"#;
        let second = r#"{"capabilities":["embedding"],"model_info":{"tokenizer.ggml.model":"bert",
            "tokenizer.ggml.tokens":["a","b"],"tokenizer.ggml.scores":[0.5]}}"#;
        let (_fake, ollama) = answering(&[(200, first), (200, second)]).await;
        let traits = ollama.traits("m").await.unwrap().unwrap();
        assert_eq!((traits.dimension, traits.context, traits.embeds), (Some(384), Some(256), Some(true)));
        assert_eq!(traits.vocabulary.unwrap().tokens, ["a", "b"]);
    }
}
