//! `tars serve --validate`: what `tars validate` on the host has the backend's container do, since only here the stores,
//! the signing key and the database are at hand.
//!
//! Everything that is made carries the validation's mark in its name and goes at its end; what a killed validation left
//! is swept by the next one. `pass`: a user with tokens, and the end; `stores`, `models`: things that are tried.

mod models;
mod pass;
mod stores;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures_util::future::join_all;

use crate::app::App;
use crate::client::validate::{Answer, PREFIX, Request, Thing, Tried};
use crate::client::words;
use crate::config::Config;
use crate::error::causes_of;

/// What a store may take for what is tried.
const STORE_WITHIN: Duration = Duration::from_secs(15);
/// What a model may take: it may have to be loaded from a slow disk first.
const MODEL_WITHIN: Duration = Duration::from_mins(5);

/// Does what the request says.
///
/// # Errors
/// When the request is none, or it cannot begin or end; a thing that fails is in the answer.
pub(crate) async fn run(config: Config, request: &str) -> Result<Answer> {
    let request: Request = serde_json::from_str(request).context("the request is none")?;
    let app = App::new(config);
    match request {
        Request::Begin { mark } => Ok(Answer::Begun(Box::new(pass::begin(&app, &mark).await?))),
        Request::Try { mark, things } => {
            Ok(Answer::Tried(join_all(things.into_iter().map(|thing| tried(&app, &mark, thing))).await))
        }
        Request::End { mark } => Ok(Answer::Ended(pass::end(&app, &mark).await?)),
    }
}

async fn tried(app: &App, mark: &str, thing: Thing) -> Tried {
    let begun = Instant::now();
    let within =
        if matches!(thing, Thing::Embed | Thing::Chat | Thing::Processor) { MODEL_WITHIN } else { STORE_WITHIN };
    let outcome = match tokio::time::timeout(within, attempt(app, mark, thing)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(anyhow!(words::no_answer(place(app, thing), within))),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Tried { thing, outcome: outcome.map_err(|error| causes_of(&error)), took_ms }
}

async fn attempt(app: &App, mark: &str, thing: Thing) -> Result<String> {
    match thing {
        Thing::Postgres => stores::postgres(app).await,
        Thing::Redis => stores::redis(app, mark).await,
        Thing::ChromaWrite => stores::chroma_write(app, mark).await,
        Thing::ChromaRead => stores::chroma_read(app, mark).await,
        Thing::Chroma => stores::chroma(app, mark).await,
        Thing::RedisOpen => Ok(app.redis.is_open().await?.to_string()),
        Thing::PostgresOpen => Ok(app.db.is_open(&app.config.postgres).await?.to_string()),
        Thing::Passwords => pass::default_passwords(app).await,
        Thing::Embed => models::embed(app).await,
        Thing::Chat => models::chat(app).await,
        Thing::Processor => models::processor(app).await,
    }
}

fn place(app: &App, thing: Thing) -> &str {
    match thing {
        Thing::Postgres | Thing::PostgresOpen | Thing::Passwords => app.db.place(),
        Thing::Redis | Thing::RedisOpen => app.redis.place(),
        Thing::ChromaWrite | Thing::ChromaRead | Thing::Chroma => "Chroma",
        Thing::Embed | Thing::Chat | Thing::Processor => "Ollama",
    }
}

/// The name of what this validation makes.
fn named(mark: &str) -> String {
    format!("{PREFIX}{mark}")
}
