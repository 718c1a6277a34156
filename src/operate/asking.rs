//! Errands in the backend's container whose answer is one line of JSON.

use crate::context::Context;
use crate::error::{Failure, of_chain};
use crate::exit::Exit;
use crate::stack::service;
use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Has the backend do what a request says: `tars serve FLAG REQUEST`.
///
/// # Errors
/// Exit 69 without a running backend; when it ends without an answer.
pub async fn ask<T: DeserializeOwned>(context: &Context, flag: &str, request: &impl Serialize) -> Result<T> {
    let backend = service::named("backend").context("no backend row")?.container(context.stack.project());
    let request = serde_json::to_string(request)?;
    let command = ["/tars", "serve", flag, &request];
    let output = context.docker()?.exec(&backend, &command).await.map_err(|error| {
        Failure::new(Exit::Unavailable, "the backend does not run").hint("run: tars start").caused_by(error)
    })?;
    let line = output.stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    line.ok_or_else(|| anyhow!("the backend ended with status {}: {}", output.code, output.stderr.trim()))
}

/// An errand that failed, with its causes as they came back, outermost first.
#[must_use]
pub fn failed(chain: Vec<String>) -> anyhow::Error {
    Failure::new(Exit::Failed, "the backend could not do it")
        .hint("run: tars status")
        .caused_by(of_chain(chain).unwrap_or_else(|| anyhow!("no cause was given")))
        .into()
}
