//! `state/runs.jsonl`: one line for every run, the first thing to read when something changed.

use crate::stack::home::Home;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;

/// When the file is rotated, in bytes: some thousand runs.
const ROTATE_AT: u64 = 1 << 20;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The schema of this line.
    pub schema: u32,
    /// The run's id.
    pub run: String,
    /// The command line, without secrets.
    pub command: String,
    /// The version of `tars`.
    pub version: String,
    /// When it began, RFC 3339.
    pub began: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Its exit code.
    pub exit: u8,
    /// The error's sentences, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// Adds a line. Runs of users who may not write there leave none.
///
/// # Errors
/// When the file is there and cannot be written.
pub fn record(home: &Home, run: &Run) -> Result<()> {
    let path = home.state_file("runs.jsonl");
    if !home.state().is_dir() {
        return Ok(());
    }
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > ROTATE_AT) {
        std::fs::rename(&path, home.state_file("runs.1.jsonl"))?;
    }
    let mut line = serde_json::to_vec(run)?;
    line.push(b'\n');
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write call: lines of runs that end at the same moment do not mix.
    opened.and_then(|mut file| file.write_all(&line)).with_context(|| format!("could not write {}", path.display()))
}
