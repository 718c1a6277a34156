//! `tars stop`: nothing of the stack runs any more; its data stays.

use super::running::{Row, Running, take_over};
use crate::context::Context;
use crate::operate::journal::{Goal, Journal};
use crate::operate::lifecycle;
use crate::operate::lock::Lock;
use crate::ui::Report;
use anyhow::Result;

/// Runs the verb. Works with the env file gone as well: the containers' own labels are enough.
///
/// # Errors
/// Exit 69 without an engine, 75 when another run holds the lock.
pub async fn run(context: &mut Context) -> Result<Box<dyn Report>> {
    let docker = context.docker()?.clone();
    let (_lock, recovered) = if context.stack.env.is_some() {
        take_over(context).await?
    } else if lifecycle::containers(&docker, &context.stack).await?.is_empty() {
        context.stack.need_env()?;
        return Ok(Box::new(Running::default()));
    } else {
        (Lock::take(&context.stack.home)?, Vec::new())
    };
    let journal = Journal::open(&context.stack.home, &context.run, "stop", Goal::Stopped)?;
    context.ui.say("stopping …");
    let stopped = lifecycle::stop(context, &docker).await?;
    journal.close()?;
    let services = stopped.into_iter().map(|name| Row { name, state: "stopped", answered_ms: None }).collect();
    Ok(Box::new(Running { services, recovered, ..Running::default() }))
}
