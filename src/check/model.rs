//! The models that the settings name.

use super::{Answer, Check, Finding, Fix};
use crate::client::ollama::same_model;
use crate::facts::{Env, Facts, NotKnown};
use crate::ui;

pub(super) const MISSING: Check =
    Check { id: "model.missing", title: "the models that the settings name are there", preflight: false, ask: missing };
pub(super) const CORRUPT: Check = Check {
    id: "model.corrupt",
    title: "every byte of the models is as it was pulled",
    preflight: false,
    ask: corrupt,
};

/// The chat and the embedding model, unless they were declined.
fn wanted(env: &Env) -> impl Iterator<Item = (&'static str, &str)> {
    ["OLLAMA_MODEL", "TARS_EMBED_MODEL"]
        .into_iter()
        .map(|key| (key, env.get(key)))
        .filter(|(_, name)| !matches!(*name, "" | "none"))
}

/// Why no model is asked for.
pub(super) fn declined(env: &Env) -> Option<Answer> {
    if !env.present() {
        return Some(Answer::skipped("no stack is installed here"));
    }
    match env.get("TARS_LLM") {
        "none" => Some(Answer::skipped("a language model was declined (TARS_LLM=none)")),
        "" => Some(Answer::skipped("where the models run is not decided yet (TARS_LLM)")),
        _ => None,
    }
}

fn missing(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if let Some(answer) = declined(env) {
        return Ok(answer);
    }
    let lacking: Vec<_> = if env.get("TARS_LLM") == "container" {
        let there = &facts.models.known()?.there;
        wanted(env).filter(|(_, name)| !there.iter().any(|model| same_model(model, name))).collect()
    } else {
        // An Ollama elsewhere is asked by the backend, which is the one that must reach it.
        let ready = facts.api.known()?.ready.known()?;
        let error = ready.checks.get("ollama").and_then(|check| check.error.as_deref()).unwrap_or_default();
        wanted(env).filter(|(_, name)| error.contains(&format!("the model {name}"))).collect()
    };
    let finding = |(key, name): (&str, &str)| {
        let without = if key == "OLLAMA_MODEL" {
            "questions get passages and no answer"
        } else {
            "documents are found by their words alone"
        };
        let problem = format!("Ollama does not have the model {name} ({key}): {without}");
        Finding::fail(name, problem, format!("pull it: sudo tars model pull {name}"))
            .fix(Fix::PullModel { name: name.to_owned() })
    };
    Ok(lacking.into_iter().map(finding).collect::<Vec<_>>().into())
}

fn corrupt(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if let Some(answer) = declined(env) {
        return Ok(answer);
    }
    if env.get("TARS_LLM") != "container" {
        return Ok(Answer::skipped("the models are on another Ollama (TARS_LLM=url)"));
    }
    let Some(deep) = facts.deep.known()? else {
        return Ok(Answer::skipped("the models were never read to their end: tars doctor --deep"));
    };
    let damaged = deep.corrupt.known()?;
    if damaged.is_empty() {
        return Ok(Answer::Well);
    }
    let seen = age(deep.at, facts.gathered_at);
    let problem = format!(
        "blobs of models are damaged or missing (looked {seen}): {}; what uses them answers wrongly or not at all",
        damaged.join(", ")
    );
    let hint = "remove the model and pull it again: sudo tars model remove NAME && sudo tars model pull NAME; then look again: sudo tars doctor --deep";
    Ok(Finding::fail("models", problem, hint).of("ollama").into())
}

/// How long ago, in words: `2 h 5 min ago`.
pub(super) fn age(at: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let seconds = u64::try_from(now.as_second() - at.as_second()).unwrap_or_default();
    if seconds < 60 {
        "just now".to_owned()
    } else {
        format!("{} ago", ui::duration(std::time::Duration::from_secs(seconds)))
    }
}
