//! The stores behind the backend, each asked by a real request under a deadline of its own.
//!
//! All are asked at once, so that one that hangs delays nobody. Postgres and Chroma are required; without
//! Redis or the language model the backend still answers, if less well.

mod chroma;
mod ollama;
pub(crate) mod redis;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::timeout;

use super::config::Config;
use super::db::Db;
use super::secret::Secret;
use crate::client::api::{Check, CheckStatus, Ready, Verdict};
use crate::client::words;

/// What each store has for its answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Every store, with the connections that are kept to it.
pub(crate) struct Stores {
    redis: redis::Redis,
    chroma: chroma::Store,
    ollama: Option<ollama::Llm>,
    secrets: [Secret; 2],
}

impl Stores {
    /// Prepares to ask; connects to nothing.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            redis: redis::Redis::new(&config.redis),
            chroma: chroma::Store::new(&config.chroma_url),
            ollama: ollama::Llm::new(config),
            secrets: [config.postgres.password.clone(), config.redis.password.clone()],
        }
    }

    /// Asks all of them.
    pub(super) async fn ready(&self, db: &Db) -> Ready {
        let (postgres, redis, chroma, ollama) = tokio::join!(
            self.check(true, db.place(), db.ask()),
            self.check(false, &self.redis.place, self.redis.ask()),
            self.check(true, &self.chroma.place, self.chroma.ask()),
            self.check_llm(),
        );
        let named = [("postgres", postgres), ("redis", redis), ("chromadb", chroma), ("ollama", ollama)];
        let checks: BTreeMap<_, _> = named.into_iter().map(|(name, check)| (name.to_owned(), check)).collect();
        Ready { status: verdict(checks.values()), checks }
    }

    async fn check_llm(&self) -> Check {
        match &self.ollama {
            Some(llm) => self.check(false, &llm.place, llm.ask()).await,
            None => skipped("no language model was chosen (TARS_LLM=none): answers are passages, not sentences"),
        }
    }

    async fn check(&self, required: bool, place: &str, asked: impl Future<Output = Result<()>>) -> Check {
        let begun = Instant::now();
        let error = match timeout(DEADLINE, asked).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(words::no_answer(place, DEADLINE)),
        };
        Check {
            status: if error.is_none() { CheckStatus::Ok } else { CheckStatus::Failed },
            latency_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            error: error.map(|text| self.secrets.iter().fold(text, |text, secret| secret.wipe(&text))),
            warning: None,
            required,
        }
    }
}

fn skipped(why: &str) -> Check {
    Check { status: CheckStatus::Skipped, latency_ms: 0, error: None, warning: Some(why.to_owned()), required: false }
}

fn verdict<'a>(checks: impl Iterator<Item = &'a Check>) -> Verdict {
    checks.filter(|check| check.status == CheckStatus::Failed).fold(Verdict::Ready, |so_far, check| {
        if check.required || so_far == Verdict::Unavailable { Verdict::Unavailable } else { Verdict::Degraded }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: CheckStatus, required: bool) -> Check {
        Check { status, latency_ms: 1, error: None, warning: None, required }
    }

    #[test]
    fn only_a_required_store_makes_it_unavailable() {
        let of = |checks: &[Check]| verdict(checks.iter());
        let (ok, lost) = (check(CheckStatus::Ok, true), check(CheckStatus::Failed, true));
        let (weak, none) = (check(CheckStatus::Failed, false), check(CheckStatus::Skipped, false));
        assert_eq!(of(&[ok.clone(), none]), Verdict::Ready);
        assert_eq!(of(&[ok, weak.clone()]), Verdict::Degraded);
        assert_eq!(of(&[weak.clone(), lost.clone()]), Verdict::Unavailable);
        assert_eq!(of(&[lost, weak]), Verdict::Unavailable);
    }
}
