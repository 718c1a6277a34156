//! What a check may answer.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
}

/// A remedy as data: shown, serialised, refused or applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Install the engine from the distribution's packages.
    InstallEngine,
    /// Install the compose that fits the engine.
    InstallCompose,
    /// Start the engine that is installed.
    StartEngine,
    /// Install the NVIDIA container toolkit and tell the engine of it.
    InstallGpuToolkit,
    /// Publish another port.
    UsePort {
        /// The setting to write.
        setting: String,
        /// A port that was free.
        port: u16,
    },
    /// Set a file's or directory's permission bits.
    Chmod {
        /// The file.
        path: PathBuf,
        /// The bits.
        mode: u32,
    },
}

impl Finding {
    /// A finding that something does not work.
    pub(super) fn fail(about: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Fail, about: about.into(), problem: problem.into(), hint: hint.into(), fix: None }
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
