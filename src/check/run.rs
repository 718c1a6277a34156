//! Asking the checks.

use super::{Answer, Check, Finding, Severity};
use crate::facts::Facts;
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One check with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The check's id.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its answer.
    pub answer: Answer,
}

/// Asks every one of these checks; one that panics is "unknown", and the others are still asked. What follows from
/// another one's finding is skipped.
pub fn run<'a>(checks: impl IntoIterator<Item = &'a Check>, facts: &Facts) -> Vec<Outcome> {
    let asked = checks.into_iter().map(|check| Outcome { id: check.id, title: check.title, answer: ask(check, facts) });
    let mut outcomes: Vec<_> = asked.collect();
    super::cause::keep_causes(&mut outcomes);
    outcomes
}

impl Outcome {
    /// Whether it found something that does not work.
    #[must_use]
    pub fn has_failure(&self) -> bool {
        self.answer.findings().iter().any(|finding| finding.severity == Severity::Fail)
    }

    /// Whether it means that something does not work: a failure, or nothing known of what everything stands on.
    #[must_use]
    pub fn fails(&self) -> bool {
        match &self.answer {
            Answer::Found(_) => self.has_failure(),
            Answer::Unknown(_) => matches!(self.id.split('.').next(), Some("engine" | "service" | "data")),
            Answer::Well | Answer::Skipped(_) => false,
        }
    }
}

fn ask(check: &Check, facts: &Facts) -> Answer {
    match catch_unwind(AssertUnwindSafe(|| (check.ask)(facts))) {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => Answer::Unknown(why.0),
        Err(_) => Answer::Unknown(format!("the check {} itself broke; please report it with the facts", check.id)),
    }
}

/// The findings that an installation cannot get past: failures without a remedy of our own.
pub fn blocking(outcomes: &[Outcome]) -> impl Iterator<Item = (&Outcome, &Finding)> {
    let blocks = |finding: &&Finding| finding.severity == Severity::Fail && finding.fix.is_none();
    outcomes
        .iter()
        .flat_map(move |outcome| outcome.answer.findings().iter().filter(blocks).map(move |finding| (outcome, finding)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_panics_is_reported_and_the_others_run() {
        let breaks = Check { id: "test.breaks", title: "t", preflight: false, ask: |_| panic!("on purpose") };
        let well = Check { id: "test.well", title: "t", preflight: false, ask: |_| Ok(Answer::Well) };
        let outcomes = run(&[breaks, well], &Facts::default());
        assert!(matches!(&outcomes[0].answer, Answer::Unknown(why) if why.contains("test.breaks")));
        assert_eq!(outcomes[1].answer, Answer::Well);
    }
}
