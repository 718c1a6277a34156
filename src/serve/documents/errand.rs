//! `tars serve --index`: what `tars reindex` and `tars model` have the backend's container do.
//!
//! The backend that runs does the work: a generation that was begun here is found there within moments, and goes on when
//! this errand is gone.

use anyhow::{Context, Result};

use super::{generation, vectors};
use crate::app::App;
use crate::client::index::{Answer, Index, Model, Request};
use crate::client::ollama::{Ollama, same_model};
use crate::config::Config;

/// Does what the request says.
///
/// # Errors
/// When the request is none or a store cannot be used; a refusal is an [`Answer`].
pub(crate) async fn run(config: Config, request: &str) -> Result<Answer> {
    let request: Request = serde_json::from_str(request).context("the request is none")?;
    let app = App::new(config);
    app.db.prepare().await?;
    match request {
        Request::Renew { model } => {
            vectors::reindex(&app, model.as_deref()).await?;
            Ok(Answer::Indexes(indexes(&app).await?))
        }
        Request::Look => Ok(Answer::Indexes(indexes(&app).await?)),
        Request::Models => Ok(Answer::Models(models(&app).await?)),
        Request::Remove { model } => remove(&app, &model).await,
    }
}

async fn indexes(app: &App) -> Result<Vec<Index>> {
    let connection = app.db.get().await?;
    let mut found = Vec::new();
    for one in generation::in_use(&connection).await? {
        let progress = generation::progress(&connection, one.id).await?;
        found.push(Index {
            id: one.id,
            model: one.model,
            serving: one.serving,
            done: progress.done,
            total: progress.total,
        });
    }
    Ok(found)
}

async fn models(app: &App) -> Result<Vec<Model>> {
    let indexes = indexes(app).await?;
    let used_for = |name: &str| {
        let is = |chosen: &Option<String>| chosen.as_ref().is_some_and(|chosen| same_model(chosen, name));
        let uses = [
            (is(&app.config.chat_model), "chat"),
            (is(&app.config.embed_model), "embedding"),
            (indexes.iter().any(|index| same_model(&index.model, name)), "index"),
        ];
        uses.into_iter().filter(|(used, _)| *used).map(|(_, use_)| use_.to_owned()).collect()
    };
    let there = ollama(app)?.tags().await?.into_iter().filter(|model| !model.is_cloud());
    Ok(there.map(|model| Model { used_for: used_for(&model.name), bytes: model.size, name: model.name }).collect())
}

async fn remove(app: &App, model: &str) -> Result<Answer> {
    let used = models(app).await?.into_iter().find(|there| same_model(&there.name, model));
    match used {
        None => Ok(Answer::Refused(format!("Ollama does not have the model {model}"))),
        Some(there) if !there.used_for.is_empty() => {
            Ok(Answer::Refused(format!("the model {model} is in use ({})", there.used_for.join(", "))))
        }
        Some(there) => {
            ollama(app)?.remove(&there.name).await?;
            Ok(Answer::Done)
        }
    }
}

fn ollama(app: &App) -> Result<&Ollama> {
    app.ollama()?.context("no language model was chosen (TARS_LLM=none)")
}
