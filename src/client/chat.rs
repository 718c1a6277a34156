//! Ollama's answers, word by word.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::ollama::Ollama;

/// Until the first word: a large model is loaded from disk first.
const FIRST_WITHIN: Duration = Duration::from_mins(5);
/// Between two words.
const NEXT_WITHIN: Duration = Duration::from_mins(1);

/// One message of a conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// What was said.
    pub content: String,
}

/// What is asked of a model.
#[derive(Clone, Debug, Serialize)]
pub struct Chat {
    /// Its name.
    pub model: String,
    /// All that it is to know, oldest first.
    pub messages: Vec<Message>,
    /// How it is to answer.
    pub options: Options,
}

/// A model's settings for one answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Options {
    /// Tokens of context, the answer among them.
    pub num_ctx: u32,
    /// Tokens of the answer at most.
    pub num_predict: u32,
    /// 0 says the likeliest word.
    pub temperature: f32,
}

/// What comes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The next few letters.
    Token(String),
    /// Nothing more.
    Done(Spent),
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Spent {
    /// Tokens read.
    pub prompt_eval_count: u64,
    /// Tokens written.
    pub eval_count: u64,
    /// Nanoseconds of writing.
    pub eval_duration: u64,
}

/// An answer that is being given. Dropping it stops the model.
#[derive(Debug)]
pub struct Talk {
    lines: Lines,
    waits: Duration,
    ended: bool,
}

#[derive(Serialize)]
struct Asked<'a> {
    #[serde(flatten)]
    chat: &'a Chat,
    stream: bool,
}

#[derive(Deserialize)]
struct Line {
    error: Option<String>,
    message: Option<Part>,
    #[serde(default)]
    done: bool,
    #[serde(flatten)]
    spent: Spent,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    content: String,
}

impl Ollama {
    /// Begins an answer.
    ///
    /// # Errors
    /// What Ollama says, or that it does not answer.
    pub async fn chat(&self, chat: &Chat) -> Result<Talk> {
        let http = self.streaming();
        let asked = Asked { chat, stream: true };
        let sent = http.send(Method::POST, "/api/chat", &asked);
        let response = tokio::time::timeout(FIRST_WITHIN, sent).await.map_err(|_| silent(FIRST_WITHIN))??;
        if !response.status().is_success() {
            http.read(response).await?.ok()?;
            bail!("Ollama answered without an answer");
        }
        Ok(Talk { lines: Lines::new(http.clone(), response), waits: FIRST_WITHIN, ended: false })
    }
}

impl Talk {
    /// What comes next; `None` after the end.
    ///
    /// # Errors
    /// What Ollama says in the middle of an answer; silence; an answer that is cut.
    pub async fn next(&mut self) -> Result<Option<Said>> {
        if self.ended {
            return Ok(None);
        }
        let line = tokio::time::timeout(self.waits, self.lines.next()).await.map_err(|_| silent(self.waits))??;
        let Some(line) = line else { bail!("Ollama ended its answer in the middle") };
        self.waits = NEXT_WITHIN;
        let line: Line =
            serde_json::from_slice(&line).map_err(|error| anyhow!(error).context("a line of the answer is no JSON"))?;
        if let Some(error) = line.error {
            bail!("Ollama says: {error}");
        }
        if line.done {
            self.ended = true;
            return Ok(Some(Said::Done(line.spent)));
        }
        Ok(Some(Said::Token(line.message.unwrap_or_default().content)))
    }
}

fn silent(limit: Duration) -> anyhow::Error {
    anyhow!("no word of Ollama within {} s", limit.as_secs())
}

#[cfg(test)]
mod tests {
    use super::super::fake::{END, Fake, STREAM, Step, chunk, http};
    use super::*;

    fn chat() -> Chat {
        let messages = vec![Message { role: "user", content: "why?".into() }];
        Chat { model: "m".into(), messages, options: Options { num_ctx: 10, num_predict: 5, temperature: 0.0 } }
    }

    async fn all(steps: Vec<Step>) -> Result<Vec<Said>> {
        let fake = Fake::new(vec![steps]).await;
        let mut talk = Ollama::new(&fake.place)?.chat(&chat()).await?;
        let mut said = Vec::new();
        while let Some(next) = talk.next().await? {
            said.push(next);
        }
        Ok(said)
    }

    fn say(text: &str) -> Step {
        Step::Say(text.into())
    }

    #[tokio::test]
    async fn words_come_one_by_one_and_the_cost_last() {
        let said = all(vec![
            say(STREAM),
            Step::Say(chunk("{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"message\":{\"content\":\"b\"}}")),
            Step::Say(chunk("{\"done\":true,\"eval_count\":2,\"eval_duration\":5}")),
            say(END),
        ])
        .await
        .unwrap();
        let spent = Spent { prompt_eval_count: 0, eval_count: 2, eval_duration: 5 };
        assert_eq!(said, [Said::Token("a".into()), Said::Token("b".into()), Said::Done(spent)]);
    }

    #[tokio::test]
    async fn an_error_line_under_200_and_a_cut_are_errors() {
        let error = all(vec![say(STREAM), Step::Say(chunk("{\"error\":\"boom\"}\n")), say(END)]).await.unwrap_err();
        assert_eq!(error.to_string(), "Ollama says: boom");
        let cut = all(vec![say(STREAM), Step::Say(chunk("{\"message\":{\"content\":\"a\"}}\n")), say(END)]).await;
        assert!(cut.unwrap_err().to_string().contains("in the middle"));
        let refused = all(vec![Step::Say(http(404, r#"{"error":"model 'm' not found"}"#))]).await.unwrap_err();
        assert!(refused.to_string().contains("not found"));
    }
}
