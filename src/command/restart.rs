//! `tars restart`: what ran is stopped and started again, with the env file read anew.

use super::running::{Running, running_or_all, take_over, until_ready};
use super::start::gpu_warning;
use crate::context::Context;
use crate::operate::compose::Compose;
use crate::operate::journal::{Goal, Journal};
use crate::operate::{lifecycle, prepare};
use crate::ui::Report;
use anyhow::Result;

/// Runs the verb.
///
/// # Errors
/// See `take_over`, `prepare` and `until_ready`. The settings are checked before anything is stopped.
pub async fn run(context: &mut Context) -> Result<Box<dyn Report>> {
    context.docker()?;
    let (lock, recovered) = take_over(context).await?;
    let compose = Compose::find().await?;
    let goal = Goal::Running(running_or_all(context).await?);
    let prepared = prepare::prepare(context).await?;
    // A mistake in the settings must show before anything stops.
    compose.run(&context.stack, &lock, &["config", "-q"], |_| {}).await?;
    let journal = Journal::open(&context.stack.home, &context.run, "restart", goal)?;
    context.ui.say("stopping …");
    lifecycle::stop(context, context.docker()?).await?;
    context.ui.say("starting …");
    lifecycle::up(context, &lock, &compose).await?;
    let (services, url) = until_ready(context).await?;
    journal.close()?;
    let warnings = prepared.no_gpu.map(|why| gpu_warning(&why)).into_iter().collect();
    Ok(Box::new(Running { services, recovered, url: Some(url), warnings }))
}
