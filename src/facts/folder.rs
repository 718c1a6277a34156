//! The documents' folder on this machine. A dead share blocks whoever looks, so this stands on a thread of its own.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The folder that the backend reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Where.
    pub path: PathBuf,
    /// Whether it is a directory.
    pub there: bool,
}

/// Looks.
pub(super) fn look(path: &Path) -> Result<Folder> {
    Ok(Folder { path: path.to_owned(), there: path.is_dir() })
}
