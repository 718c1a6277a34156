//! The whole of one backup, in its order: from the survey to an archive that is proven and has its name.

use super::survey::Survey;
use super::taking::{Taking, Wish};
use crate::archive::{Outcome, Published, Watch};
use crate::context::Context;
use crate::operate::sweep;
use crate::ui::Warning;
use anyhow::Result;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(200);

/// A backup that was made.
#[derive(Debug)]
pub struct Taken {
    /// The archive.
    pub published: Published,
    /// What came of each component.
    pub outcome: Outcome,
    /// From the first stop to the last answer.
    pub down: Duration,
    /// Why what was stopped did not come back.
    pub trouble: Option<anyhow::Error>,
    /// What went less well.
    pub warnings: Vec<Warning>,
}

/// Takes it. The unfinished archive is removed and what was stopped runs again, whatever happens; a process that is
/// killed leaves both to the next changing run.
///
/// # Errors
/// When the archive cannot be written or proven, the stack cannot be stopped, or the operator interrupts.
pub async fn take(context: &Context, survey: &Survey, wish: Wish) -> Result<Taken> {
    let watch = Watch::new();
    let _cancelled = on_cancel(context, &watch);
    let work = sweep::work_dir(&context.stack.home, &context.run)?;
    sweep::note_partial(&work, &wish.dir.join(format!("{}.partial", wish.name.file(wish.seal.encrypts()))))?;
    let shown = progress(context, "backup", &watch, survey.total_bytes());
    let mut taking = Taking::begin(context, survey, wish, work, watch).await?;
    let collections = taking.collections().await?;
    taking.vectors(&collections).await?;
    let begun = taking.quiet(&collections).await?;
    taking.record_chroma().await?;
    context.ui.say("saving the rest …");
    taking.dumps_end(begun).await?;
    taking.documents().await?;
    taking.models().await?;
    taking.config().await?;
    let written = taking.finish().await?;
    drop(shown);
    context.ui.say("verifying …");
    let watch = Watch::new();
    let _cancelled = on_cancel(context, &watch);
    let shown = progress(context, "verifying", &watch, written.bytes());
    let published = tokio::task::spawn_blocking(move || {
        written.verify(&watch)?;
        written.publish()
    });
    let published = published.await??;
    drop(shown);
    let Taking { outcome, down, trouble, warnings, .. } = taking;
    Ok(Taken { published, outcome, down, trouble, warnings })
}

/// A task that ends with its guard.
struct Guard(JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The wish to stop reaches blocking readers as a read error.
fn on_cancel(context: &Context, watch: &Watch) -> Guard {
    let (cancel, watch) = (context.cancel.clone(), watch.clone());
    Guard(tokio::spawn(async move {
        cancel.cancelled().await;
        watch.cancel();
    }))
}

/// Moves a bar while a thread works.
fn progress(context: &Context, label: &str, watch: &Watch, total: u64) -> Guard {
    let (mut bar, watch) = (context.ui.bar(label), watch.clone());
    let mut tick = tokio::time::interval(TICK);
    Guard(tokio::spawn(async move {
        loop {
            tick.tick().await;
            bar.bytes(watch.bytes().min(total), total);
        }
    }))
}
