//! `tars reindex`: makes the index of vectors anew, beside the one that serves until the new one is whole.
//!
//! The backend does the work; this verb begins it, or goes on with what was begun, and waits. Interrupted, it leaves the
//! backend at it.

use crate::client::index::{Answer, Index, Request};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::asking::{ask, failed};
use crate::ui::{Page, Report};
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_secs(1);
/// So many looks without anything new, and somebody should see why.
const STALLED: u32 = 120;

/// Flags of `tars reindex`.
#[derive(Debug, Default, clap::Args)]
pub struct ReindexArgs {
    /// Embed with this model instead of `TARS_EMBED_MODEL`
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,

    /// Begin it and leave the rest to the backend
    #[arg(long)]
    pub no_wait: bool,
}

struct Renewed {
    index: Index,
    waited: bool,
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 without a running backend; 1 when the model cannot be used, or nothing moves any more.
pub async fn run(context: &mut Context, args: &ReindexArgs) -> Result<Box<dyn Report>> {
    let begun = indexes(context, &Request::Renew { model: args.model.clone() }).await?;
    let mut index = begun.into_iter().next_back().unwrap_or_default();
    if args.no_wait {
        return Ok(Box::new(Renewed { index, waited: false }));
    }
    let mut bar = context.ui.bar("embedding");
    let (mut last, mut same) = (-1, 0);
    while !index.serving {
        bar.words(&format!("{} of {} passages", index.done, index.total));
        same = if index.done == last { same + 1 } else { 0 };
        last = index.done;
        if same > STALLED {
            return Err(Failure::new(Exit::Failed, "the new index does not grow any more; the old one serves on")
                .hint("run: tars logs backend")
                .into());
        }
        tokio::time::sleep(LOOK).await;
        let found = indexes(context, &Request::Look).await?;
        index = found.into_iter().next_back().unwrap_or_default();
    }
    drop(bar);
    Ok(Box::new(Renewed { index, waited: true }))
}

async fn indexes(context: &Context, request: &Request) -> Result<Vec<Index>> {
    match ask(context, "--index", request).await? {
        Answer::Indexes(indexes) => Ok(indexes),
        Answer::Refused(why) => Err(Failure::new(Exit::Failed, why).into()),
        Answer::Failed(chain) => Err(failed(chain)),
        Answer::Models(_) | Answer::Done => Err(anyhow::anyhow!("the backend answered something else")),
    }
}

impl Report for Renewed {
    fn render(&self, page: &mut Page) {
        let Index { model, total, .. } = &self.index;
        page.line(if self.waited {
            format!("the index of {total} passages was made anew with {model} and serves")
        } else {
            format!("the index is being made anew with {model}; the old one serves until then")
        });
    }

    fn data(&self) -> Value {
        json!({ "index": self.index })
    }
}
