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
use std::time::{Duration, Instant};

/// Between two looks at how far it is: each of them is a process in the backend's container.
const LOOK: Duration = Duration::from_secs(3);
/// So long without anything new, and somebody should see why. An old processor may take minutes for a few passages.
const STALLED: Duration = Duration::from_mins(15);

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
    let (mut moved, mut last) = (Instant::now(), index.done);
    while !is_whole(&index) {
        bar.words(&format!("{} of {} passages", index.done, index.total));
        if index.done != last {
            (moved, last) = (Instant::now(), index.done);
        }
        if moved.elapsed() > STALLED {
            return Err(stalled(&index));
        }
        tokio::time::sleep(LOOK).await;
        index = same(indexes(context, &Request::Look).await?, &index)?;
    }
    drop(bar);
    Ok(Box::new(Renewed { index, waited: true }))
}

/// The first index of all serves from its first passage on; it is finished with its last.
fn is_whole(index: &Index) -> bool {
    index.serving && index.done >= index.total
}

/// The index that was begun, as it is now.
fn same(all: Vec<Index>, begun: &Index) -> Result<Index> {
    all.into_iter().find(|index| index.id == begun.id).ok_or_else(|| {
        let what = format!("the index with {} was given up: somebody began another one meanwhile", begun.model);
        Failure::new(Exit::Failed, what).hint("run: tars reindex, if it is still wanted").into()
    })
}

fn stalled(index: &Index) -> anyhow::Error {
    let meanwhile = if index.serving { "it serves as far as it is" } else { "the old one serves on" };
    let what = format!("the new index has not grown for {} minutes; {meanwhile}", STALLED.as_secs() / 60);
    Failure::new(Exit::Failed, what).hint("run: tars logs backend").into()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn index(id: i32, serving: bool, done: i64) -> Index {
        Index { id, model: format!("model{id}"), serving, done, total: 10 }
    }

    #[test]
    fn only_the_index_that_was_begun_counts_and_only_when_it_is_whole() {
        let begun = index(2, false, 3);
        let now = |all: Vec<Index>| same(all, &begun).unwrap();
        assert!(!is_whole(&now(vec![index(1, true, 10), index(2, false, 10)])), "the old one serves still");
        assert!(!is_whole(&now(vec![index(2, true, 4)])), "the first of all serves from the beginning");
        assert!(is_whole(&now(vec![index(2, true, 10)])));
    }

    #[test]
    fn one_that_was_given_up_is_no_success() {
        for all in [vec![index(1, true, 10)], vec![index(1, true, 10), index(3, false, 0)], Vec::new()] {
            let refusal = same(all, &index(2, false, 3)).unwrap_err().to_string();
            assert!(refusal.contains("model2 was given up"), "{refusal}");
        }
    }
}
