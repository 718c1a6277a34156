//! An embedding model with what must be known before it is used: its size, its tokens, the words it wants to hear first.

use anyhow::{Result, anyhow, bail};

use crate::chunk::{Chunker, Counter, Family};
use crate::client::embed::TooSlow;
use crate::client::http::Refused;
use crate::client::ollama::Ollama;

/// Tokens that are not the text's: the model's own marks and the prefix.
const RESERVED: u32 = 20;
/// A text is halved this often before it is given up.
const HALVES_MAX: u32 = 8;
/// A text that every model takes.
const PROBE: &str = "tars";

/// A model that is ready to be used.
#[derive(Debug)]
pub(crate) struct Embedder {
    /// As Ollama knows it.
    pub model: String,
    /// Numbers per vector.
    pub dimension: usize,
    /// How texts are cut for it.
    pub chunker: Chunker,
    /// What a cosine must be, at the least, to speak for a passage at all.
    pub floor: f32,
    query_prefix: &'static str,
    text_prefix: &'static str,
}

/// What a family of models wants before a question and before a text, and the cosine that unrelated texts still have.
/// From the models' own cards; a model that is not listed wants nothing.
const HABITS: [(&str, &str, &str, f32); 6] = [
    ("nomic-embed-text", "search_query: ", "search_document: ", 0.5),
    ("mxbai-embed", "Represent this sentence for searching relevant passages: ", "", 0.5),
    ("snowflake-arctic-embed", "Represent this sentence for searching relevant passages: ", "", 0.3),
    ("embeddinggemma", "task: search result | query: ", "title: none | text: ", 0.3),
    (
        "qwen3-embedding",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
        "",
        0.3,
    ),
    ("bge-", "", "", 0.4),
];

impl Embedder {
    /// Asks Ollama about a model, and the model for one vector: what it is really like counts, not what is said.
    ///
    /// # Errors
    /// When the model is not there or gives no embeddings.
    pub(crate) async fn new(ollama: &Ollama, model: &str) -> Result<Self> {
        let traits = ollama.traits(model).await?.ok_or_else(|| anyhow!("Ollama does not have the model {model}"))?;
        if traits.embeds == Some(false) {
            bail!("the model {model} gives no embeddings");
        }
        let vectors = ollama.embed(model, &[PROBE]).await?;
        let counter = traits
            .vocabulary
            .and_then(|vocabulary| Some(Counter::new(Family::named(&vocabulary.family)?, &vocabulary.tokens)));
        let chunker = Chunker::new(counter.unwrap_or(Counter::Words), traits.context, RESERVED);
        let (query_prefix, text_prefix, floor) = habits(model);
        Ok(Self {
            model: model.to_owned(),
            dimension: vectors.first().map_or(0, Vec::len),
            chunker,
            floor,
            query_prefix,
            text_prefix,
        })
    }

