//! `state/last_validation.json`: what the last validation saw, for `status`, `doctor` and the bundle.

use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its title is true.
    Pass,
    /// It works, but not as well as it could; or it was chosen so.
    Warn,
    /// It does not work.
    Fail,
    /// It does not apply, or another check already says why.
    Skip,
}

/// One check as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// `suite.name`; stable.
    pub id: String,
    /// What it came to.
    pub status: Status,
    /// What was seen.
    pub detail: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// The checks of one suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// `deployment`, `rag` or `security`.
    pub name: String,
    /// In their order.
    pub checks: Vec<Checked>,
}

/// A whole validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// When it began.
    pub at: Timestamp,
    /// The version that validated.
    pub version: String,
    /// `GO` or `NO-GO`.
    pub verdict: String,
    /// How long it took.
    pub duration_ms: u64,
    /// What was asked for.
    pub suites: Vec<Suite>,
}

impl Validation {
    /// All checks.
    pub fn checks(&self) -> impl Iterator<Item = &Checked> {
        self.suites.iter().flat_map(|suite| &suite.checks)
    }

    /// Those that came to this.
    pub fn with(&self, status: Status) -> impl Iterator<Item = &Checked> {
        self.checks().filter(move |check| check.status == status)
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn go(&self) -> bool {
        self.with(Status::Fail).next().is_none()
    }

    /// The reasons of a NO-GO.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.with(Status::Fail).map(|check| format!("{}: {}", check.id, check.detail)).collect()
    }
}

/// Writes it down.
///
/// # Errors
/// When the state cannot be written.
pub fn record(home: &Home, validation: &Validation) -> Result<()> {
    state::save(&home.state_file("last_validation.json"), 0o644, &Kept::new(validation))
}

/// Reads it; `None` before the first.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn read(home: &Home) -> Result<Option<Validation>> {
    Ok(state::load::<Kept<Validation>>(&home.state_file("last_validation.json"))?.map(|kept| kept.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_a_no_go_and_is_read_again() {
        let check =
            |id: &str, status| Checked { id: id.into(), status, detail: "d".into(), hint: None, duration_ms: 1 };
        let mut validation = Validation {
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            version: "1".into(),
            verdict: "NO-GO".into(),
            duration_ms: 2,
            suites: vec![Suite {
                name: "rag".into(),
                checks: vec![check("rag.a", Status::Warn), check("rag.b", Status::Fail)],
            }],
        };
        assert_eq!(validation.reasons(), ["rag.b: d"]);
        let (_dir, home) = Home::temporary();
        assert_eq!(read(&home).unwrap(), None);
        record(&home, &validation).unwrap();
        assert_eq!(read(&home).unwrap().as_ref(), Some(&validation));
        validation.suites[0].checks.pop();
        assert!(validation.go());
    }
}
