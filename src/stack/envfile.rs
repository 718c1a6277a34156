//! The env file: one parser, with compose's own rules, and one writer.
//!
//! The file belongs to the operator: unknown keys, comments, order and quoting survive every write. It is never
//! `source`d. Rules (tried against compose 2.26 and docker-compose 1.29): `KEY=value`, `export KEY=…`, blanks around
//! `=`, `'literal'`, `"with \n escapes and $REFERENCES"` (both may span lines), an unquoted value ends before ` #`,
//! and `$(command)` is plain text.
//!
//! ```
//! use tars::stack::envfile::EnvFile;
//! let mut env = EnvFile::parse("# mine\nA=x$B\nP='x$y' # literal\n");
//! assert_eq!(env.get("P"), Some("x$y"));
//! env.set("P", "new");
//! assert_eq!(env.text(), "# mine\nA=x$B\nP=new # literal\n");
//! ```

use super::compose::KEPT;
use crate::error::{Failure, with_sudo};
use crate::exit::Exit;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// One `KEY=value` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// The value as compose would pass it, quotes and references resolved.
    pub value: String,
    /// The first line it stands on, from 1.
    pub line: usize,
}

/// A line that compose would refuse or read otherwise than it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it; never quotes a value.
    pub what: String,
}

/// A run of whole lines: an entry, or text that only has to survive.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Entry { raw: String, entry: Entry },
}

/// The parsed file.
#[derive(Clone, Debug)]
pub struct EnvFile {
    path: PathBuf,
    pieces: Vec<Piece>,
    problems: Vec<Problem>,
}

