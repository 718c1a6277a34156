//! Errands that the operator's side runs inside the backend's container, where the stack's network is: pulling a
//! model, and trying whether an Ollama can be reached. Their stdout is read by `tars` on the host.

use super::{Config, accounts, documents, validation};
use crate::client::PullProgress;
use crate::client::account::Answer;
use crate::client::errand::Line;
use crate::client::examine;
use crate::client::ollama::{Ollama, same_model};
use crate::client::told;
use crate::client::validate;
use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;

/// Pulls a model, unless it is there; every line of stdout is one JSON value (`client::errand::Line`).
///
/// # Errors
/// When the pull fails; the last line says why as well.
pub async fn pull(config: &Config, model: &str) -> Result<()> {
    let ended = pull_inner(config, model).await;
    match &ended {
        Ok(already) => line(&Line::Done { already: *already }),
        Err(error) => line(&Line::Failed(crate::error::causes_of(error))),
    }
    ended.map(|_| ())
}

async fn pull_inner(config: &Config, model: &str) -> Result<bool> {
    let ollama = Ollama::at(config.ollama_url.clone())?;
    let there =
        ollama.tags().await.with_context(|| format!("Ollama at {} does not list its models", config.ollama_url))?;
    if there.iter().any(|have| !have.is_cloud() && same_model(&have.name, model)) {
        return Ok(true);
    }
    ollama
        .pull(model, &mut |progress| match progress {
            PullProgress::Bytes { completed, total } => {
                line(&Line::Bytes { done: completed, total });
            }
            PullProgress::Step(words) => line(&Line::Step(words)),
            PullProgress::Resuming { why, attempt, of } => {
                line(&Line::Step(format!("{why}; again, attempt {attempt} of {of}")));
            }
        })
        .await?;
    Ok(false)
}

/// Asks an Ollama for its version and prints it.
///
/// # Errors
/// When nothing answers there, or something else than Ollama.
pub async fn reach(url: &str) -> Result<()> {
    let asked = async { Ollama::new(url)?.version().await }.await;
    match &asked {
        Ok(version) => line(&Line::Version(version.clone())),
        Err(error) => line(&Line::Failed(crate::error::causes_of(error))),
    }
    asked.map(|_| ())
}

/// Examines a Chroma as the question in a file says.
///
/// # Errors
/// When the file holds no question, or the server cannot be examined; the last line says why as well.
pub async fn examine(file: &Path) -> Result<()> {
    let ended = async {
        let question = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        let question = serde_json::from_slice(&question).context("the question is none")?;
        examine::examine(&question, |found| line(&examine::Line::Collection(found))).await
    }
    .await;
    line(&match &ended {
        Ok(()) => examine::Line::Done,
        Err(error) => examine::Line::Failed(crate::error::causes_of(error)),
    });
    ended
}

/// Does what `tars user` asks for; the answer is one line.
///
/// # Errors
/// When the request is none or the database cannot be used; the line says why as well.
pub async fn user(config: Config, request: &str) -> Result<()> {
    let ended = accounts::errand::run(config, request).await;
    match &ended {
        Ok(answer) => line(answer),
        Err(error) => line(&Answer::Failed(crate::error::causes_of(error))),
    }
    ended.map(|_| ())
}

/// Does what `tars reindex` and `tars model` ask for; the answer is one line.
///
/// # Errors
/// When the request is none or a store cannot be used; the line says why as well.
pub async fn index(config: Config, request: &str) -> Result<()> {
    let ended = documents::errand::run(config, request).await;
    match &ended {
        Ok(answer) => line(answer),
        Err(error) => line(&crate::client::index::Answer::Failed(crate::error::causes_of(error))),
    }
    ended.map(|_| ())
}

/// Remembers what the operator's side tells of backups and drills.
///
/// # Errors
/// When the request is none or cannot be kept; the line says why as well.
pub fn told(config: &Config, request: &str) -> Result<()> {
    let ended = super::told::write(&config.logs_dir, request);
    line(&match &ended {
        Ok(()) => told::Answer::Known,
        Err(error) => told::Answer::Failed(crate::error::causes_of(error)),
    });
    ended
}

/// Does what `tars validate` asks for; the answer is one line.
///
/// # Errors
/// When the request is none or the database cannot be used; the line says why as well.
pub async fn validate(config: Config, request: &str) -> Result<()> {
    let ended = validation::run(config, request).await;
    match &ended {
        Ok(answer) => line(answer),
        Err(error) => line(&validate::Answer::Failed(crate::error::causes_of(error))),
    }
    ended.map(|_| ())
}

/// A reader that is gone must not end the pull: the model is what was asked for.
fn line(line: &impl serde::Serialize) {
    let mut out = std::io::stdout().lock();
    if let Ok(json) = serde_json::to_string(line) {
        let _ = writeln!(out, "{json}");
        let _ = out.flush();
    }
}
