//! `tars clean`: makes room. First what may go is shown, with sizes; then it goes, after a question.

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::clean::{self, Item};
use crate::operate::lock::Lock;
use crate::ui::{self, Page, Report};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Flags of `tars clean`.
#[derive(Clone, Debug, clap::Args)]
pub struct CleanArgs {
    /// Show what may go and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What may go, what went, and what stayed against the will.
struct Cleaned {
    items: Vec<(Item, Fate)>,
}

enum Fate {
    Shown,
    Gone,
    Stays(String),
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 without an engine or a stack, 75 when another run holds the lock, 77 when this user may not; 1 when the
/// operator says no.
pub async fn run(context: &mut Context, args: &CleanArgs) -> Result<Box<dyn Report>> {
    let docker = context.docker()?.clone();
    context.stack.need_env()?;
    if args.dry_run {
        let items = look(context).await?;
        return Ok(Box::new(Cleaned { items: items.into_iter().map(|item| (item, Fate::Shown)).collect() }));
    }
    let _lock = Lock::take(&context.stack.home)?;
    let items = look(context).await?;
    if !items.is_empty() {
        let shown = Cleaned { items: items.iter().cloned().map(|item| (item, Fate::Shown)).collect() };
        shown.lines().iter().for_each(|line| context.ui.say(line));
        let question = format!("Remove these {} things for ever?", items.len());
        if !context.ui.confirm(&question, context.ui.options().yes).await? {
            return Err(Failure::new(Exit::Failed, "nothing was removed").into());
        }
    }
    let mut done = Vec::new();
    for item in items {
        let fate = match clean::remove(&docker, &context.stack, &item).await {
            Ok(()) => Fate::Gone,
            Err(error) => Fate::Stays(format!("{error:#}")),
        };
        done.push((item, fate));
    }
    Ok(Box::new(Cleaned { items: done }))
}

/// The sizes of volumes take their time where there is much in them; whoever makes room has it.
async fn look(context: &Context) -> Result<Vec<Item>> {
    let from = crate::facts::Sources {
        depth: crate::facts::Depth::Stack,
        ..crate::facts::Sources::new(&context.stack, Ok(context.docker()?))
    };
    let facts = crate::facts::gather(&from).await;
    let volumes = facts.volumes.known().map(Vec::as_slice).unwrap_or_default();
    let sizes: BTreeMap<_, _> =
        volumes.iter().filter_map(|volume| Some((volume.name.clone(), volume.bytes?))).collect();
    clean::look(context.docker()?, &context.stack, &sizes).await
}

impl Cleaned {
    fn bytes(&self, which: impl Fn(&Fate) -> bool) -> u64 {
        self.items.iter().filter(|(_, fate)| which(fate)).filter_map(|(item, _)| item.bytes).sum()
    }

    fn lines(&self) -> Vec<String> {
        let line = |(item, fate): &(Item, Fate)| {
            let size = item.bytes.map_or_else(|| "size unknown".to_owned(), ui::bytes);
            let what = match fate {
                Fate::Shown => "may go",
                Fate::Gone => "gone",
                Fate::Stays(_) => "stays",
            };
            format!("{what}  {size}  {}: {}", item.name, item.note)
        };
        self.items.iter().map(line).collect()
    }
}

impl Report for Cleaned {
    fn render(&self, page: &mut Page) {
        if self.items.is_empty() {
            page.line("there is nothing that may go");
            return;
        }
        for (line, (_, fate)) in self.lines().iter().zip(&self.items) {
            page.wrapped("", line);
            if let Fate::Stays(why) = fate {
                page.wrapped(&format!("  {} ", page.red("✗")), why);
            }
        }
        let (gone, left) =
            (self.bytes(|fate| matches!(fate, Fate::Gone)), self.bytes(|fate| !matches!(fate, Fate::Gone)));
        if gone > 0 {
            page.line(format!("{} are free again", ui::bytes(gone)));
        } else if left > 0 {
            page.line(format!("{} could be free", ui::bytes(left)));
        }
    }

    fn exit(&self) -> Exit {
        if self.items.iter().any(|(_, fate)| matches!(fate, Fate::Stays(_))) { Exit::Partly } else { Exit::Done }
    }

    fn data(&self) -> Value {
        let items = self.items.iter().map(|(item, fate)| {
            let (status, error) = match fate {
                Fate::Shown => ("may_go", None),
                Fate::Gone => ("gone", None),
                Fate::Stays(why) => ("stays", Some(why)),
            };
            json!({ "name": item.name, "note": item.note, "bytes": item.bytes, "status": status, "error": error })
        });
        json!({ "items": items.collect::<Vec<_>>(), "bytes_gone": self.bytes(|fate| matches!(fate, Fate::Gone)) })
    }
}
