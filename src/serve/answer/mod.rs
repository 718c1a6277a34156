//! An answer out of passages: by the language model with numbered sources, or, where there is none to ask, the passages
//! themselves. A question that the documents do not support is answered as such, without asking the model to invent.

pub(crate) mod conversation;
mod prompt;
pub(crate) mod vault;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use uuid::Uuid;

use crate::app::App;
use crate::auth::User;
use crate::client::chat::{Said, Spent, Talk};
use crate::problem::Problem;
use crate::retrieve::{self, Found, Passage, Query};
use conversation::{Cited, Detail, Kept, Turn};

/// What a question without support gets.
pub(crate) const NO_SUPPORT: &str = "The documents do not answer this question.";
/// What the model is told to say in that case, so that it can be told apart from an answer.
const NOTHING: &str = "NOT IN THE DOCUMENTS";
/// Passages that a retrieval-only answer quotes.
const QUOTED: usize = 3;
/// How long Ollama may take to say that it is there, and what the model's context is.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What is to be answered.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What is looked for.
    pub query: Query,
    /// The conversation it belongs to.
    pub conversation: Option<Uuid>,
    /// Whether it is to be kept.
    pub keep: bool,
    /// Whether it takes the place of the conversation's last question.
    pub again: bool,
}

/// Everything that is known before the first word.
pub(crate) struct Prepared {
    /// What was found.
    pub found: Found,
    /// How long that took.
    pub retrieval_ms: f64,
    /// Why no model is asked, in words for people.
    pub retrieval_only: Option<String>,
    /// Whether anything speaks for an answer.
    pub supported: bool,
    /// Where the answer is to be kept.
    pub kept: Option<Kept>,
    history: Vec<Turn>,
    /// Of the chat model, where it could be asked.
    context: Option<u32>,
}

/// A finished answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its words.
    pub text: String,
    /// Whether the documents support it.
    pub supported: bool,
    /// How long its words took.
    pub generation_ms: f64,
    /// The conversation it was kept in.
    pub conversation: Option<Uuid>,
    /// Why it consists of passages only.
    pub retrieval_only: Option<String>,
    /// Why it was not kept, though it should have been.
    pub not_kept: Option<String>,
}

/// Finds the passages, reads the conversation so far and keeps the question.
///
/// # Errors
/// 503 without Postgres, 404 for a conversation that is not this user's, 422 for a question that leaves no room for sources.
pub(crate) async fn prepare(app: &App, user: &User, question: &Question) -> Result<Prepared, Problem> {
    let begun = Instant::now();
    let history = match question.conversation {
        Some(id) => conversation::history(app, user, id, question.again).await?,
        None => Vec::new(),
    };
    let mut found = retrieve::search(app, &question.query).await?;
    // "And in May?" finds nothing by itself: the question before says what it is about.
    if !found.supported
        && let Some(before) = history.last()
    {
        let text = format!("{} {}", before.question, question.query.text);
        let wider = retrieve::search(app, &Query { text, ..question.query.clone() }).await?;
        if wider.supported {
            found = wider;
        }
    }
    let supported = found.supported && !found.passages.is_empty();
    if !supported {
        found.passages.clear();
    }
    let retrieval_ms = ms(begun);
    app.metrics.rag.retrieval.observe(begun.elapsed().as_secs_f64());
    let (context, retrieval_only) = match context(app).await {
        Ok(context) => (Some(context), None),
        Err(why) => (None, Some(crate::error::causes_of(&why).join(": "))),
    };
    if let Some(context) = context {
        let seen = prompt::seen(context, &question.query.text, &found.passages, &history).ok_or_else(|| {
            Problem::invalid("query", format!("is too long for the chat model, which takes {context} tokens in all"))
        })?;
        // What the model does not see is no source of its answer.
        found.passages.truncate(seen);
    }
    let kept = if question.keep && app.rag.vault.is_there() {
        Some(conversation::begin(app, user, question.conversation, &question.query.text, question.again).await?)
    } else {
        None
    };
    Ok(Prepared { found, retrieval_ms, retrieval_only, supported, kept, history, context })
}

/// The chat model's context, or why there is no model to ask.
async fn context(app: &App) -> Result<u32> {
    let ollama = app.ollama()?.ok_or_else(|| anyhow!("no language model was chosen (TARS_LLM=none)"))?;
    let model = chat_model(app)?;
    // It may be known from before: that it answers must be known now.
    let asked = async {
        ollama.version().await?;
        prompt::context_of(ollama, model).await
    };
    tokio::time::timeout(ANSWERS_WITHIN, asked)
        .await
        .map_err(|_| anyhow!("no answer of Ollama within {} s", ANSWERS_WITHIN.as_secs()))?
}

fn chat_model(app: &App) -> Result<&str> {
    app.config.chat_model.as_deref().ok_or_else(|| anyhow!("no chat model is chosen (OLLAMA_MODEL)"))
}

