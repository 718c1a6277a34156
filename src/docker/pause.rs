//! Frozen containers.

use super::{Docker, found};
use anyhow::{Context, Result};

impl Docker {
    /// Lets a paused container go on: only then a stop signal reaches it.
    ///
    /// # Errors
    /// When the engine cannot.
    pub async fn unpause(&self, name: &str) -> Result<()> {
        found(self.api.unpause_container(name).await).map(|_| ()).with_context(|| format!("could not unpause {name}"))
    }
}
