//! Models: looked for and pulled through Ollama's API by the backend, which is inside the network that reaches it.
//!
//! Ollama's port is not published and may be on another machine; the backend's container reaches it in every case,
//! so the pull runs there (`tars serve --pull`) and its progress comes back as lines of JSON.

use crate::client::errand::Line;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::service;
use crate::ui;
use anyhow::{Context as _, Result, anyhow};

/// What came of asking for a model.
#[derive(Debug)]
pub struct Got {
    /// It had to be pulled.
    pub pulled: bool,
    /// It is larger than this machine's memory: both in bytes.
    pub too_large: Option<(u64, u64)>,
}

/// Makes sure that a model is there.
///
/// # Errors
/// When Ollama cannot be reached, does not know the model, or the pull fails; an interrupted pull goes on next time.
pub async fn ensure(context: &Context, model: &str) -> Result<Got> {
    let backend = service::named("backend").context("no backend row")?.container(context.stack.project());
    let mut bar = context.ui.bar(&format!("pulling {model}"));
    // An Ollama elsewhere has a memory of its own.
    let here = context.stack.setting("TARS_LLM") == "container";
    let memory = if here { memory_bytes() } else { u64::MAX };
    let (mut ended, mut too_large) = (None, None);
    let command = ["/tars", "serve", "--pull", model];
    let output = context
        .docker()?
        .exec_lines(&backend, &command, &[], |line| match serde_json::from_str(line) {
            Ok(Line::Bytes { done, total }) => {
                bar.bytes(done, total);
                if total > memory && too_large.is_none() {
                    too_large = Some((total, memory));
                    context.ui.say(&format!("  {model} may not fit this machine's memory ({})", ui::bytes(memory)));
                }
            }
            Ok(Line::Step(words)) => bar.words(&words),
            Ok(end @ (Line::Done { .. } | Line::Failed(_))) => ended = Some(end),
            Ok(Line::Version(_)) | Err(_) => {}
        })
        .await?;
    drop(bar);
    match ended {
        Some(Line::Done { already }) => Ok(Got { pulled: !already, too_large }),
        Some(Line::Failed(chain)) => Err(failure(model, chain)),
        _ => Err(failure(model, vec![format!("the pull ended with status {}: {}", output.code, output.stderr.trim())])),
    }
}

/// The chain's sentences as an error; the innermost is the cause.
fn failure(model: &str, chain: Vec<String>) -> anyhow::Error {
    let cause =
        chain.into_iter().rev().map(|text| anyhow!(text)).reduce(|inner, outer| inner.context(outer.to_string()));
    Failure::new(Exit::Failed, format!("could not get the model {model}"))
        .hint("run the same command again: the pull goes on where it stopped; another model: --model NAME, none: --model none")
        .caused_by(cause.unwrap_or_else(|| anyhow!("no cause was given")))
        .into()
}

/// The machine's memory; a model that is larger cannot be held.
fn memory_bytes() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    total.map_or(u64::MAX, |kib| kib * 1024)
}
