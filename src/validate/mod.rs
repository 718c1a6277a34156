//! Whether the stack is of use, tried on the stack itself: every service by real work, a document from its upload to a
//! cited answer, and the doors that must be shut. Used by `tars validate` and by the end of an install.
//!
//! A check is a row: an id, a sentence that is true when all is well, what to do when it is not, and a function that
//! asks. It interrupts nobody: requests are those of a user of its own, counted apart, on a document of its own, and
//! nothing of it stays. A finding has one cause: what cannot be tried because of another check is skipped and names it.
//!
//! Adding one: a row in its suite's list; a test holds the list against `docs/DEPLOYMENT_VALIDATION.md`.

mod bench;
mod deployment;
mod outcome;
mod persistence;
mod rag;
mod security;
mod vectors;

pub use bench::Restarts;

use crate::context::Context;
use crate::operate::validated::{self, Checked, Status, Suite, Validation};
use crate::ui;
use anyhow::Result;
use bench::Bench;
use outcome::Said;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

type Asked<'a> = Pin<Box<dyn Future<Output = Said> + 'a>>;

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// `suite.name`; stable, for scripts and documentation.
    pub id: &'static str,
    /// True when all is well.
    pub title: &'static str,
    /// What to do when it is not, unless the check knows better.
    pub hint: &'static str,
    ask: for<'a, 'b> fn(&'a mut Bench<'b>) -> Asked<'a>,
}

/// The suites, in their order: name and checks.
pub const SUITES: [(&str, &[Check]); 3] =
    [("deployment", deployment::CHECKS), ("rag", rag::CHECKS), ("security", security::CHECKS)];

/// Runs these suites (none named: all) and writes down what came of them.
///
/// # Errors
/// Exit 69 and 77 as any command that needs the settings and the engine. Whatever is wrong with the stack is a check.
pub async fn run(context: &Context, names: &[String], restarts: Option<Restarts<'_>>) -> Result<Validation> {
    context.stack.need_env()?;
    context.docker()?;
    let (at, begun) = (jiff::Timestamp::now(), Instant::now());
    let wanted = SUITES.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|named| named == name));
    let wanted: Vec<_> = wanted.collect();
    let mut bench = Box::pin(Bench::begin(context, restarts, wanted.iter().map(|(name, _)| *name))).await?;
    let mut suites: Vec<Suite> = Vec::new();
    for (name, checks) in wanted {
        let mut suite = Suite { name: (*name).to_owned(), checks: Vec::new() };
        for check in *checks {
            let asked = Instant::now();
            let outcome = (check.ask)(&mut bench).await.unwrap_or_else(|outcome| outcome);
            let checked = outcome.checked(check, asked.elapsed(), &bench);
            tell(context, &checked);
            bench.note(&checked);
            suite.checks.push(checked);
        }
        suites.push(suite);
    }
    clean_up(&mut bench, &mut suites).await;
    let mut validation = Validation {
        at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        verdict: String::new(),
        duration_ms: millis(begun.elapsed()),
        suites,
    };
    if validation.go() { "GO" } else { "NO-GO" }.clone_into(&mut validation.verdict);
    validated::record(&context.stack.home, &validation)?;
    Ok(validation)
}

/// What was made goes; what stays is a failure, of whichever suite made it.
async fn clean_up(bench: &mut Bench<'_>, suites: &mut [Suite]) {
    let Some(suite) = suites.iter_mut().find(|suite| suite.name == "rag").or(None) else {
        if let Err(outcome) = rag::clean(bench).await
            && let Some(last) = suites.last_mut()
        {
            let checked = outcome.checked(&rag::CLEAN, Duration::ZERO, bench);
            if checked.status == Status::Fail {
                last.checks.push(checked);
            }
        }
        return;
    };
    let asked = Instant::now();
    let outcome = rag::clean(bench).await.unwrap_or_else(|outcome| outcome);
    let checked = outcome.checked(&rag::CLEAN, asked.elapsed(), bench);
    tell(bench.context, &checked);
    suite.checks.push(checked);
}

fn tell(context: &Context, checked: &Checked) {
    let mark = match checked.status {
        Status::Pass => "✓",
        Status::Warn => "!",
        Status::Fail => "✗",
        Status::Skip => "–",
    };
    let took = ui::duration(Duration::from_millis(checked.duration_ms));
    context.ui.detail(&format!("  {mark} {}: {} ({took})", checked.id, checked.detail));
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> impl Iterator<Item = (&'static str, &'static Check)> {
        let rows = SUITES.iter().flat_map(|(name, checks)| checks.iter().map(move |check| (*name, check)));
        rows.chain([("rag", &rag::CLEAN)])
    }

    #[test]
    fn an_id_begins_with_its_suite_and_is_there_once() {
        let ids: BTreeSet<_> = all().map(|(_, check)| check.id).collect();
        assert_eq!(ids.len(), all().count());
        for (suite, check) in all() {
            assert!(check.id.starts_with(&format!("{suite}.")), "{}", check.id);
            assert!(!check.title.ends_with('.') && !check.hint.ends_with('.'), "{}", check.id);
        }
    }

    #[test]
    fn every_check_is_documented_and_shown_failing() {
        let docs = include_str!("../../docs/DEPLOYMENT_VALIDATION.md");
        let scenario = include_str!("../../tests/scenarios/validate.sh");
        let here = include_str!("deployment.rs");
        for (_, check) in all() {
            assert!(docs.contains(&format!("### `{}`", check.id)), "{} has no heading in the document", check.id);
            let shown =
                scenario.contains(&format!("fails {}", check.id)) || here.contains(&format!("shown: {}", check.id));
            assert!(shown, "no test shows {} failing", check.id);
        }
    }
}
