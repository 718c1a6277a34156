//! `tars restore --undo`: the generation before the live one becomes live.

use super::report::{Restored, Switched};
use super::{RestoreArgs, consent};
use crate::command::running::take;
use crate::context::Context;
use crate::operate::recover;
use crate::operate::undo::Undo;
use crate::ui::Report;
use anyhow::Result;
use std::time::Instant;

/// Runs it.
///
/// # Errors
/// Exit 69 when there is nothing to go back to, or a volume of it is gone: before anything stops.
pub(super) async fn run(context: &mut Context, args: &RestoreArgs) -> Result<Box<dyn Report>> {
    let begun = Instant::now();
    context.docker()?;
    let lock = take(context)?;
    if !args.dry_run {
        match recover::recover(context, &lock).await {
            Ok(done) => done.iter().for_each(|what| context.ui.say(&format!("recovered: {what}"))),
            // What does not start may be the very reason to go back.
            Err(error) => context.ui.say(&format!("{error:#}; going on")),
        }
        context.reread();
    }
    let undo = Undo::find(context).await?;
    let (from, to) = (undo.from.number, undo.to.number);
    let since = undo.from.since.clone().unwrap_or_else(|| undo.from.made.clone());
    let left = format!(
        "what was written since {since} stays in generation {from} and is not live then; tars restore --undo once more brings it back"
    );
    if args.dry_run {
        let mut report = Restored { did: "would be undone", took: begun.elapsed(), ..Restored::default() };
        report.notes.push(format!("generation {to} would be live in place of {from}; {left}"));
        return Ok(Box::new(report));
    }
    context.ui.say(&left);
    let question = format!("Make generation {to} live again in place of {from}?");
    consent(context, args, &question).await?;
    let switched = undo.run(context, &lock).await?;
    Ok(Box::new(Restored {
        did: "undone",
        generation: Some(Switched { from, to }),
        downtime: Some(switched.downtime),
        took: begun.elapsed(),
        verdict: Some("pass"),
        notes: vec![left, "the users and passwords in that database are the valid ones".to_owned()],
        ..Restored::default()
    }))
}
