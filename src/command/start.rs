//! `tars start`: the stack runs and answers, or the reason why not.

use super::running::{Running, take_over, until_ready};
use crate::context::Context;
use crate::operate::compose::Compose;
use crate::operate::journal::{Goal, Journal};
use crate::operate::{journal, lifecycle, prepare, settings};
use crate::ui::{Report, Warning};
use anyhow::Result;

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
/// See `take_over`, `prepare` and `until_ready`.
pub async fn run(context: &mut Context, args: &StartArgs) -> Result<Box<dyn Report>> {
    context.docker()?;
    if args.recover && journal::read(&context.stack.home)?.is_none() {
        return Ok(Box::new(Running::default()));
    }
    let (lock, recovered) = take_over(context).await?;
    if args.recover {
        return Ok(Box::new(Running { recovered, ..Running::default() }));
    }
    if args.cpu_only {
        let mut env = context.stack.need_env()?.clone();
        env.set("TARS_GPU", "off");
        settings::write_env(&context.stack.home, &env)?;
        context.reread();
    }
    let compose = Compose::find().await?;
    let all = context.stack.services().iter().map(|service| service.name.to_owned()).collect();
    let journal = Journal::open(&context.stack.home, &context.run, "start", Goal::Running(all))?;
    let prepared = prepare::prepare(context).await?;
    context.ui.say("starting …");
    lifecycle::up(context, &lock, &compose).await?;
    let (services, url) = until_ready(context).await?;
    journal.close()?;
    let warnings = prepared.no_gpu.map(|why| gpu_warning(&why)).into_iter().collect();
    Ok(Box::new(Running { services, recovered, url: Some(url), warnings }))
}

/// The stack came up without the GPU that was wanted.
#[must_use]
pub fn gpu_warning(why: &str) -> Warning {
    Warning {
        id: "gpu.container",
        message: format!("the models run on the CPU: {why}"),
        hint: Some("install the driver and nvidia-container-toolkit, then: tars restart; or say that this is wanted: tars start --cpu-only".to_owned()),
    }
}
