//! Finding a program without starting it, and reading this one.

use anyhow::{Context, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where administration tools stand even when `PATH` of this user does not say so.
const ALSO: [&str; 5] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/snap/bin"];

/// The first executable of that name in `PATH` or the usual places, under `root`.
#[must_use]
pub fn find(root: &Path, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).filter(|dir| dir.is_absolute()).chain(ALSO.iter().map(PathBuf::from));
    dirs.map(|dir| under(root, &dir).join(name)).find(|file| executable(file))
}

/// The same on this machine.
#[must_use]
pub fn here(name: &str) -> Option<PathBuf> {
    find(Path::new("/"), name)
}

/// The bytes of this very program, also when its file has been replaced meanwhile.
///
/// # Errors
/// When they cannot be read.
pub fn own() -> Result<Vec<u8>> {
    std::fs::read("/proc/self/exe").context("could not read this program's own file")
}

/// An absolute path as it stands under another root.
#[must_use]
pub fn under(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn executable(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_run_is_found() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
        std::fs::write(root.path().join("usr/sbin/dockerd"), "").unwrap();
        assert_eq!(find(root.path(), "dockerd"), None);
        let file = root.path().join("usr/sbin/dockerd");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(root.path(), "dockerd"), Some(file));
    }
}
