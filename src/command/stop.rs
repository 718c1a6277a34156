//! `tars stop`: nothing of the stack runs any more; its data stays.

use super::running::{Row, Running};
use crate::context::Context;
use crate::operate::journal::{Goal, Journal};
use crate::operate::lock::Lock;
use crate::operate::{lifecycle, sweep};
use crate::ui::Report;
use anyhow::Result;

/// Runs the verb. Works with the env file gone or broken as well: the containers' own labels are enough. An interrupted
/// run is not brought to its end first: whatever it wanted, now nothing is to run.
///
/// # Errors
/// Exit 69 without an engine or a stack, 75 when another run holds the lock, 77 when this user may not.
pub async fn run(context: &mut Context) -> Result<Box<dyn Report>> {
    let docker = context.docker()?.clone();
    let containers = lifecycle::containers(&docker, &context.stack).await?;
    if containers.is_empty() {
        context.stack.need_env()?;
    }
    let _lock = Lock::take(&context.stack.home)?;
    for what in sweep::sweep(&docker, &context.stack.home, Some(&context.run)).await {
        context.ui.detail(&what);
    }
    let mut journal = Journal::open(&context.stack.home, &context.run, "stop", Goal::Stopped)?;
    journal.step("stop")?;
    context.ui.say("stopping …");
    let stopped = lifecycle::stop(context, &docker).await?;
    journal.close()?;
    let services = stopped.into_iter().map(|name| Row { name, state: "stopped", answered_ms: None }).collect();
    Ok(Box::new(Running { services, ..Running::default() }))
}
