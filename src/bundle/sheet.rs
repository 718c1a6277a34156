//! A sheet: several looks in one text, each under its heading; what could not be had says why in its place.

use super::tool;
use anyhow::Result;
use futures_util::future::join_all;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;

/// The most of one file that is read.
const FILE_BYTES: u64 = 256 << 10;

/// A text in parts.
#[derive(Default)]
pub(super) struct Sheet(String);

impl Sheet {
    /// A part with its heading.
    pub fn part(&mut self, heading: &str, text: &str) -> &mut Self {
        let text = if text.trim().is_empty() { "(nothing)" } else { text.trim_end() };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "# {heading}\n{text}\n\n");
        self
    }

    /// A part that may not have been had.
    pub fn result(&mut self, heading: &str, text: Result<String>) -> &mut Self {
        let text = text.unwrap_or_else(|error| format!("(could not be seen: {error:#})"));
        self.part(heading, &text)
    }

    /// Files, each under its path; one that is not there says so.
    pub fn files(&mut self, paths: &[&str]) -> &mut Self {
        for path in paths {
            self.result(path, file(Path::new(path)));
        }
        self
    }

    /// Programs, asked side by side: their command line is the heading.
    pub async fn tools(&mut self, commands: &[(&str, &[&str])]) -> &mut Self {
        let answers = join_all(commands.iter().map(|(name, args)| tool::ask(name, args))).await;
        for ((name, args), answer) in commands.iter().zip(answers) {
            self.result(&format!("{name} {}", args.join(" ")), answer);
        }
        self
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// A file's beginning as text.
///
/// # Errors
/// When it cannot be read.
pub(super) fn file(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == FILE_BYTES {
        bytes.extend_from_slice(b"\n(longer than is shown)");
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file's end as text, from its first whole line on.
///
/// # Errors
/// When it cannot be read.
pub(super) fn tail(path: &Path) -> Result<String> {
    use std::io::{Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(FILE_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(if from == 0 { text } else { text.split_once('\n').map_or(text.clone(), |(_, rest)| rest.to_owned()) })
}
