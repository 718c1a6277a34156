//! Chroma's HTTP API, version 2 only: v1 is gone since 1.0.0 (HTTP 410), v2 exists since 0.5.16 (stack-facts A1).
//!
//! Parsed leniently, since answers grow between minor versions. Its errors arrive as
//! [`Refused`](super::http::Refused) with Chroma's error name in `kind` (`NotFoundError`).

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::address::Address;
use super::collection::PATIENCE;
use super::http::{Answer, Http, Limits};
use crate::error::Failure;
use crate::exit::Exit;

/// Chroma's port inside the compose network.
pub const PORT: u16 = 8000;
const TIMEOUT: Duration = Duration::from_secs(5);

/// A Chroma server.
#[derive(Clone, Debug)]
pub struct Chroma {
    http: Http,
    patient: Http,
}

/// What the server says about its parts; a single-node server is ready when both are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Health {
    /// Queries can be answered.
    #[serde(default)]
    pub is_executor_ready: bool,
    /// Writes can be taken.
    #[serde(default)]
    pub is_log_client_ready: bool,
}

#[derive(Deserialize)]
struct Heartbeat {
    #[serde(rename = "nanosecond heartbeat")]
    nanoseconds: u128,
}

impl Chroma {
    /// A server at an address as people type it; connects to nothing.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(base_url: &str) -> Result<Self> {
        Self::at(Address::parse(base_url, PORT).context("Chroma's address")?)
    }

    /// A server at an address that was read before.
    ///
    /// # Errors
    /// When https is asked for without CA certificates on this host.
    pub fn at(address: Address) -> Result<Self> {
        Ok(Self {
            http: Http::new(address.clone(), Limits::within(TIMEOUT))?,
            patient: Http::new(address, Limits { connect: TIMEOUT, total: Some(PATIENCE) })?,
        })
    }

    /// The server's clock, which only a working v2 API tells.
    ///
    /// # Errors
    /// When there is no answer, or none of a v2 API.
    pub async fn heartbeat(&self) -> Result<Duration> {
        let answer = self.ask("/api/v2/heartbeat").await?;
        let nanoseconds = answer.json::<Heartbeat>()?.nanoseconds;
        Ok(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)))
    }

    /// The server's own judgement; also read from the 503 of one that is not ready.
    ///
    /// # Errors
    /// When there is no answer, or none of a v2 API.
    pub async fn healthcheck(&self) -> Result<Health> {
        let answer = self.http.get("/api/v2/healthcheck").await?;
        if answer.status == 503
            && let Ok(health) = answer.json()
        {
            return Ok(health);
        }
        answer.ok()?.json()
    }

    /// For what takes longer than a look.
    pub(super) fn patient(&self) -> &Http {
        &self.patient
    }

    async fn ask(&self, path: &str) -> Result<Answer> {
        let answer = self.http.get(path).await?;
        if answer.status == 404 {
            let place = self.http.address().place();
            return Err(Failure::new(Exit::Failed, format!("{place} has no Chroma API v2"))
                .hint("use Chroma 0.5.16 or newer (the stack's own is pinned)")
                .into());
        }
        Ok(answer.ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::super::http::Refused;
    use super::*;

    async fn answering(status: u16, body: &str) -> (Fake, Chroma) {
        let fake = Fake::new(vec![vec![Step::Say(http(status, body))]]).await;
        let chroma = Chroma::new(&fake.place).unwrap();
        (fake, chroma)
    }

    #[tokio::test]
    async fn the_heartbeat_key_has_a_space_and_unknown_fields_are_ignored() {
        let (fake, chroma) = answering(200, r#"{"nanosecond heartbeat":1795245542535187829,"new":1}"#).await;
        assert_eq!(chroma.heartbeat().await.unwrap().as_secs(), 1_795_245_542);
        assert!(fake.requests()[0].starts_with("get /api/v2/heartbeat "));
    }

    #[tokio::test]
    async fn an_error_object_under_200_is_no_heartbeat() {
        let (_fake, chroma) = answering(200, r#"{"error":"x","message":"y"}"#).await;
        assert!(chroma.heartbeat().await.is_err());
    }

    #[tokio::test]
    async fn chromas_error_name_is_kept() {
        let (_fake, chroma) = answering(500, r#"{"error":"InternalError","message":"disk"}"#).await;
        let error = chroma.heartbeat().await.unwrap_err();
        assert_eq!(error.downcast_ref::<Refused>().unwrap().kind.as_deref(), Some("InternalError"));
    }

    #[tokio::test]
    async fn a_server_that_is_not_ready_says_so_under_503() {
        let (_fake, chroma) = answering(503, r#"{"is_executor_ready":true,"is_log_client_ready":false}"#).await;
        assert!(!chroma.healthcheck().await.unwrap().is_log_client_ready);
    }

    #[tokio::test]
    async fn a_server_without_v2_is_named() {
        let (_fake, chroma) = answering(404, "").await;
        assert!(chroma.heartbeat().await.unwrap_err().to_string().ends_with("has no Chroma API v2"));
    }
}
