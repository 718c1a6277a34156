//! `tars model`: the language models, through the Ollama that the stack uses, wherever it runs.

use crate::client::index::{Answer, Model, Request};
use crate::client::ollama::same_model;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::asking::{ask, failed};
use crate::operate::lock::Lock;
use crate::operate::{models, settings};
use crate::ui::{self, Page, Report};
use anyhow::{Result, bail};
use serde_json::{Value, json};

/// Flags of `tars model`.
#[derive(Debug, clap::Args)]
pub struct ModelArgs {
    /// What to do
    #[command(subcommand)]
    pub what: ModelVerb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum ModelVerb {
    /// List the models that are there, and what they are used for
    List,
    /// Pull a model
    Pull {
        /// Which, for example llama3.2:3b
        name: String,
    },
    /// Answer with this model, or embed with it; it is pulled first
    Use {
        /// Which
        name: String,
        /// As the embedding model
        #[arg(long)]
        embed: bool,
    },
    /// Remove a model that is not in use
    Remove {
        /// Which
        name: String,
    },
}

impl ModelVerb {
    /// Whether it changes anything.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        !matches!(self, Self::List)
    }
}

struct Models(Vec<Model>);

struct Done {
    name: String,
    words: String,
    next: Option<&'static str>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 without a running backend, 1 when Ollama or a refusal says no.
pub async fn run(context: &mut Context, args: &ModelArgs) -> Result<Box<dyn Report>> {
    let done = |name: &str, words: &str, next| Done { name: name.to_owned(), words: words.to_owned(), next };
    match &args.what {
        ModelVerb::List => Ok(Box::new(Models(list(context).await?))),
        ModelVerb::Pull { name } => {
            let pulled = models::ensure(context, name).await?.pulled;
            Ok(Box::new(done(name, if pulled { "was pulled" } else { "is there" }, None)))
        }
        ModelVerb::Use { name, embed } => {
            models::ensure(context, name).await?;
            choose(context, name, *embed)?;
            let next = if *embed { "run: tars restart, then tars reindex" } else { "run: tars restart" };
            Ok(Box::new(done(name, "is chosen", Some(next))))
        }
        ModelVerb::Remove { name } => match ask(context, "--index", &Request::Remove { model: name.clone() }).await? {
            Answer::Done => Ok(Box::new(done(name, "was removed", None))),
            Answer::Refused(why) => {
                Err(Failure::new(Exit::Failed, why).hint("tars model list shows what is used").into())
            }
            Answer::Failed(chain) => Err(failed(chain)),
            Answer::Indexes(_) | Answer::Models(_) => bail!("the backend answered something else"),
        },
    }
}

async fn list(context: &Context) -> Result<Vec<Model>> {
    match ask(context, "--index", &Request::Models).await? {
        Answer::Models(models) => Ok(models),
        Answer::Failed(chain) => Err(failed(chain)),
        _ => bail!("the backend answered something else"),
    }
}

fn choose(context: &mut Context, name: &str, embed: bool) -> Result<()> {
    let key = if embed { "TARS_EMBED_MODEL" } else { "OLLAMA_MODEL" };
    // Whoever else writes that file switches volumes in it.
    let _lock = Lock::take(&context.stack.home)?;
    context.reread();
    let mut env = context.stack.need_env()?.clone();
    if env.get(key).is_some_and(|now| same_model(now, name)) {
        return Ok(());
    }
    env.set(key, name);
    settings::write_env(&context.stack.home, &env)?;
    Ok(())
}

impl Report for Models {
    fn render(&self, page: &mut Page) {
        for model in &self.0 {
            page.line(format!("{:<40} {:>9}  {}", model.name, ui::bytes(model.bytes), model.used_for.join(", ")));
        }
    }

    fn data(&self) -> Value {
        json!({ "models": self.0 })
    }
}

impl Report for Done {
    fn render(&self, page: &mut Page) {
        page.line(format!("{} {}", self.name, self.words));
        if let Some(next) = self.next {
            page.line(next);
        }
    }

    fn data(&self) -> Value {
        json!({ "model": self.name, "next": self.next })
    }
}
