//! Errors as part of the product: what failed, what caused it, what to do, and which exit code says so.
//!
//! Inside, everything is [`anyhow::Error`]. Where a failure decides the exit code or has a remedy, a
//! [`Failure`] joins the chain; [`exit_of`] and [`hints_of`] read it back. Nothing here prints.
//!
//! ```
//! use tars_base::{error::{Failure, exit_of}, exit::Exit};
//! let error = anyhow::Error::from(
//!     Failure::new(Exit::Unavailable, "no Docker engine answers").hint("run: sudo systemctl start docker"),
//! );
//! assert_eq!(exit_of(&error), Exit::Unavailable);
//! ```

use crate::exit::Exit;

/// A failure that knows its exit code and, mostly, its remedy.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the process exits with when this ends the run.
    pub exit: Exit,
    /// What is wrong, naming the thing; no full stop.
    pub message: String,
    /// What to do about it, in the imperative, naming the flag, file or command.
    pub hint: Option<String>,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// A failure without remedy or cause yet.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, cause: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure once more, its causes as words: an error can be returned only once.
    #[must_use]
    pub fn again(&self) -> Self {
        let cause = self.cause.as_ref().map(|cause| cause.to_string().into());
        Self { exit: self.exit, message: self.message.clone(), hint: self.hint.clone(), cause }
    }

    /// Keeps what caused it in the chain.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into().into());
        self
    }
}

/// The exit code of an error: the outermost [`Failure`]'s, else 1.
#[must_use]
pub fn exit_of(error: &anyhow::Error) -> Exit {
    failures(error).next().map_or(Exit::Failed, |failure| failure.exit)
}

/// Every remedy in the chain, outermost first.
#[must_use]
pub fn hints_of(error: &anyhow::Error) -> Vec<&str> {
    failures(error).filter_map(|failure| failure.hint.as_deref()).collect()
}

/// The chain as sentences, outermost first; a cause that its parent already repeats is left out.
#[must_use]
pub fn causes_of(error: &anyhow::Error) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said
}

/// This very command line with sudo in front, for a hint.
#[must_use]
pub fn with_sudo() -> String {
    let words = std::env::args().map(|word| if word.contains(' ') { format!("'{word}'") } else { word });
    format!("sudo {}", words.collect::<Vec<_>>().join(" "))
}

/// The last lines that something said before it failed: the cause in its error.
#[derive(Clone, Debug, Default)]
pub struct Tail(std::collections::VecDeque<String>);

impl Tail {
    /// How many lines are kept.
    pub const LINES: usize = 15;

    /// One more line; the oldest one goes when there are too many.
    pub fn push(&mut self, line: &str) {
        if self.0.len() == Self::LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }

    /// The lines as one text.
    #[must_use]
    pub fn text(self) -> String {
        Vec::from(self.0).join("\n")
    }
}

fn failures(error: &anyhow::Error) -> impl Iterator<Item = &Failure> {
    error.chain().filter_map(|cause| cause.downcast_ref::<Failure>())
}

/// An error out of the sentences of a chain, outermost first, as another process told them; none for none.
#[must_use]
pub fn of_chain(chain: impl IntoIterator<Item = String, IntoIter: DoubleEndedIterator>) -> Option<anyhow::Error> {
    let causes = chain.into_iter().rev().map(anyhow::Error::msg);
    causes.reduce(|inner, outer| inner.context(outer.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn the_outermost_failure_decides_the_exit_code() {
        let inner = Failure::new(Exit::NotPermitted, "may not").hint("use sudo");
        let error = anyhow::Error::from(inner).context("reading the env file");
        assert_eq!(exit_of(&error), Exit::NotPermitted);
        assert_eq!(hints_of(&error), ["use sudo"]);
    }

    #[test]
    fn the_last_words_are_the_last() {
        let mut tail = Tail::default();
        (0..20).for_each(|n| tail.push(&n.to_string()));
        let text = tail.text();
        assert!(text.starts_with("5\n") && text.ends_with("\n19"), "{text}");
    }

    #[test]
    fn a_cause_survives_and_is_not_said_twice() {
        let io: Result<(), _> = Err(std::io::Error::other("disk on fire"));
        let error = io.context("disk on fire: write failed").unwrap_err();
        assert_eq!(causes_of(&error), ["disk on fire: write failed"]);
        let failure = Failure::new(Exit::Failed, "no image").caused_by(anyhow::anyhow!("429"));
        assert_eq!(causes_of(&failure.into()), ["no image", "429"]);
    }
}
