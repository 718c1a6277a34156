//! The language model: Ollama answers, and has the two models that were chosen.

use anyhow::{Result, anyhow, bail};

use crate::client::ollama::{Model, Ollama, same_model};
use crate::config::{self, Config};

pub(super) struct Llm {
    client: Result<Ollama, String>,
    pub(super) place: String,
    wanted: Vec<String>,
}

impl Llm {
    /// `None` where no language model was chosen.
    pub(super) fn new(config: &Config) -> Option<Self> {
        if config.llm == config::Llm::None {
            return None;
        }
        let client = Ollama::at(config.ollama_url.clone()).map_err(|error| error.to_string());
        let wanted = [&config.chat_model, &config.embed_model].into_iter().flatten().cloned().collect();
        Some(Self { client, place: config.ollama_url.place(), wanted })
    }

    /// Whether Ollama answers and has both models.
    ///
    /// # Errors
    /// Why not, naming each model that is missing.
    pub(super) async fn ask(&self) -> Result<()> {
        let client = self.client.as_ref().map_err(|why| anyhow!(why.clone()))?;
        client.version().await?;
        if self.wanted.is_empty() {
            return Ok(());
        }
        let wrong = complaints(&self.wanted, &client.tags().await?);
        if !wrong.is_empty() {
            bail!("{} {}", self.place, wrong.join(" and "));
        }
        Ok(())
    }
}

// A cloud stub is no model: with it, questions would leave this machine.
fn complaints(wanted: &[String], there: &[Model]) -> Vec<String> {
    let find = |name: &str| there.iter().find(|model| same_model(&model.name, name));
    let complaint = |name: &String| match find(name) {
        None => Some(format!("does not have the model {name}")),
        Some(model) if model.is_cloud() => Some(format!("has only a cloud stub of the model {name}")),
        Some(_) => None,
    };
    wanted.iter().filter_map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_model_is_named() {
        let stub = Model { name: "big:cloud".into(), remote_model: Some("big".into()), ..Model::default() };
        let there = [Model { name: "llama3.2:latest".into(), ..Model::default() }, stub];
        let wanted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(complaints(&wanted(&["llama3.2"]), &there).is_empty());
        let wrong = complaints(&wanted(&["llama3.2", "all-minilm", "big:cloud"]), &there);
        assert_eq!(wrong, ["does not have the model all-minilm", "has only a cloud stub of the model big:cloud"]);
    }
}
