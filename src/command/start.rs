//! `tars start`: the stack runs and answers, or the reason why not.

use super::running::{Running, bring_up, recovered, take};
use crate::context::Context;
use crate::operate::{journal, recover, settings};
use crate::ui::Report;
use anyhow::Result;
use std::time::{Duration, Instant};

/// How long recovery at boot waits for the engine, which may start after it.
const ENGINE_WITHIN: Duration = Duration::from_mins(3);

/// Flags of `tars start`.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    /// Leave the GPU out, now and from now on
    #[arg(long)]
    pub cpu_only: bool,
    /// Only bring an interrupted run to its end (at boot, by tars-recover.service)
    #[arg(long, conflicts_with = "cpu_only")]
    pub recover: bool,
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 without an engine or a stack, 75 when another run holds the lock, else what [`bring_up`] says.
pub async fn run(context: &mut Context, args: &StartArgs) -> Result<Box<dyn Report>> {
    if args.recover {
        return only_recover(context).await;
    }
    context.docker()?;
    let lock = take(context)?;
    if args.cpu_only {
        // Before recovery: the GPU may be what it fails at.
        let mut env = context.stack.need_env()?.clone();
        env.set("TARS_GPU", "off");
        settings::write_env(&context.stack.home, &env)?;
        context.reread();
    }
    let recovered = recovered(context, &lock).await;
    let report = bring_up(context, &lock, "start", false).await?;
    Ok(Box::new(Running { recovered, ..report }))
}

async fn only_recover(context: &mut Context) -> Result<Box<dyn Report>> {
    if journal::read(&context.stack.home)?.is_none() {
        return Ok(Box::new(Running::default()));
    }
    let begun = Instant::now();
    while context.docker().is_err() && begun.elapsed() < ENGINE_WITHIN {
        // At boot the engine may come later; it has nobody to tell.
        tokio::time::sleep(Duration::from_secs(1)).await;
        context.reconnect().await.ok();
    }
    context.docker()?;
    let lock = take(context)?;
    let recovered = recover::recover(context, &lock).await?;
    Ok(Box::new(Running { recovered, ..Running::default() }))
}
