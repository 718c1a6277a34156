//! What the checks of one validation share: the means, what was gathered beforehand, and what failed so far.

use super::outcome::Outcome;
use crate::client::raw::{Ask, Raw, Told};
use crate::client::validate::{Answer, COUNTED_AS, Left, PREFIX, Pass, Request, Thing, Tried};
use crate::context::Context;
use crate::facts::{Facts, Sources, gather};
use crate::operate::compose::Compose;
use crate::operate::lock::Lock;
use crate::operate::validated::{Checked, Status};
use crate::operate::{asking, wait};
use anyhow::{Result, anyhow, bail};
use std::time::Duration;

/// A published API may take this long for what is not a model's work.
const REQUEST: Duration = Duration::from_secs(20);
/// What waits for a model.
const ANSWER: Duration = Duration::from_mins(6);

/// The leave to restart services.
#[derive(Debug)]
pub struct Restarts<'a> {
    /// The home's lock.
    pub lock: &'a Lock,
    /// The way to start them again.
    pub compose: &'a Compose,
}

/// The request that had no outcome, and which check is about that.
struct Missing {
    cause: &'static str,
    why: String,
}

/// The bench.
pub(super) struct Bench<'a> {
    /// Stack, engine and interface.
    pub context: &'a Context,
    /// Whether services may be restarted.
    pub restarts: Option<Restarts<'a>>,
    /// This validation's own part of every name.
    pub mark: String,
    /// Everything looked at.
    pub facts: Facts,
    /// The document that was sent.
    pub document: Option<String>,
    quick: Raw,
    slow: Raw,
    pass: Result<Pass, Missing>,
    tried: Vec<Tried>,
    failed: Vec<String>,
}

impl<'a> Bench<'a> {
    /// Gathers, mints and tries, all at once: the checks mostly look at what came of it.
    ///
    /// # Errors
    /// Without an engine, or when the settings name no address for the API.
    pub(super) async fn begin(
        context: &'a Context,
        restarts: Option<Restarts<'a>>,
        suites: impl Iterator<Item = &'static str>,
    ) -> Result<Self> {
        let url = wait::api_url(&context.stack);
        let api = |within| Raw::new(&url, crate::client::api::PORT, within);
        let (quick, slow) = (api(REQUEST)?, api(ANSWER)?);
        let mark = new_mark()?;
        let with_llm = context.stack.setting("TARS_LLM") != "none";
        let things = suites.flat_map(|suite| things(suite, with_llm, restarts.is_some())).collect();
        let sources = Sources { ollama: "", nas: true, ..Sources::new(&context.stack, Ok(context.docker()?)) };
        let asked = Request::Begin { mark: mark.clone() };
        let trial = Request::Try { mark: mark.clone(), things };
        let (facts, begun, tried) = tokio::join!(gather(&sources), request(context, &asked), request(context, &trial));
        let mut bench = Self {
            context,
            restarts,
            mark,
            facts,
            document: None,
            quick,
            slow,
            pass: Err(Missing { cause: "deployment.containers", why: String::new() }),
            tried: Vec::new(),
            failed: Vec::new(),
        };
        match tried {
            Ok(Answer::Tried(tried)) => bench.tried = tried,
            Ok(Answer::Failed(chain)) => bench.context.ui.detail(&chain.join(": ")),
            Ok(_) => {}
            Err(error) => bench.context.ui.detail(&format!("{error:#}")),
        }
        bench.pass = match begun {
            Ok(Answer::Begun(pass)) => Ok(*pass),
            Ok(Answer::Failed(chain)) => Err(Missing { cause: "deployment.postgres", why: chain.join(": ") }),
            Ok(_) => Err(Missing { cause: "deployment.postgres", why: "an odd answer".to_owned() }),
            Err(error) => Err(Missing { cause: "deployment.containers", why: format!("{error:#}") }),
        };
        Ok(bench)
    }

    /// The tokens of this validation's user.
    ///
    /// # Errors
    /// The outcome of a check that needs them.
    pub(super) fn pass(&self) -> Result<&Pass, Outcome> {
        self.pass.as_ref().map_err(|missing| {
            Outcome::follows(missing.cause, format!("no user could be made for the validation: {}", missing.why))
        })
    }

    /// What came of a thing that was tried from inside the backend's container.
    ///
    /// # Errors
    /// The outcome of a check that is about it.
    pub(super) fn tried(&self, thing: Thing) -> Result<&Tried, Outcome> {
        self.tried.iter().find(|tried| tried.thing == thing).ok_or_else(|| {
            Outcome::follows("deployment.containers", "it could not be tried from inside the backend's container")
        })
    }

