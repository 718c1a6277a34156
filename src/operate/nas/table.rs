//! The kernel's list of mounts (`proc_pid_mountinfo(5)`): what is mounted at a place, and which device a path is on.

use crate::operate::keeping::mounts::unescaped;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where.
    pub at: PathBuf,
    /// `major:minor`: the same number is the same mounted file system, whoever sees it.
    pub device: String,
    /// Its kind: `cifs`, `nfs4`, `ext4`, ….
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Whether it may be written to.
    pub read_write: bool,
}

/// The mount exactly at a place; of several the last, which hides the others. An automounter's own is none.
#[must_use]
pub fn at(table: &str, place: &Path) -> Option<Mount> {
    table.lines().filter_map(parse).rfind(|mount| mount.at == place && mount.kind != "autofs")
}

/// The mount that holds a path.
#[must_use]
pub fn holding(table: &str, path: &Path) -> Option<Mount> {
    let mounts = table.lines().filter_map(parse).filter(|mount| path.starts_with(&mount.at) && mount.kind != "autofs");
    mounts.max_by_key(|mount| mount.at.components().count())
}

/// One line: `36 35 98:0 /root /mount/point options [optional fields] - type source options`.
fn parse(line: &str) -> Option<Mount> {
    let words: Vec<_> = line.split(' ').collect();
    let dash = words.iter().skip(6).position(|word| *word == "-")? + 6;
    Some(Mount {
        device: (*words.get(2)?).to_owned(),
        at: PathBuf::from(unescaped(words.get(4)?)),
        kind: (*words.get(dash + 1)?).to_owned(),
        source: unescaped(words.get(dash + 2)?).to_string_lossy().into_owned(),
        read_write: words.get(5)?.split(',').any(|option| option == "rw"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 0:41 / /mnt/llm_docs rw shared:9 - autofs systemd-1 rw,fd=41
32 31 0:52 / /mnt/llm_docs ro,nosuid shared:10 - cifs //nas/my\\040docs rw,vers=3.1.1
40 22 0:53 / /srv rw - tmpfs none rw";

    #[test]
    fn the_mount_behind_an_automounter_is_found() {
        let mount = at(TABLE, Path::new("/mnt/llm_docs")).unwrap();
        assert_eq!((mount.source.as_str(), mount.device.as_str(), mount.read_write), ("//nas/my docs", "0:52", false));
        assert_eq!(at(TABLE, Path::new("/mnt")), None);
        assert_eq!(holding(TABLE, Path::new("/mnt/llm_docs/a")).unwrap().device, "0:52");
        assert_eq!(holding(TABLE, Path::new("/mnt/other")).unwrap().device, "254:0");
    }
}
