//! One pull of a model: NDJSON in, progress out, resumed when the connection is cut.
//!
//! Three traps of the API (stack-facts B2): an error arrives as a line under HTTP 200; only a last line
//! `{"status":"success"}` is success; and while a download hangs, Ollama repeats the same line several times a
//! second, so a stall is "nothing new", not "no line". Pulling again continues where it stopped.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, anyhow};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::http::Http;
use super::lines::{Endless, Lines};
use crate::error::Failure;
use crate::exit::Exit;

/// What a pull tells while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullProgress {
    /// A step without bytes, in Ollama's words (`verifying sha256 digest`).
    Step(String),
    /// Bytes over all layers that are known by now; `total` grows as layers become known.
    Bytes {
        /// Bytes that are there.
        completed: u64,
        /// Bytes there will be.
        total: u64,
    },
    /// The connection was cut; the pull continues after a pause.
    Resuming {
        /// One sentence on what happened.
        why: String,
        /// Which attempt in a row without progress this will be.
        attempt: u32,
        /// How many there may be.
        of: u32,
    },
}

/// How long and how often to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without anything new.
    pub idle: Duration,
    /// The same while digests are verified, which says nothing for as long as a disk needs to be read.
    pub idle_verifying: Duration,
    /// In a row without a new byte.
    pub attempts: u32,
    /// Before the second attempt; doubles from there.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(2),
            idle_verifying: Duration::from_mins(15),
            attempts: 5,
            pause: Duration::from_secs(1),
        }
    }
}

/// Why one attempt ended early.
enum Stop {
    /// Worth another attempt.
    Cut(anyhow::Error),
    /// Another attempt would end the same.
    Final(anyhow::Error),
}

/// Bytes by layer, and the most that was ever there.
#[derive(Default)]
struct Layers {
    by_digest: HashMap<String, (u64, u64)>,
    best: u64,
}

#[derive(Deserialize, Clone, PartialEq, Eq, Default)]
#[serde(default)]
struct Line {
    status: String,
    digest: String,
    total: u64,
    // Left out by Ollama when it is 0.
    completed: u64,
    error: Option<String>,
}

/// Pulls `model`; see [`Ollama::pull`](super::ollama::Ollama::pull).
pub(super) async fn pull(
    http: &Http,
    patience: Patience,
    model: &str,
    on: &mut (dyn FnMut(PullProgress) + Send),
) -> Result<()> {
    let mut layers = Layers::default();
    let mut attempt = 1;
    loop {
        let before = layers.best;
        let error = match once(http, patience, model, &mut layers, on).await {
            Ok(()) => return Ok(()),
            Err(Stop::Final(error)) => return Err(error),
            Err(Stop::Cut(error)) => error,
        };
        attempt = if layers.best > before { 2 } else { attempt + 1 };
        if attempt > patience.attempts {
            let times = patience.attempts;
            return Err(Failure::new(Exit::Failed, format!("gave up after {times} attempts without progress"))
                .hint("pull again later: what is there is kept")
                .caused_by(error)
                .into());
        }
        on(PullProgress::Resuming { why: error.to_string(), attempt, of: patience.attempts });
        tokio::time::sleep(patience.pause * (1 << (attempt - 2).min(5))).await;
    }
}

async fn once(
    http: &Http,
    patience: Patience,
    model: &str,
    layers: &mut Layers,
    on: &mut (dyn FnMut(PullProgress) + Send),
) -> Result<(), Stop> {
    let mut lines = Pulling::open(http, model, patience.idle).await?;
    let mut last = Line::default();
    let mut deadline = Instant::now() + patience.idle;
    loop {
        let next = timeout_at(deadline, lines.next()).await.map_err(|_| stalled(&last))?;
        let Some(line) = next? else {
            let end = if last.status == "success" { Ok(()) } else { Err(cut(http, &last)) };
            return end;
        };
        if let Some(error) = line.error {
            return Err(Stop::Final(anyhow!("Ollama says: {error}")));
        }
        if line != last {
            deadline = Instant::now() + allowance(patience, &line);
            on(layers.take_in(&line));
            last = line;
        }
    }
}

fn allowance(patience: Patience, line: &Line) -> Duration {
    if line.status.starts_with("verifying") { patience.idle_verifying } else { patience.idle }
}

