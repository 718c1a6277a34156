//! How backups and drills went, as the operator's side last told it (`tars serve --told`).
//!
//! It lies in the volume for logs: a restore brings back everything else, and must not bring back what was known then.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::client::told::Told;

const FILE: &str = "told.json";

/// Writes it down; a reader sees the old or the new.
///
/// # Errors
/// When the request is none or the folder cannot be written.
pub(crate) fn write(folder: &Path, request: &str) -> Result<()> {
    let told: Told = serde_json::from_str(request).context("the request is none")?;
    let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder).context("the folder for logs")?;
    new.write_all(&serde_json::to_vec(&told)?)?;
    new.as_file().sync_all()?;
    new.persist(folder.join(FILE))?;
    Ok(())
}

/// Reads it; `None` if nothing was told yet, or nothing that can be understood.
pub(crate) fn read(folder: &Path) -> Option<Told> {
    serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_last_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        assert!(write(folder.path(), "{").is_err());
        let told = Told { at: "2026-01-01T00:00:00Z".into(), scheduled: true, ..Told::default() };
        write(folder.path(), &serde_json::to_string(&told).unwrap()).unwrap();
        assert_eq!(read(folder.path()), Some(told));
        std::fs::write(folder.path().join(FILE), "half").unwrap();
        assert_eq!(read(folder.path()), None);
    }
}