impl EnvFile {
    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// When it exists and cannot be read; the hint is the sudo line where that would help.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(Failure::new(Exit::NotPermitted, format!("may not read {}", path.display()))
                    .hint(format!("only its owner may: {}", with_sudo()))
                    .caused_by(error)
                    .into());
            }
            Err(error) => return Err(error).with_context(|| format!("could not read {}", path.display())),
        };
        let mut file = Self::parse_bytes(&bytes);
        path.clone_into(&mut file.path);
        Ok(Some(file))
    }

    /// Bytes that are no UTF-8 are a problem of their line: what can be read is read, and nobody writes a file that has
    /// a problem ([`super::Stack::need_env`]), so that they are never replaced.
    fn parse_bytes(bytes: &[u8]) -> Self {
        let mut file = Self::parse(&String::from_utf8_lossy(bytes));
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        let wrong = lines.filter(|(_, line)| std::str::from_utf8(line).is_err());
        file.problems.extend(wrong.map(|(n, _)| Problem { line: n + 1, what: "this is not UTF-8".to_owned() }));
        file.problems.sort_by_key(|problem| problem.line);
        file
    }

    /// Parses a text. Problems are collected, never fatal here: what can be read is read.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut file = Self { path: PathBuf::new(), pieces: Vec::new(), problems: Vec::new() };
        let (mut rest, mut line) = (text.strip_prefix('\u{feff}').unwrap_or(text), 1);
        while !rest.is_empty() {
            let (raw, piece) = scan::statement(rest, |name| file.lookup(name));
            let piece = match piece {
                Ok(None) => Piece::Text(raw.to_owned()),
                Ok(Some((key, value))) => {
                    Piece::Entry { raw: raw.to_owned(), entry: Entry { key: key.to_owned(), value, line } }
                }
                Err(what) => {
                    file.problems.push(Problem { line, what });
                    Piece::Text(raw.to_owned())
                }
            };
            file.pieces.push(piece);
            line += raw.matches('\n').count();
            rest = &rest[raw.len()..];
        }
        file
    }

    /// The entries in order; a key that stands twice comes twice.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Entry { entry, .. } => Some(entry),
            Piece::Text(_) => None,
        })
    }

    /// A key's value; the last one wins, as in compose.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries().filter(|entry| entry.key == key).last().map(|entry| entry.value.as_str())
    }

    /// What is wrong with the file, line by line.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Key and value of the lines that cannot be read, as far as they show: for the redactor, to which a broken line is
    /// no less secret. A line without `=` counts as a secret that lost its key.
    pub fn spoiled(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.pieces.iter().filter_map(|piece| {
            let Piece::Text(raw) = piece else { return None };
            let line = raw.trim();
            if line.is_empty() || line.starts_with('#') {
                return None;
            }
            let (key, value) = line.split_once('=').unwrap_or(("SECRET", line));
            let key = key.trim().trim_start_matches("export ").trim();
            Some((key.to_owned(), value.trim().trim_matches(['"', '\'']).to_owned()))
        })
    }

    /// Adds what is wrong with the values that stand there, by the form of each key.
    #[must_use]
    pub fn with_forms(mut self) -> Self {
        let wrong = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Entry { raw, entry } => {
                let what = super::form::wrong(&entry.key, &entry.value, raw)?;
                Some(Problem { line: entry.line, what })
            }
            Piece::Text(_) => None,
        });
        let wrong: Vec<_> = wrong.collect();
        self.problems.extend(wrong);
        self
    }

    /// The first problem as a failure that names file and line.
    #[must_use]
    pub fn problem(&self) -> Option<Failure> {
        let Problem { line, what } = self.problems.first()?;
        let message = format!("{}, line {line}: {what}", self.path.display());
        Some(
            Failure::new(Exit::Failed, message)
                .hint("mend that line; every value is KEY=value, in '…' when it holds blanks or $"),
        )
    }

    /// Sets a key: in its place when it stands there (the last of several), else at the end.
    pub fn set(&mut self, key: &str, value: &str) {
        let place = self.pieces.iter_mut().rev().find_map(|piece| match piece {
            Piece::Entry { raw, entry } if entry.key == key => Some((raw, entry)),
            _ => None,
        });
        match place {
            Some((_, entry)) if entry.value == value => {}
            Some((raw, entry)) => {
                value.clone_into(&mut entry.value);
                let comment = scan::comment(raw).map(str::to_owned);
                *raw = scan::render(key, value);
                if let Some(comment) = comment {
                    raw.insert_str(raw.len() - 1, &format!(" {comment}"));
                }
            }
            None => self.append(key, value),
        }
    }

    /// Adds text (comments, blank lines) at the end.
    pub fn append_text(&mut self, text: &str) {
        self.end_last_line();
        self.pieces.push(Piece::Text(text.to_owned()));
    }

    /// The whole file as it would be written.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(raw) | Piece::Entry { raw, .. } => raw.as_str(),
            })
            .collect()
    }

    /// Adds every key of the template that is missing here, each with its comment; nothing else changes.
    pub fn complete_from(&mut self, template: &EnvFile) {
        let mut comment = String::new();
        for piece in &template.pieces {
            match piece {
                Piece::Text(raw) if raw.trim().is_empty() => comment.clear(),
                Piece::Text(raw) => comment.push_str(raw),
                Piece::Entry { entry, .. } => {
                    if self.get(&entry.key).is_none() {
                        self.append_text(&format!("\n{comment}"));
                        self.append(&entry.key, &entry.value);
                    }
                    comment.clear();
                }
            }
        }
    }

    fn append(&mut self, key: &str, value: &str) {
        self.end_last_line();
        let entry = Entry { key: key.to_owned(), value: value.to_owned(), line: self.text().lines().count() + 1 };
        self.pieces.push(Piece::Entry { raw: scan::render(key, value), entry });
    }

    fn end_last_line(&mut self) {
        if let Some(Piece::Text(raw) | Piece::Entry { raw, .. }) = self.pieces.last_mut()
            && !raw.ends_with('\n')
        {
            raw.push('\n');
        }
    }

    /// An earlier key of this file, else a variable that compose sees as well.
    fn lookup(&self, name: &str) -> Option<String> {
        let outside = || std::env::var(KEPT.iter().find(|kept| **kept == name)?).ok();
        self.get(name).map(str::to_owned).or_else(outside)
    }
}

mod scan;

#[cfg(test)]
mod tests;