fn stalled(last: &Line) -> Stop {
    let at = if last.status.is_empty() { "the first answer" } else { &last.status };
    let failure = Failure::new(Exit::Failed, format!("the pull has stalled: nothing new since \"{at}\""))
        .hint("look at the network of the machine where Ollama runs, then pull again: what is there is kept");
    Stop::Final(failure.into())
}

fn cut(http: &Http, last: &Line) -> Stop {
    let place = http.address().place();
    Stop::Cut(anyhow!("{place} ended the pull after \"{}\" without a word of success", last.status))
}

impl Layers {
    fn take_in(&mut self, line: &Line) -> PullProgress {
        if line.digest.is_empty() {
            return PullProgress::Step(line.status.clone());
        }
        self.by_digest.insert(line.digest.clone(), (line.completed, line.total));
        let (completed, total) = self.by_digest.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        self.best = self.best.max(completed);
        PullProgress::Bytes { completed, total }
    }
}

/// The lines of a pull.
struct Pulling(Lines);

impl Pulling {
    async fn open(http: &Http, model: &str, idle: Duration) -> Result<Self, Stop> {
        let body = json!({ "model": model, "stream": true });
        let opened = http.open(Method::POST, "/api/pull", Some(&body));
        let response =
            tokio::time::timeout(idle, opened).await.map_err(|_| stalled(&Line::default()))?.map_err(Stop::Cut)?;
        if response.status().is_success() {
            return Ok(Self(Lines::new(http.clone(), response)));
        }
        let answer = http.read(response).await.map_err(Stop::Cut)?;
        Err(answer.ok().map_or_else(|refused| Stop::Final(refused.into()), |_| Stop::Final(anyhow!("no pull"))))
    }

    // Cancel-safe: what has arrived is kept.
    async fn next(&mut self) -> Result<Option<Line>, Stop> {
        let stop = |error: anyhow::Error| if error.is::<Endless>() { Stop::Final(error) } else { Stop::Cut(error) };
        self.0.next().await.map_err(stop)?.map(|line| parse(&line)).transpose()
    }
}

fn parse(line: &[u8]) -> Result<Line, Stop> {
    serde_json::from_slice(line).map_err(|error| Stop::Cut(anyhow!(error).context("a line of the pull is no JSON")))
}

#[cfg(test)]
mod tests {
    use super::super::fake::{END, Fake, STREAM, Step, chunk, http};
    use super::super::ollama::Ollama;
    use super::*;
    use crate::error::causes_of;

    const QUICK: Patience = Patience {
        idle: Duration::from_millis(250),
        idle_verifying: Duration::from_secs(5),
        attempts: 3,
        pause: Duration::from_millis(5),
    };

    fn layer(digest: &str, completed: u64, total: u64) -> String {
        chunk(&format!(
            r#"{{"status":"pulling {digest}","digest":"sha256:{digest}","total":{total},"completed":{completed}}}"#
        ))
    }

    fn say(parts: &[String]) -> Step {
        Step::Say(format!("{STREAM}{}", parts.concat()))
    }