impl Prepared {
    /// What is kept beside the words.
    pub(crate) fn detail(&self, supported: bool) -> Detail {
        let passages_only = self.retrieval_only.is_some();
        let cited = |(number, passage): (usize, &Passage)| Cited {
            number,
            document_id: passage.document,
            file_name: passage.file_name.clone(),
            folder: passage.folder.clone(),
            chunk_id: passage.chunk_id.clone(),
            position: passage.position,
            similarity_score: passage.similarity,
            content: passages_only.then(|| passage.content.clone()),
        };
        let sources = if supported { (1..).zip(&self.found.passages).map(cited).collect() } else { Vec::new() };
        let mode = if passages_only { "retrieval-only" } else { "full" };
        Detail { supported, mode: mode.to_owned(), sources }
    }
}

/// Keeps what was written of an answer that broke off.
pub(crate) async fn broke_off(app: &App, kept: Option<Kept>, written: &str, detail: &Detail) {
    let Some(kept) = kept else { return };
    if let Err(problem) = conversation::end(app, kept, written, detail, false).await {
        tracing::warn!(why = %problem, "an answer that broke off could not be kept");
    }
}

/// Gives the answer, word by word where a model gives it; dropping the future stops the model.
///
/// # Errors
/// When the model fails in the middle, or `on_token` does. An answer that cannot be kept is given all the same.
pub(crate) async fn give<F: Future<Output = Result<()>>>(
    app: &App,
    question: &Question,
    mut prepared: Prepared,
    mut on_token: impl FnMut(String) -> F,
) -> Result<Answer> {
    let begun = Instant::now();
    let mut supported = prepared.supported;
    let text = if supported {
        match begin(app, question, &prepared).await {
            Ok(talk) => {
                let text = listen(app, talk, &mut on_token).await?;
                supported = text != NO_SUPPORT;
                text
            }
            Err(why) => {
                let text = quote(&prepared.found.passages);
                on_token(text.clone()).await?;
                prepared.retrieval_only = Some(why.to_string());
                text
            }
        }
    } else {
        on_token(NO_SUPPORT.to_owned()).await?;
        NO_SUPPORT.to_owned()
    };
    let generation_ms = ms(begun);
    let mut not_kept = None;
    if let Some(kept) = prepared.kept
        && let Err(problem) = conversation::end(app, kept, &text, &prepared.detail(supported), true).await
    {
        not_kept = Some(format!("the answer could not be kept: {problem}"));
    }
    let conversation = prepared.kept.map(|kept| kept.conversation);
    app.metrics.rag.questions.inc();
    Ok(Answer { text, supported, generation_ms, conversation, retrieval_only: prepared.retrieval_only, not_kept })
}

/// The model's answer begins, or why there is none to ask.
async fn begin(app: &App, question: &Question, prepared: &Prepared) -> Result<Talk> {
    if let Some(why) = &prepared.retrieval_only {
        bail!("{why}");
    }
    let ollama = app.ollama()?.ok_or_else(|| anyhow!("no language model was chosen"))?;
    let (model, context) = (chat_model(app)?, prepared.context.ok_or_else(|| anyhow!("no language model answers"))?);
    let chat = prompt::chat(model, context, &question.query.text, &prepared.found.passages, &prepared.history);
    ollama.chat(&chat).await
}

async fn listen<F: Future<Output = Result<()>>>(
    app: &App,
    mut talk: Talk,
    on_token: &mut impl FnMut(String) -> F,
) -> Result<String> {
    let begun = Instant::now();
    let (mut text, mut told) = (String::new(), 0);
    let mut spent = Spent::default();
    while let Some(said) = talk.next().await? {
        match said {
            Said::Token(token) => text.push_str(&token),
            Said::Done(cost) => spent = cost,
        }
        // Held back while it may still become the words for "nothing".
        if !NOTHING.starts_with(text.trim_start()) && !text.trim_start().starts_with(NOTHING) {
            let news = text[told..].to_owned();
            told = text.len();
            if !news.is_empty() {
                on_token(news).await?;
            }
        }
    }
    app.metrics.rag.generated(begun.elapsed(), spent);
    if text.trim().is_empty() || text.trim_start().starts_with(NOTHING) {
        on_token(NO_SUPPORT.to_owned()).await?;
        return Ok(NO_SUPPORT.to_owned());
    }
    if told < text.len() {
        on_token(text[told..].to_owned()).await?;
    }
    Ok(text)
}

fn quote(passages: &[Passage]) -> String {
    let numbered = |(number, passage): (usize, &Passage)| format!("[{number}] {}", passage.content);
    let all: Vec<String> = (1..).zip(passages.iter().take(QUOTED)).map(numbered).collect();
    format!("No language model answers at the moment. These passages fit best:\n\n{}", all.join("\n\n"))
}

/// Milliseconds since a moment, with a fraction.
pub(crate) fn ms(begun: Instant) -> f64 {
    (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
