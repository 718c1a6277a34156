//! The models by real work: one embedding, a few words, and where they run.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::app::App;
use crate::client::chat::{Chat, Message, Options, Said, Spent};
use crate::client::ollama::{Ollama, same_model};

const ASKED: &str = "Answer with one short sentence: what is a lighthouse?";

/// One embedding.
pub(super) async fn embed(app: &App) -> Result<String> {
    let model = app.config.embed_model.as_deref().context("no embedding model is chosen (TARS_EMBED_MODEL)")?;
    let vectors = ollama(app)?.embed(model, &[ASKED]).await.with_context(|| format!("{model} gives no vector"))?;
    let numbers = vectors.first().map_or(0, Vec::len);
    ensure!(vectors.iter().flatten().any(|number| *number != 0.0), "{model} gives a vector of zeros");
    Ok(format!("{model}: a vector of {numbers} numbers"))
}

/// A few words of the chat model.
pub(super) async fn chat(app: &App) -> Result<String> {
    let model = app.config.chat_model.as_deref().context("no chat model is chosen (OLLAMA_MODEL)")?;
    let message = Message { role: "user", content: ASKED.to_owned() };
    let options = Options { num_ctx: 2048, num_predict: 24, temperature: 0.0 };
    let chat = Chat { model: model.to_owned(), messages: vec![message], options };
    let begun = Instant::now();
    let mut talk = ollama(app)?.chat(&chat).await.with_context(|| format!("{model} gives no answer"))?;
    let (mut words, mut first, mut spent) = (String::new(), None, Spent::default());
    while let Some(said) = talk.next().await.with_context(|| format!("{model} stops in the middle"))? {
        match said {
            Said::Token(token) => {
                first.get_or_insert_with(|| begun.elapsed());
                words.push_str(&token);
            }
            Said::Done(cost) => spent = cost,
        }
    }
    ensure!(!words.trim().is_empty(), "{model} answers with nothing");
    let first = first.unwrap_or_default().as_secs_f64();
    Ok(format!("{model}: first word after {first:.1} s{}", speed(spent)))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn speed(spent: Spent) -> String {
    if spent.eval_count == 0 || spent.eval_duration == 0 {
        return String::new();
    }
    format!(", {:.1} tokens a second", spent.eval_count as f64 * 1e9 / spent.eval_duration as f64)
}

/// `gpu`, `cpu` or `split`: where the chat model lies.
pub(super) async fn processor(app: &App) -> Result<String> {
    let model = app.config.chat_model.as_deref().context("no chat model is chosen (OLLAMA_MODEL)")?;
    let loaded = ollama(app)?.ps().await?;
    let ours = loaded.iter().find(|running| same_model(&running.name, model));
    let ours = ours.with_context(|| format!("{model} is not loaded though it has just answered"))?;
    Ok(match ours.size_vram {
        0 => "cpu",
        vram if vram >= ours.size => "gpu",
        _ => "split",
    }
    .to_owned())
}

fn ollama(app: &App) -> Result<&Ollama> {
    app.ollama()?.context("no language model was chosen (TARS_LLM=none)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_only_said_where_it_was_measured() {
        assert_eq!(speed(Spent::default()), "");
        let spent = Spent { eval_count: 20, eval_duration: 2_000_000_000, ..Spent::default() };
        assert_eq!(speed(spent), ", 10.0 tokens a second");
    }
}
