//! What a check may answer.

use super::Fix;
use serde::{Deserialize, Serialize};

/// The answer of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The title is true.
    Well,
    /// It does not apply, or another finding already says why; the sentence tells which.
    Skipped(String),
    /// It could not be seen; the sentence tells why.
    Unknown(String),
    /// The title is not true; never empty.
    Found(Vec<Finding>),
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, but not as well or as long as it should.
    Warn,
    /// It does not work, or will not.
    Fail,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The thing: a setting, a path, a container, a program.
    pub about: String,
    /// What is, and why it matters; no full stop.
    pub problem: String,
    /// What to do, in the imperative, with the command, flag or file.
    pub hint: String,
    /// The remedy that `tars` can apply itself.
    pub fix: Option<Fix>,
    /// The services that it is about; empty when it is about none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

impl Finding {
    /// A finding that something does not work.
    pub(super) fn fail(about: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        let (about, problem, hint) = (about.into(), problem.into(), hint.into());
        Self { severity: Severity::Fail, about, problem, hint, fix: None, services: Vec::new() }
    }

    /// A finding that something is not as it should be.
    pub(super) fn warn(about: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Warn, ..Self::fail(about, problem, hint) }
    }

    /// Names the remedy.
    #[must_use]
    pub(super) fn fix(self, fix: Fix) -> Self {
        Self { fix: Some(fix), ..self }
    }

    /// Names the service that it is about.
    #[must_use]
    pub(super) fn of(self, service: impl Into<String>) -> Self {
        Self { services: vec![service.into()], ..self }
    }
}

impl From<Finding> for Answer {
    fn from(finding: Finding) -> Self {
        Answer::Found(vec![finding])
    }
}

impl From<Vec<Finding>> for Answer {
    fn from(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Answer::Well } else { Answer::Found(findings) }
    }
}

impl Answer {
    /// It does not apply, because of that.
    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Answer::Skipped(why.into())
    }

    /// What was found; empty unless something was.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self {
            Answer::Found(findings) => findings,
            _ => &[],
        }
    }
}