    fn success() -> String {
        chunk(r#"{"status":"success"}"#) + END
    }

    async fn pulled(scripts: Vec<Vec<Step>>) -> (Result<()>, Vec<PullProgress>, usize) {
        let fake = Fake::new(scripts).await;
        let mut seen = Vec::new();
        let ollama = Ollama::new(&fake.place).unwrap().patient(QUICK);
        let result = ollama.pull("tiny", &mut |progress| seen.push(progress)).await;
        (result, seen, fake.requests().len())
    }

    fn bytes(seen: &[PullProgress]) -> Vec<(u64, u64)> {
        seen.iter()
            .filter_map(|one| match one {
                PullProgress::Bytes { completed, total } => Some((*completed, *total)),
                _ => None,
            })
            .collect()
    }

    #[tokio::test]
    async fn layers_add_up_over_all_digests() {
        let parts = [layer("a", 40, 100), layer("a", 100, 100), layer("b", 5, 20), layer("b", 20, 20), success()];
        let (result, seen, _) = pulled(vec![vec![say(&parts)]]).await;
        result.unwrap();
        assert_eq!(bytes(&seen), [(40, 100), (100, 100), (105, 120), (120, 120)]);
        assert_eq!(seen.last(), Some(&PullProgress::Step("success".into())));
    }

    #[tokio::test]
    async fn an_error_line_under_200_is_an_error_and_not_retried() {
        let line = chunk(r#"{"error":"pull model manifest: file does not exist"}"#);
        let (result, _, requests) =
            pulled(vec![vec![say(&[chunk(r#"{"status":"pulling manifest"}"#), line, END.into()])]]).await;
        let said = causes_of(&result.unwrap_err());
        assert_eq!(said, ["could not pull the model tiny", "Ollama says: pull model manifest: file does not exist"]);
        assert_eq!(requests, 1);
    }

    #[tokio::test]
    async fn a_cut_transfer_is_resumed_and_says_so() {
        let (result, seen, requests) = pulled(vec![
            vec![say(&[layer("a", 40, 100)])],
            vec![say(&[layer("a", 40, 100), layer("a", 100, 100), success()])],
        ])
        .await;
        result.unwrap();
        assert_eq!(requests, 2);
        assert!(matches!(&seen[1], PullProgress::Resuming { attempt: 2, of: 3, .. }), "{seen:?}");
        assert_eq!(bytes(&seen).last(), Some(&(100, 100)));
    }

    #[tokio::test]
    async fn a_proper_end_without_success_is_no_success() {
        let (result, seen, requests) = pulled(vec![vec![say(&[layer("a", 1, 2), END.into()])]]).await;
        assert!(causes_of(&result.unwrap_err()).join("; ").contains("without a word of success"));
        assert_eq!(requests, 3, "{seen:?}");
    }

    #[tokio::test]
    async fn only_attempts_without_a_new_byte_are_counted() {
        let mut scripts: Vec<_> = (1..=6).map(|done| vec![say(&[layer("a", done, 6)])]).collect();
        scripts.push(vec![say(&[success()])]);
        let (result, _, requests) = pulled(scripts).await;
        result.unwrap();
        assert_eq!(requests, 7);
    }

    #[tokio::test]
    async fn success_in_the_middle_is_not_the_end() {
        let parts = [chunk(r#"{"status":"success"}"#), layer("a", 1, 2), END.into()];
        assert!(pulled(vec![vec![say(&parts)]]).await.0.is_err());
    }

    #[tokio::test]
    async fn silence_is_a_stall() {
        let (result, _, requests) = pulled(vec![vec![say(&[layer("a", 1, 2)]), Step::Hang]]).await;
        let said = causes_of(&result.unwrap_err()).join("; ");
        assert!(said.contains("the pull has stalled: nothing new since \"pulling a\""), "{said}");
        assert_eq!(requests, 1);
    }

    #[tokio::test]
    async fn the_same_line_again_and_again_is_a_stall_too() {
        let mut script = vec![say(&[layer("a", 1, 2)])];
        for _ in 0..100 {
            script.extend([Step::Wait(Duration::from_millis(20)), Step::Say(layer("a", 1, 2))]);
        }
        assert!(causes_of(&pulled(vec![script]).await.0.unwrap_err()).join("; ").contains("stalled"));
    }

    #[tokio::test]
    async fn verifying_may_take_longer_than_the_rest() {
        let verifying = say(&[chunk(r#"{"status":"verifying sha256 digest"}"#)]);
        pulled(vec![vec![verifying, Step::Wait(QUICK.idle * 2), Step::Say(success())]]).await.0.unwrap();
    }

    #[tokio::test]
    async fn a_line_may_be_cut_anywhere() {
        let text = chunk(r#"{"status":"success"}"#).replacen("succ", "su\"}\n", 1);
        assert!(
            pulled(vec![vec![Step::Say(format!("{STREAM}{text}{END}"))]]).await.0.is_err(),
            "garbage is no success"
        );
        let split = format!("{STREAM}8\r\n{{\"status\r\n");
        let rest = "d\r\n\":\"success\"}\n\r\n0\r\n\r\n".to_owned();
        pulled(vec![vec![Step::Say(split), Step::Wait(Duration::from_millis(30)), Step::Say(rest)]]).await.0.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_by_status_is_final() {
        let (result, _, requests) = pulled(vec![vec![Step::Say(http(400, r#"{"error":"invalid model name"}"#))]]).await;
        assert!(causes_of(&result.unwrap_err()).join("; ").contains("HTTP 400: invalid model name"));
        assert_eq!(requests, 1);
    }
}
