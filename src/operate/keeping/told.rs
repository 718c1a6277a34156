//! Tells the backend how backups and drills went, for the page's first look. The home is for the operator alone, so that
//! the backend cannot read it there.

use super::{overview, schedule};
use crate::client::told::{Answer, Backup, Drill, Told};
use crate::context::Context;
use crate::operate::asking;
use anyhow::{Context as _, Result};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(10);

/// Tells it. A backend that does not run learns it the next time: no backup fails for it.
pub async fn tell(context: &Context) {
    let asked = async {
        match asking::ask(context, "--told", &told(context)?).await? {
            Answer::Known => Ok(()),
            Answer::Failed(chain) => Err(asking::failed(chain)),
        }
    };
    let ended = tokio::time::timeout(WITHIN, asked).await.context("the backend does not answer in time");
    if let Err(error) = ended.and_then(|ended| ended) {
        context.ui.detail(&format!("the page does not know of this yet: {error:#}"));
    }
}

fn told(context: &Context) -> Result<Told> {
    let stack = &context.stack;
    let now = Timestamp::now();
    let overview = overview::read(stack, now)?;
    Ok(Told {
        at: now.to_string(),
        scheduled: schedule::read(&stack.home)?.is_some(),
        backup: overview.last.map(|last| Backup {
            at: last.at.to_string(),
            exit: last.exit,
            archive: last.archive.as_deref().and_then(name),
            bytes: last.bytes,
        }),
        last_good_at: overview.good.map(|(_, created)| created.to_string()),
        drill: overview.drill.map(|(path, drilled)| Drill {
            at: drilled.at.to_string(),
            verdict: drilled.verdict.word().to_owned(),
            archive: name(&path),
        }),
        problems: overview.problems.iter().map(|text| context.ui.clean(text)).collect(),
    })
}

fn name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}
