//! Tars of a few entries, made in memory: root file systems of images, a file for a container.

use anyhow::{Context, Result};

/// One entry of a small root file system.
#[derive(Debug)]
pub enum Item {
    /// A file with its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
}

/// A tar of a few entries: path, mode, owner (used for user and group), content. Times are zero, so that equal
/// content gives equal bytes.
///
/// # Errors
/// When a path is too long for the format.
pub fn small_tar(entries: &[(&str, u32, u32, Item)]) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, owner, item) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(u64::from(*owner));
        header.set_gid(u64::from(*owner));
        header.set_mtime(0);
        let content: &[u8] = match item {
            Item::File(content) => content,
            Item::Directory => &[],
        };
        header.set_entry_type(if matches!(item, Item::File(_)) {
            tar::EntryType::Regular
        } else {
            tar::EntryType::Directory
        });
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content).with_context(|| format!("could not pack {path}"))?;
    }
    tar.into_inner().context("could not finish the tar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_tar_keeps_modes_and_owners() {
        let bytes =
            small_tar(&[("d", 0o1777, 0, Item::Directory), ("d/f", 0o755, 10001, Item::File(b"x".to_vec()))]).unwrap();
        let mut tar = tar::Archive::new(bytes.as_slice());
        let seen: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|e| {
                let e = e.unwrap();
                (e.header().mode().unwrap(), e.header().uid().unwrap(), e.size())
            })
            .collect();
        assert_eq!(seen, [(0o1777, 0, 0), (0o755, 10001, 1)]);
    }
}
