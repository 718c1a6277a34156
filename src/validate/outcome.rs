//! What a check came to.

use super::bench::Bench;
use super::{Check, millis};
use crate::error::{causes_of, hints_of};
use crate::operate::validated::{Checked, Status};
use std::time::Duration;

/// A check's answer; the error side is for `?`.
pub(super) type Said = Result<Outcome, Outcome>;

/// What was seen.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    status: Status,
    detail: String,
    hint: Option<String>,
    /// The check that already says why.
    follows: Option<&'static str>,
    /// Where the work was done elsewhere: how long it took there.
    took_ms: Option<u64>,
}

impl Outcome {
    fn new(status: Status, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), hint: None, follows: None, took_ms: None }
    }

    /// All is well.
    pub(super) fn pass(detail: impl Into<String>) -> Self {
        Self::new(Status::Pass, detail)
    }

    /// Not as well as it could be.
    pub(super) fn warn(detail: impl Into<String>) -> Self {
        Self::new(Status::Warn, detail)
    }

    /// It does not work.
    pub(super) fn fail(detail: impl Into<String>) -> Self {
        Self::new(Status::Fail, detail)
    }

    /// It does not apply.
    pub(super) fn skip(detail: impl Into<String>) -> Self {
        Self::new(Status::Skip, detail)
    }

    /// It cannot be tried because of what `cause` is about. Where that check was not asked or found nothing, this one
    /// fails itself: nothing that is broken is passed over.
    pub(super) fn follows(cause: &'static str, detail: impl Into<String>) -> Self {
        Self { follows: Some(cause), ..Self::fail(detail) }
    }

    /// What to do.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// How long it took where it was done.
    pub(super) fn took(self, ms: u64) -> Self {
        Self { took_ms: Some(ms), ..self }
    }

    /// As it stands in the report.
    pub(super) fn checked(self, check: &Check, took: Duration, bench: &Bench<'_>) -> Checked {
        let (status, detail) = match self.follows {
            Some(cause) if bench.failed(cause) => (Status::Skip, format!("not tried: {cause} says why")),
            _ => (self.status, self.detail),
        };
        let wrong = matches!(status, Status::Warn | Status::Fail);
        let hint = self.hint.unwrap_or_else(|| check.hint.to_owned());
        Checked {
            id: check.id.to_owned(),
            status,
            detail,
            hint: wrong.then_some(hint),
            duration_ms: self.took_ms.unwrap_or_else(|| millis(took)),
        }
    }
}

/// What could not even be asked has failed.
impl From<anyhow::Error> for Outcome {
    fn from(error: anyhow::Error) -> Self {
        let outcome = Self::fail(causes_of(&error).join(": "));
        match hints_of(&error).first() {
            Some(hint) => outcome.hint(*hint),
            None => outcome,
        }
    }
}