    /// How texts are cut while nothing is known about the model.
    pub(crate) fn unknown_chunker() -> Chunker {
        Chunker::new(Counter::Words, None, RESERVED)
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// What Ollama says, or when the model has changed.
    pub(crate) async fn question(&self, ollama: &Ollama, text: &str) -> Result<Vec<f32>> {
        let text = format!("{}{text}", self.query_prefix);
        let vectors = self.embed(ollama, &[text]).await?;
        vectors.into_iter().next().ok_or_else(|| anyhow!("Ollama gave no vector"))
    }

    /// The vectors of texts, in their order; `None` for one that the model refuses while it takes others.
    ///
    /// # Errors
    /// What Ollama says, or when the model has changed. [`TooSlow`]: fewer at a time may do.
    pub(crate) async fn texts(&self, ollama: &Ollama, texts: &[String]) -> Result<Vec<Option<Vec<f32>>>> {
        let prefixed: Vec<String> = texts.iter().map(|text| format!("{}{text}", self.text_prefix)).collect();
        match self.embed(ollama, &prefixed).await {
            Ok(vectors) => Ok(vectors.into_iter().map(Some).collect()),
            Err(error) if prefixed.len() > 1 && error.is::<TooSlow>() => Err(error),
            Err(_) => {
                let mut vectors = Vec::with_capacity(prefixed.len());
                for text in &prefixed {
                    vectors.push(self.alone(ollama, text).await?);
                }
                Ok(vectors)
            }
        }
    }

    // The text is to blame only if the model takes another one right after, and still not this one.
    async fn alone(&self, ollama: &Ollama, text: &str) -> Result<Option<Vec<f32>>> {
        for _ in 0..2 {
            let error = match self.embed(ollama, &[text.to_owned()]).await {
                Ok(vectors) => return Ok(vectors.into_iter().next()),
                Err(error) if is_busy(&error) => return Err(error),
                Err(error) => error,
            };
            self.embed(ollama, &[PROBE.to_owned()]).await.map_err(|_| error)?;
        }
        Ok(None)
    }

    async fn embed(&self, ollama: &Ollama, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = match ollama.embed(&self.model, &all).await {
            Err(error) if is_too_long(&error) => self.one_by_one(ollama, &all).await?,
            other => other?,
        };
        match vectors.iter().find(|vector| vector.len() != self.dimension) {
            None => Ok(vectors),
            Some(odd) => bail!(
                "the model {} now gives {} numbers and gave {} when the index was made: run tars reindex",
                self.model,
                odd.len(),
                self.dimension
            ),
        }
    }

    async fn one_by_one(&self, ollama: &Ollama, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::new();
        for text in texts {
            vectors.push(Box::pin(self.halved(ollama, text, HALVES_MAX)).await?);
        }
        Ok(vectors)
    }

    // A text that is too long after all is not cut off: it gets the middle of its halves' vectors.
    async fn halved(&self, ollama: &Ollama, text: &str, left: u32) -> Result<Vec<f32>> {
        let error = match ollama.embed(&self.model, &[text]).await {
            Err(error) if is_too_long(&error) && left > 0 && text.len() > 1 => error,
            other => return Ok(other?.into_iter().next().unwrap_or_default()),
        };
        let middle = text.floor_char_boundary(text.len() / 2);
        let middle = text[..middle].rfind(char::is_whitespace).unwrap_or(middle);
        if middle == 0 {
            return Err(error);
        }
        let one = Box::pin(self.halved(ollama, &text[..middle], left - 1)).await?;
        let other = Box::pin(self.halved(ollama, &text[middle..], left - 1)).await?;
        Ok(between(&one, &other))
    }
}

fn is_too_long(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Refused>()
        .is_some_and(|refused| refused.status == 400 && refused.text.contains("context length"))
}

fn is_busy(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 503)
}

fn between(one: &[f32], other: &[f32]) -> Vec<f32> {
    let sum: Vec<f32> = one.iter().zip(other).map(|(x, y)| x + y).collect();
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 { sum.iter().map(|x| x / length).collect() } else { one.to_vec() }
}

fn habits(model: &str) -> (&'static str, &'static str, f32) {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let found = HABITS.iter().find(|(family, ..)| name.starts_with(family));
    found.map_or(("", "", 0.25), |(_, query, text, floor)| (query, text, *floor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_hears_the_words_it_was_trained_with() {
        assert_eq!(habits("nomic-embed-text:latest").0, "search_query: ");
        assert_eq!(habits("hf.co/x/Nomic-Embed-Text-v1.5").1, "search_document: ");
        assert_eq!(habits("all-minilm"), ("", "", 0.25));
    }

    #[test]
    fn the_middle_of_two_vectors_is_one_of_length_one() {
        let middle = between(&[1.0, 0.0], &[0.0, 1.0]);
        assert!((middle[0] - 0.707).abs() < 0.001 && (middle[1] - 0.707).abs() < 0.001);
        assert_eq!(between(&[1.0], &[-1.0]), [1.0]);
    }
}
