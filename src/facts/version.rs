//! The versions that should be one: of this binary, of the binary that units and cron lines start, of the backend's image.

use crate::operate::{backend_image, child, unit};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This binary.
    pub binary: String,
    /// The backend's image that this binary stands for: it has the binary's sum in its name.
    pub image: String,
    /// What `/usr/local/bin/tars` says of itself; `None` when it is not there.
    pub installed: Option<String>,
}

/// Looks.
pub(super) async fn look() -> Result<Versions> {
    let image = super::fact::on_thread(backend_image::name);
    let installed = async {
        let there = Path::new(unit::BINARY).exists();
        if there { child::ask(unit::BINARY, &["--version"], Duration::from_secs(3)).await.ok() } else { None }
    };
    let (image, installed) = tokio::join!(image, installed);
    let version = |said: String| said.split_whitespace().last().map(str::to_owned);
    Ok(Versions { binary: env!("CARGO_PKG_VERSION").to_owned(), image: image?, installed: installed.and_then(version) })
}
