//! The command line of `tars serve`. Everything else comes from the environment, which compose writes.

use std::net::SocketAddr;

/// Run the backend (the stack's container does this)
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Ask the running backend for its health and exit 0 or 1
    #[arg(long, conflicts_with_all = ["pull", "reach"])]
    pub probe: bool,

    /// Listen on this address instead of `TARS_LISTEN`
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// Pull a model through the configured Ollama, with progress as lines of JSON
    #[arg(long, value_name = "MODEL", conflicts_with = "reach")]
    pub pull: Option<String>,

    /// Say whether an Ollama answers at this address, as seen from here
    #[arg(long, value_name = "URL")]
    pub reach: Option<String>,
}
