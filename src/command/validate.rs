//! `tars validate`: GO or NO-GO, by real work on the stack itself.

use super::running::take;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::compose::Compose;
use crate::operate::lock::Lock;
use crate::operate::validated::{Checked, Status, Validation};
use crate::ui::{self, Page, Report, Warning};
use crate::validate::{self, Restarts};
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;

/// Flags of `tars validate`.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// Only these; none named: all three
    #[arg(value_parser = ["deployment", "rag", "security"])]
    pub suites: Vec<String>,
    /// Restart services where only that proves something (ChromaDB, for some seconds)
    #[arg(long)]
    pub disruptive: bool,
}

/// What was seen.
struct Validated(Validation);

/// Runs the verb.
///
/// # Errors
/// Exit 69 without a stack or an engine, 75 while another run changes the stack, 77 when this user may not read the
/// settings. What is wrong with the stack is a NO-GO.
pub async fn run(context: &mut Context, args: &ValidateArgs) -> Result<Box<dyn Report>> {
    context.stack.need_env()?;
    context.docker()?;
    let validation = if args.disruptive {
        let lock = take(context)?;
        let compose = Compose::find().await?;
        let restarts = Restarts { lock: &lock, compose: &compose };
        Box::pin(validate::run(context, &args.suites, Some(restarts))).await?
    } else {
        refuse_while_it_changes(context)?;
        Box::pin(validate::run(context, &args.suites, None)).await?
    };
    Ok(Box::new(Validated(validation)))
}

/// What a backup or a restart does meanwhile would show as faults.
fn refuse_while_it_changes(context: &Context) -> Result<()> {
    if Lock::is_free(&context.stack.home) {
        return Ok(());
    }
    // Taking it fails with the name of the process that holds it.
    match Lock::take(&context.stack.home) {
        Ok(_) => Ok(()),
        Err(error) if crate::error::exit_of(&error) == Exit::Busy => Err(error),
        Err(error) => {
            Err(Failure::new(Exit::Failed, "the lock of this stack cannot be looked at").caused_by(error).into())
        }
    }
}

impl Report for Validated {
    fn render(&self, page: &mut Page) {
        for suite in &self.0.suites {
            page.line(page.bold(&suite.name));
            let rows: Vec<_> = suite.checks.iter().map(|check| row(page, check)).collect();
            page.table(&rows);
        }
        page.line("");
        for check in self.0.with(Status::Warn).chain(self.0.with(Status::Fail)) {
            let mark = if check.status == Status::Fail { page.red("✗") } else { page.yellow("!") };
            page.wrapped(&format!("{mark} "), &format!("{}: {}", check.id, check.detail));
            page.wrapped("  → ", check.hint.as_deref().unwrap_or_default());
        }
        let count = |status| self.0.with(status).count();
        let (failed, warned) = (count(Status::Fail), count(Status::Warn));
        let took = ui::duration(Duration::from_millis(self.0.duration_ms));
        let words = format!(
            "{} passed, {warned} with a warning, {failed} failed, {} skipped, in {took}",
            count(Status::Pass),
            count(Status::Skip)
        );
        let verdict = if failed == 0 { page.green("GO") } else { page.red("NO-GO") };
        page.line(format!("{verdict}: {words}"));
    }

    fn exit(&self) -> Exit {
        if self.0.go() { Exit::Done } else { Exit::Failed }
    }

    fn data(&self) -> Value {
        json!({ "verdict": self.0.verdict, "duration_ms": self.0.duration_ms, "suites": self.0.suites,
            "reasons": self.0.reasons() })
    }

    fn warnings(&self) -> Vec<Warning> {
        let warning = |check: &Checked| Warning {
            id: "validate.warn",
            message: format!("{}: {}", check.id, check.detail),
            hint: check.hint.clone(),
        };
        self.0.with(Status::Warn).map(warning).collect()
    }

    fn warnings_are_rendered(&self) -> bool {
        true
    }
}

fn row(page: &Page, check: &Checked) -> Vec<String> {
    let mark = match check.status {
        Status::Pass => page.green("✓"),
        Status::Warn => page.yellow("!"),
        Status::Fail => page.red("✗"),
        Status::Skip => page.dim("–"),
    };
    let took = ui::duration(Duration::from_millis(check.duration_ms));
    vec![format!(" {mark}"), check.id.clone(), took, check.detail.clone()]
}
