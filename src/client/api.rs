//! Our own API, as `tars serve` answers it: the shapes stand here once, for the server and for those who ask.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::http::{Http, Limits};

/// The API's port.
pub const PORT: u16 = 8000;
/// `/ready` gives each store 2 s.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The API at an address.
#[derive(Clone, Debug)]
pub struct Api(Http);

/// `GET /health`: the process lives; says nothing about its stores.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `healthy`.
    pub status: String,
    /// `tars`.
    pub service: String,
    /// The binary's version.
    pub version: String,
    /// Now, RFC 3339 in UTC.
    pub timestamp: String,
}

/// `GET /ready`: whether questions can be answered, and what is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// The verdict.
    pub status: Verdict,
    /// What was asked, by service name (`postgres`, `redis`, `chromadb`, `ollama`).
    pub checks: BTreeMap<String, Check>,
}

/// What the checks amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that was chosen answers.
    Ready,
    /// Works without something that is not required.
    Degraded,
    /// A required store is missing (HTTP 503).
    Unavailable,
}

/// One store's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// How it went.
    pub status: CheckStatus,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Why it failed; holds no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the operator should know though nothing failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Whether the service is of no use without it.
    #[serde(default)]
    pub required: bool,
}

/// How one store answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// A real request was answered.
    Ok,
    /// It was not; `error` says why.
    Failed,
    /// Not asked, by choice; `warning` says which.
    Skipped,
}

impl Ready {
    /// Whether the API can be worked with: ready, or degraded by something that is not required.
    #[must_use]
    pub fn is_of_use(&self) -> bool {
        self.status != Verdict::Unavailable
    }

    /// What is in the way, in one line.
    #[must_use]
    pub fn words(&self) -> String {
        let failing = self.checks.iter().filter_map(|(name, check)| Some(format!("{name}: {}", check.error.as_ref()?)));
        let words: Vec<_> = failing.collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join("; ") }
    }
}

impl Api {
    /// The API at an address as people type it; connects to nothing.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(base_url: &str) -> Result<Self> {
        let address = Address::parse(base_url, PORT).context("the API's address")?;
        Ok(Self(Http::new(address, Limits::within(TIMEOUT))?))
    }

    /// Whether the process lives.
    ///
    /// # Errors
    /// When it does not answer 200, or something else than `tars` answers.
    pub async fn health(&self) -> Result<Health> {
        self.0.get("/health").await?.ok()?.json()
    }

    /// The readiness report, also out of a 503.
    ///
    /// # Errors
    /// When there is no answer or no such report in it.
    pub async fn ready(&self) -> Result<Ready> {
        let answer = self.0.get("/ready").await?;
        if answer.status == 503
            && let Ok(ready) = answer.json()
        {
            return Ok(ready);
        }
        answer.ok()?.json()
    }
}

/// Somebody who is signed in. Not `Debug`: it holds a token.
pub struct Session {
    http: Http,
    token: String,
}

#[derive(Deserialize)]
struct Signed {
    access_token: String,
}

impl Api {
    /// Signs in with a name and a password.
    ///
    /// # Errors
    /// When there is no answer, or the API knows them not.
    pub async fn sign_in(&self, user: &str, password: &str) -> Result<Session> {
        let body = serde_json::json!({ "username": user, "password": password });
        let signed: Signed = self.0.post("/auth/token", &body).await?.ok()?.json()?;
        Ok(Session { http: self.0.clone(), token: signed.access_token })
    }
}

impl Session {
    /// What the API answers at a path, as text.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn text(&self, path: &str) -> Result<String> {
        let answer = self.http.ask_as(reqwest::Method::GET, path, &self.token).await?.ok()?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Signs out: the token is good for nothing any more.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn sign_out(self) -> Result<()> {
        self.http.ask_as(reqwest::Method::POST, "/auth/logout", &self.token).await?.ok()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    async fn ready(status: u16, body: &str) -> Result<Ready> {
        let fake = Fake::new(vec![vec![Step::Say(http(status, body))]]).await;
        Api::new(&fake.place).unwrap().ready().await
    }

    #[tokio::test]
    async fn a_503_with_a_report_is_a_report() {
        let body =
            r#"{"status":"unavailable","checks":{"postgres":{"status":"failed","error":"refused","required":true}}}"#;
        let report = ready(503, body).await.unwrap();
        assert_eq!(report.status, Verdict::Unavailable);
        assert_eq!(report.checks["postgres"].error.as_deref(), Some("refused"));
    }

    #[tokio::test]
    async fn a_503_of_something_else_is_an_error() {
        assert!(ready(503, "upstream down").await.unwrap_err().to_string().contains("HTTP 503: upstream down"));
    }
}
