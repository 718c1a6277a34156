//! What the operator's side tells the backend of backups and drills, so that the page can show it: one JSON value, an
//! argument of `tars serve --told`. It holds no secret and no path but archives' file names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How backups and drills went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Told {
    /// When this was told, RFC 3339.
    pub at: String,
    /// Whether backups run by themselves.
    pub scheduled: bool,
    /// The last run of `tars backup`.
    pub backup: Option<Backup>,
    /// When the last good archive was made, RFC 3339.
    pub last_good_at: Option<String>,
    /// The last drill.
    pub drill: Option<Drill>,
    /// What is the matter with them, in sentences.
    pub problems: Vec<String>,
}

/// A run of `tars backup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// When it ended, RFC 3339.
    pub at: String,
    /// Its exit code: 0 is well.
    pub exit: u8,
    /// The archive's file name, if it made one.
    pub archive: Option<String>,
    /// The archive's size.
    pub bytes: u64,
}

/// A rehearsal of a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drill {
    /// When, RFC 3339.
    pub at: String,
    /// `pass`; `fail`: the archive is bad; `error`: it could not be tried.
    pub verdict: String,
    /// The archive's file name.
    pub archive: Option<String>,
}

/// What came of telling it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The backend knows.
    Known,
    /// It failed: the sentences of the chain.
    Failed(Vec<String>),
}
