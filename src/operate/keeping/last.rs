//! `state/last_backup.json`: how the last run of `tars backup` ended, for `status` and `doctor`. It is written whatever
//! came of the run, so that a backup that fails every night is seen.

use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The run's id.
    pub run: String,
    /// When it ended.
    pub at: Timestamp,
    /// Its exit code.
    pub exit: u8,
    /// The archive that it made, if it made one.
    pub archive: Option<PathBuf>,
    /// Its size.
    pub bytes: u64,
    /// What went wrong, outermost first, without secrets.
    #[serde(default)]
    pub errors: Vec<String>,
}

/// Writes it down.
///
/// # Errors
/// When the state cannot be written.
pub fn record(home: &Home, last: &Last) -> Result<()> {
    state::save(&home.state_file("last_backup.json"), 0o644, &Kept::new(last))
}

/// Reads it; `None` before the first run.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn read(home: &Home) -> Result<Option<Last>> {
    Ok(state::load::<Kept<Last>>(&home.state_file("last_backup.json"))?.map(|kept| kept.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_is_read_again() {
        let (_dir, home) = Home::temporary();
        assert_eq!(read(&home).unwrap(), None);
        let last = Last {
            run: "r".into(),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            exit: 2,
            archive: Some("/b/a.tar.gz".into()),
            bytes: 7,
            errors: vec!["why".into()],
        };
        record(&home, &last).unwrap();
        assert_eq!(read(&home).unwrap(), Some(last));
    }
}
