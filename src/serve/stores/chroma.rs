//! Chroma: the heartbeat of its v2 API.

use anyhow::Result;

use crate::client::Address;
use crate::client::chroma::Chroma;

pub(super) struct Store {
    client: Result<Chroma, String>,
    pub(super) place: String,
}

impl Store {
    pub(super) fn new(address: &Address) -> Self {
        let client = Chroma::at(address.clone()).map_err(|error| error.to_string());
        Self { client, place: address.place() }
    }

    /// Whether the API answers.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) async fn ask(&self) -> Result<()> {
        let client = self.client.as_ref().map_err(|why| anyhow::anyhow!(why.clone()))?;
        client.heartbeat().await.map(drop)
    }
}