    /// Passes if the thing that this service does did.
    pub(super) fn judge(&self, service: &str, thing: Thing) -> Result<Outcome, Outcome> {
        self.runs(service)?;
        let tried = self.tried(thing)?;
        Ok(match &tried.outcome {
            Ok(words) => Outcome::pass(words.clone()),
            Err(chain) => Outcome::fail(chain.join(": ")),
        }
        .took(tried.took_ms))
    }

    /// Whether a service's container runs, where the stack has one.
    ///
    /// # Errors
    /// The outcome of a check that needs it.
    pub(super) fn runs(&self, service: &str) -> Result<(), Outcome> {
        let mut containers = self.facts.containers.known().into_iter().flatten();
        if containers.any(|container| container.service() == service && !container.runs()) {
            return Err(Outcome::follows("deployment.containers", format!("{service} does not run")));
        }
        Ok(())
    }

    /// Has things tried now.
    ///
    /// # Errors
    /// When the backend does not run.
    pub(super) async fn attempt(&self, thing: Thing) -> Result<String> {
        let request = Request::Try { mark: self.mark.clone(), things: vec![thing] };
        match self::request(self.context, &request).await? {
            Answer::Tried(tried) => match tried.into_iter().next() {
                Some(Tried { outcome: Ok(words), .. }) => Ok(words),
                Some(Tried { outcome: Err(chain), .. }) => bail!("{}", chain.join(": ")),
                None => bail!("the backend tried nothing"),
            },
            Answer::Failed(chain) => bail!("{}", chain.join(": ")),
            _ => bail!("the backend gave an odd answer"),
        }
    }

    /// Removes everything of this validation; `None` where nothing could be made.
    pub(super) async fn end(&self) -> Option<Result<Left>> {
        self.pass.as_ref().ok()?;
        let request = Request::End { mark: self.mark.clone() };
        Some(match self::request(self.context, &request).await {
            Ok(Answer::Ended(left)) => Ok(left),
            Ok(Answer::Failed(chain)) => Err(anyhow!("{}", chain.join(": "))),
            Ok(_) => Err(anyhow!("the backend gave an odd answer")),
            Err(error) => Err(error),
        })
    }

    /// Asks the published API.
    ///
    /// # Errors
    /// The outcome of a check for which there was no answer at all.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Told, Outcome> {
        answered(ask, self.quick.ask(ask).await)
    }

    /// Asks for something that waits for a model or a reader.
    ///
    /// # Errors
    /// As [`Bench::ask`].
    pub(super) async fn ask_long(&self, ask: &Ask) -> Result<Told, Outcome> {
        answered(ask, self.slow.ask(ask).await)
    }

    /// A request without a token that is counted apart under ticket `n`.
    ///
    /// # Errors
    /// The outcome of a check that needs the ticket.
    pub(super) fn stranger(&self, n: usize, ask: Ask) -> Result<Ask, Outcome> {
        let ticket = self.pass()?.tickets.get(n).cloned().unwrap_or_default();
        Ok(ask.with(COUNTED_AS, ticket))
    }

    /// The name of a file of this validation.
    pub(super) fn file_name(&self, what: &str) -> String {
        format!("{PREFIX}{}-{what}", self.mark)
    }

    /// Remembers what failed.
    pub(super) fn note(&mut self, checked: &Checked) {
        if checked.status == Status::Fail {
            self.failed.push(checked.id.clone());
        }
    }

    /// Whether a check of this validation failed.
    pub(super) fn failed(&self, id: &str) -> bool {
        self.failed.iter().any(|failed| failed == id)
    }

    /// Whether a language model was chosen.
    pub(super) fn has_llm(&self) -> bool {
        self.context.stack.setting("TARS_LLM") != "none"
    }
}

fn answered(ask: &Ask, told: Result<Told>) -> Result<Told, Outcome> {
    told.map_err(|error| Outcome::follows("deployment.api", format!("{}: {error:#}", ask.name())))
}

/// What each suite wants tried from inside.
fn things(suite: &'static str, with_llm: bool, restarts: bool) -> Vec<Thing> {
    match suite {
        "deployment" => {
            let mut things = vec![Thing::Postgres, Thing::Redis];
            if !restarts {
                things.push(Thing::Chroma);
            }
            if with_llm {
                things.extend([Thing::Embed, Thing::Chat]);
            }
            things
        }
        "security" => vec![Thing::Passwords, Thing::RedisOpen, Thing::PostgresOpen],
        _ => Vec::new(),
    }
}

async fn request(context: &Context, request: &Request) -> Result<Answer> {
    asking::ask(context, "--validate", request).await
}

/// Seconds since 1970, an `x`, and random letters: who finds the name knows how old it is.
fn new_mark() -> Result<String> {
    let mut random = [0_u8; 4];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no random bytes: {error}"))?;
    Ok(format!("{}x{:08x}", jiff::Timestamp::now().as_second(), u32::from_be_bytes(random)))
}
