//! `tars restart`: everything that the settings ask for is stopped and started again, with the env file read anew.

use super::running::{Running, bring_up, recovered, take};
use crate::context::Context;
use crate::ui::Report;
use anyhow::Result;

/// Runs the verb.
///
/// # Errors
/// As `tars start`. Settings, images and GPU are checked before anything is stopped.
pub async fn run(context: &mut Context) -> Result<Box<dyn Report>> {
    context.docker()?;
    let lock = take(context)?;
    let recovered = recovered(context, &lock).await;
    let report = bring_up(context, &lock, "restart", true).await?;
    Ok(Box::new(Running { recovered, ..report }))
}
