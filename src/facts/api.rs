//! The API as it answers on this machine: that it lives, and what it says of what it needs. Nobody signs in here.

use super::fact::Fact;
use crate::client::api::{Api as Client, Ready};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long it may take; it gives each store 2 s.
const WITHIN: Duration = Duration::from_millis(4500);

/// What the API says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Api {
    /// Where it was asked.
    pub url: String,
    /// Its process.
    pub health: Fact<Health>,
    /// What it needs.
    pub ready: Fact<Ready>,
}

/// What its process says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Its version.
    pub version: String,
    /// By how many seconds its clock is ahead of this machine's.
    pub ahead_s: i64,
}

/// Asks both questions at once.
pub(super) async fn look(url: String) -> Result<Api> {
    let client = Client::new(&url)?;
    let within = |what| move |_| anyhow::anyhow!("{what} did not answer within {} s", WITHIN.as_secs_f32());
    let (health, ready) = tokio::join!(
        async { tokio::time::timeout(WITHIN, client.health()).await.map_err(within("/health"))? },
        async { tokio::time::timeout(WITHIN, client.ready()).await.map_err(within("/ready"))? },
    );
    let health = health.map(|health| Health { ahead_s: ahead(&health.timestamp), version: health.version });
    Ok(Api { url, health: health.into(), ready: ready.into() })
}

fn ahead(timestamp: &str) -> i64 {
    let at = timestamp.parse::<jiff::Timestamp>();
    at.map_or(0, |at| at.as_second() - jiff::Timestamp::now().as_second())
}
