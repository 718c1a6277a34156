//! Archives and their sums: the only module that names `tar`, `flate2` and `sha2`. Knows nothing of Docker.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::io::Read;

/// The SHA-256 of everything a reader gives, in lower-case hex.
///
/// # Errors
/// When it cannot be read to its end.
pub fn sha256(mut from: impl Read) -> Result<String> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = from.read(&mut buffer).context("could not read what is to be summed")?;
        if n == 0 {
            return Ok(hex(&sum.finalize()));
        }
        sum.update(&buffer[..n]);
    }
}

/// The SHA-256 of bytes in memory, in lower-case hex.
#[must_use]
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

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
    fn sums_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(std::io::empty()).unwrap(), empty);
        assert_eq!(sha256_of(b""), empty);
    }

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
