//! Whether this machine's kernel can mount such a share. It must be asked: a container's or a cloud's kernel often cannot,
//! and `mount` then says "No such device", which nobody takes for that.

use super::Kind;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::{child, program};
use anyhow::Result;
use std::path::Path;
use std::time::Duration;

/// Loads the file system's module where it is not there yet.
///
/// # Errors
/// Exit 69 when the kernel has none.
pub async fn need(kind: Kind) -> Result<()> {
    if knows(Path::new("/"), kind) {
        return Ok(());
    }
    if program::here("modprobe").is_some() {
        // Its words are worth less than the look afterwards.
        child::ask("modprobe", &[module(kind)], Duration::from_secs(10)).await.ok();
    }
    if knows(Path::new("/"), kind) {
        return Ok(());
    }
    let name = kind.name().to_uppercase();
    Err(Failure::new(Exit::Unavailable, format!("this kernel cannot mount {name}: it has no module \"{}\"", module(kind)))
        .hint(
            "install the kernel's extra modules (Ubuntu: sudo apt-get install linux-modules-extra-$(uname -r)); in a container \
             or where there are none, mount the share on the host or copy the documents into TARS_DOCS_DIR",
        )
        .into())
}

const fn module(kind: Kind) -> &'static str {
    match kind {
        Kind::Cifs => "cifs",
        Kind::Nfs => "nfsv4",
    }
}

/// Whether the kernel under `root` lists the file system.
fn knows(root: &Path, kind: Kind) -> bool {
    let list = std::fs::read_to_string(root.join("proc/filesystems")).unwrap_or_default();
    let wanted: &[&str] = match kind {
        Kind::Cifs => &["cifs", "smb3"],
        Kind::Nfs => &["nfs", "nfs4"],
    };
    list.lines().filter_map(|line| line.split_whitespace().last()).any(|name| wanted.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_list_counts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        std::fs::write(dir.path().join("proc/filesystems"), "nodev\tproc\n\text4\nnodev\tcifs\n").unwrap();
        assert!(knows(dir.path(), Kind::Cifs) && !knows(dir.path(), Kind::Nfs));
    }
}
