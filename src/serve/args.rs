//! The command line of `tars serve`. Everything else comes from the environment, which compose writes.

use std::net::SocketAddr;

/// Run the backend (the stack's container does this)
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Ask the running backend for its health and exit 0 or 1
    #[arg(long, conflicts_with_all = ["pull", "reach", "examine"])]
    pub probe: bool,

    /// Listen on this address instead of `TARS_LISTEN`
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// Read a document of this format from stdin and write its text to stdout, under limits
    #[arg(long, value_name = "FORMAT", hide = true, exclusive = true)]
    pub extract: Option<String>,

    /// Pull a model through the configured Ollama, with progress as lines of JSON
    #[arg(long, value_name = "MODEL", conflicts_with = "reach")]
    pub pull: Option<String>,

    /// Say whether an Ollama answers at this address, as seen from here
    #[arg(long, value_name = "URL")]
    pub reach: Option<String>,

    /// Add, list or change a user as REQUEST says, with the answer as a line of JSON (`tars user` does this)
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["probe", "pull", "reach", "examine"])]
    pub user: Option<String>,

    /// Look at the index, make it anew or look at the models as REQUEST says (`tars reindex` and `tars model` do this)
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["probe", "pull", "reach", "examine", "user"])]
    pub index: Option<String>,

    /// Remember how backups and drills went, as REQUEST says, for the page (`tars backup` does this)
    #[arg(long, value_name = "REQUEST", hide = true, exclusive = true)]
    pub told: Option<String>,

    /// Examine this backend and its stores as REQUEST says, with the answer as a line of JSON (`tars validate` does this)
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["probe", "pull", "reach", "examine", "user", "index"])]
    pub validate: Option<String>,

    /// Count what a Chroma holds, asked as FILE says, with the answer as lines of JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pull", "reach"])]
    pub examine: Option<std::path::PathBuf>,
}
