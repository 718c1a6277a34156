//! The numbers of ingestion, retrieval and answers.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SECONDS;
use crate::client::chat::Spent;

/// The numbers of the second half.
pub(crate) struct Rag {
    /// Reading a document, from its job to its chunks.
    pub ingest: Histogram,
    /// Documents that were read.
    pub documents: Counter,
    /// Files that were set aside.
    pub set_aside: Counter,
    /// Chunks that got their vectors.
    pub vectors: Counter,
    /// Finding passages.
    pub retrieval: Histogram,
    /// Questions that were answered.
    pub questions: Counter,
    generation: Histogram,
    tokens: Counter,
    /// Nanoseconds that the model wrote for, as it says itself.
    writing: Counter<f64, std::sync::atomic::AtomicU64>,
}

impl Rag {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            ingest: Histogram::new(SECONDS),
            documents: Counter::default(),
            set_aside: Counter::default(),
            vectors: Counter::default(),
            retrieval: Histogram::new(SECONDS),
            questions: Counter::default(),
            generation: Histogram::new(SECONDS),
            tokens: Counter::default(),
            writing: Counter::default(),
        };
        let s = || Unit::Seconds;
        registry.register_with_unit(
            "ingest_duration",
            "Reading a document, from its job to its chunks",
            s(),
            new.ingest.clone(),
        );
        registry.register("documents_read", "Documents that were read", new.documents.clone());
        registry.register("files_set_aside", "Files that could not be read and were set aside", new.set_aside.clone());
        registry.register("chunks_embedded", "Chunks that got their vectors", new.vectors.clone());
        registry.register_with_unit(
            "retrieval_duration",
            "Finding the passages of a question",
            s(),
            new.retrieval.clone(),
        );
        registry.register("questions", "Questions that were answered", new.questions.clone());
        registry.register_with_unit("generation_duration", "Writing an answer", s(), new.generation.clone());
        registry.register("generated_tokens", "Tokens that the model wrote", new.tokens.clone());
        registry.register_with_unit(
            "generating",
            "Time that the model wrote for, by its own clock",
            s(),
            new.writing.clone(),
        );
        new
    }

    /// A model's answer.
    pub(crate) fn generated(&self, took: Duration, spent: Spent) {
        self.generation.observe(took.as_secs_f64());
        self.tokens.inc_by(spent.eval_count);
        self.writing.inc_by(Duration::from_nanos(spent.eval_duration).as_secs_f64());
    }
}
