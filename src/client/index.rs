//! What `tars reindex` and `tars model` ask of the backend's container, and what that answers: one JSON value each way.
//!
//! The request is an argument of `tars serve --index`.

use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Begin to make the index anew, or go on with it.
    Renew {
        /// The embedding model; without one, the configured one.
        model: Option<String>,
    },
    /// How far it is.
    Look,
    /// The models that Ollama has.
    Models,
    /// Remove a model from Ollama.
    Remove {
        /// Which.
        model: String,
    },
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its number; another one begun means another number.
    #[serde(default)]
    pub id: i32,
    /// Its embedding model.
    pub model: String,
    /// Whether it answers; else it is being built.
    pub serving: bool,
    /// Chunks with their vectors in it.
    pub done: i64,
    /// Chunks there are.
    pub total: i64,
}

/// A model of Ollama's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name with the tag.
    pub name: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// `chat` or `embedding` where it is the chosen one, `index` where the index was made with it.
    pub used_for: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The indexes in use, the serving one first.
    Indexes(Vec<Index>),
    /// The models there are.
    Models(Vec<Model>),
    /// It was done.
    Done,
    /// It was not, for reasons that lie in the request.
    Refused(String),
    /// It could not be; the causes, outermost first.
    Failed(Vec<String>),
}
