//! The home directory: where everything of one installation stands, and how it is found.
//!
//! Order: `--home`, `TARS_HOME`, the running stack's own label, `/opt/tars`, `$XDG_DATA_HOME/tars`.

use anyhow::{Context, Result};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where root installs.
pub const SYSTEM: &str = "/opt/tars";

/// What an installed home has below it.
pub const DIRECTORIES: [&str; 3] = ["state", "backups", "support"];

/// A home directory; it may not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// A home at a path, made absolute without touching the disk.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()) }
    }

    /// The home that flag, environment, running containers or the default places name, in this order.
    ///
    /// `label` is the working directory that the stack's containers were created from, if any run.
    #[must_use]
    pub fn find(flag: Option<&Path>, label: Option<&Path>, root: bool) -> Self {
        let user = user_home();
        let installed = |home: &Home| home.env_file().exists() || home.state().exists();
        let named = flag
            .map(Path::to_owned)
            .or_else(|| std::env::var_os("TARS_HOME").filter(|v| !v.is_empty()).map(PathBuf::from));
        if let Some(path) = named.or_else(|| label.map(Path::to_owned)) {
            return Self::at(&path);
        }
        let system = Self::at(Path::new(SYSTEM));
        match user.map(|path| Self::at(&path)) {
            Some(user) if !root && (installed(&user) || !installed(&system)) => user,
            _ => system,
        }
    }

    /// A new home that goes with its first half, for tests.
    #[cfg(test)]
    pub(crate) fn temporary() -> (tempfile::TempDir, Self) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let home = Self::at(dir.path());
        home.create().expect("a home in it");
        (dir, home)
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path is this home, links followed.
    #[must_use]
    pub fn is(&self, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        path == self.path || real(path) == real(&self.path)
    }

    /// `tars-home.env`, 0600: settings and secrets.
    #[must_use]
    pub fn env_file(&self) -> PathBuf {
        self.path.join("tars-home.env")
    }

    /// `.env`, the link that makes `docker compose` typed by hand do what `tars` does.
    #[must_use]
    pub fn env_link(&self) -> PathBuf {
        self.path.join(".env")
    }

    /// `state/`: lock, journal, generations, runs.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// A file in `state/`.
    #[must_use]
    pub fn state_file(&self, name: &str) -> PathBuf {
        self.state().join(name)
    }

    /// The directories of a home, made where missing; what exists keeps its mode.
    ///
    /// # Errors
    /// When one cannot be made (read-only or full disk, no permission).
    pub fn create(&self) -> Result<()> {
        let below = DIRECTORIES.iter().map(|name| self.path.join(name));
        for dir in std::iter::once(self.path.clone()).chain(below) {
            // Readable for members of the docker group, who may see the state without sudo; the env file is 0600.
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&dir)
                .with_context(|| format!("could not make the directory {}", dir.display()))?;
        }
        Ok(())
    }
}

fn user_home() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("tars"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_label() {
        let (flag, label) = (Path::new("/a"), Path::new("/b"));
        assert_eq!(Home::find(Some(flag), Some(label), true).path(), flag);
        assert_eq!(Home::find(None, Some(label), true).path(), label);
    }

    #[test]
    fn the_files_stand_in_the_home() {
        let home = Home::at(Path::new("/srv/t"));
        assert_eq!(home.env_file(), Path::new("/srv/t/tars-home.env"));
        assert_eq!(home.state_file("journal.json"), Path::new("/srv/t/state/journal.json"));
    }
}
