//! What an errand in the backend's container tells the operator's side: one line of JSON for each thing.
//!
//! Written by `serve`, read by `operate`; neither may know the other.

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Bytes over all layers of a model that are known by now.
    Bytes {
        /// There.
        done: u64,
        /// In all.
        total: u64,
    },
    /// What it does now.
    Step(String),
    /// The model is there.
    Done {
        /// Nothing had to be pulled.
        already: bool,
    },
    /// An Ollama of this version answers.
    Version(String),
    /// It failed: the sentences of the chain.
    Failed(Vec<String>),
}
