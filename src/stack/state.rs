//! The files under `state/`, and the one way any file of the home is written: new, fsync, rename, fsync the directory.
//!
//! After a power cut or `kill -9` a reader finds the old file or the new one, never a part.

use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How the name of a file begins that is not whole yet; one that stays is a killed write's.
pub const NEW_PREFIX: &str = ".new-";

/// The schema number of all state files so far.
pub const SCHEMA: u32 = 1;

/// What each state file carries beside its own fields: its schema, and the fields of newer versions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept<T> {
    /// The schema the file was written with.
    pub schema: u32,
    /// The file's own fields.
    #[serde(flatten)]
    pub data: T,
    /// Fields that this version does not know; they survive a rewrite.
    #[serde(flatten)]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}

impl<T> Kept<T> {
    /// A new file's content.
    pub fn new(data: T) -> Self {
        Self { schema: SCHEMA, data, unknown: serde_json::Map::new() }
    }
}

/// Writes a file so that it is whole at every moment. `mode` counts from its first byte.
///
/// # Errors
/// When the directory is missing, read-only or full; the old file is then untouched.
pub fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    write_new(path, mode, bytes).with_context(|| format!("could not write {}", path.display()))
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().context("a file without a directory")?;
    let mut new = tempfile::Builder::new()
        .prefix(NEW_PREFIX)
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(dir)?;
    new.write_all(bytes)?;
    // The umask may have taken bits away that the caller asked for.
    new.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|e| e.error)?;
    sync_dir(dir)
}

/// Removes a file and makes that durable; a missing one is fine.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_dir(path.parent().context("a file without a directory")?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("could not remove {}", path.display())),
    }
}

/// Makes a rename or removal in a directory survive a power cut.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).with_context(|| format!("could not sync {}", dir.display()))
}

/// Reads a state file; `None` when there is none.
///
/// # Errors
/// When it cannot be read or is not what this version understands.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("could not read {}", path.display())),
    };
    let schema = serde_json::from_slice::<Schema>(&bytes).map_or(SCHEMA, |seen| seen.schema);
    if schema > SCHEMA {
        let message = format!("{} was written by a newer tars (schema {schema})", path.display());
        return Err(Failure::new(Exit::Failed, message).hint("use that version of tars, or a newer one").into());
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let path = path.display();
        Failure::new(Exit::Failed, format!("{path} is damaged"))
            .hint(format!("move it away (mv {path} {path}.damaged), then run the same command again"))
            .caused_by(error)
            .into()
    })
}

/// What every state file has.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

/// Writes a state file as readable JSON.
///
/// # Errors
/// As [`write()`].
pub fn save<T: Serialize>(path: &Path, mode: u32, value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    write(path, mode, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Small {
        n: u32,
    }

    #[test]
    fn unknown_fields_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.json");
        std::fs::write(&path, r#"{"schema":1,"n":2,"later":true}"#).unwrap();
        let mut kept: Kept<Small> = load(&path).unwrap().unwrap();
        kept.data.n = 3;
        save(&path, 0o644, &kept).unwrap();
        let again: serde_json::Value = load(&path).unwrap().unwrap();
        assert_eq!(again, serde_json::json!({"schema": 1, "n": 3, "later": true}));
    }

    #[test]
    fn a_damaged_file_and_a_newer_one_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.json");
        for (text, said, hint) in [("{\"schema\":1,", "damaged", "mv "), ("{\"schema\":2,\"m\":1}", "newer", "newer")] {
            std::fs::write(&path, text).unwrap();
            let error = load::<Kept<Small>>(&path).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!(crate::error::hints_of(&error)[0].contains(hint));
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("f");
        assert!(write(&path, 0o600, b"x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_mode_is_exact() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        write(&path, 0o600, b"x").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }
}
