//! Which file system a directory is on, in words that are the same after a reboot.
//!
//! Device numbers and most `statfs` ids are not: network file systems and many others get new ones with each mount,
//! disks with each boot. The kernel's list of mounts says what was mounted where (`proc_pid_mountinfo(5)`); for a disk the
//! UUID of its file system is better still, since `/dev/sdb1` may be another disk tomorrow.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mounted file system, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Its kind: `ext4`, `nfs4`, `cifs`, ….
    pub kind: String,
    /// What is mounted: `/dev/sda1`, `nas:/export`, `//nas/share`.
    pub source: String,
    /// Which directory of it: not `/` for a bind mount or a subvolume.
    pub root: String,
    /// What the file system itself is called, where that is known: another disk may get the same device's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

impl FileSystem {
    /// The one that holds an existing directory.
    ///
    /// # Errors
    /// When the directory or the list of mounts cannot be read.
    pub fn of(dir: &Path) -> Result<Self> {
        // Going there first makes an automounter mount it.
        std::fs::read_dir(dir).with_context(|| format!("could not open {}", dir.display()))?;
        let real = dir.canonicalize().with_context(|| format!("could not follow {}", dir.display()))?;
        let table = std::fs::read_to_string("/proc/self/mountinfo").context("could not read the list of mounts")?;
        let mut found = holding(&table, &real).with_context(|| format!("no mount holds {}", real.display()))?;
        found.uuid = own_id(&found.kind, dir).or_else(|| uuid(Path::new(&found.source)));
        Ok(found)
    }

    /// Whether it is the same one, perhaps mounted again. The device's name counts only while there is no better one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let same_thing = match (&self.uuid, &other.uuid) {
            (Some(uuid), Some(other)) => uuid == other,
            _ => self.source == other.source,
        };
        let place = |fs: &Self| (fs.mount_point.clone(), fs.kind.clone(), fs.root.clone());
        same_thing && place(self) == place(other)
    }
}

impl std::fmt::Display for FileSystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}) at {}", self.source, self.kind, self.mount_point.display())
    }
}

/// The mount that holds a path; of several on one point the last one hides the others.
fn holding(table: &str, path: &Path) -> Option<FileSystem> {
    let mounts = table.lines().filter_map(parse).filter(|mount| path.starts_with(&mount.mount_point));
    mounts.max_by_key(|mount| mount.mount_point.components().count())
}

/// One line: `36 35 98:0 /root /mount/point options [optional fields] - type source options`.
fn parse(line: &str) -> Option<FileSystem> {
    let mut words = line.split(' ');
    let (root, at) = (words.nth(3)?, words.next()?);
    let mut after = words.skip_while(|word| *word != "-").skip(1);
    Some(FileSystem {
        mount_point: PathBuf::from(unescaped(at)),
        root: unescaped(root).to_string_lossy().into_owned(),
        kind: after.next()?.to_owned(),
        source: unescaped(after.next()?).to_string_lossy().into_owned(),
        uuid: None,
    })
}

/// These make their `statfs` id of their UUID; udev, which knows the UUIDs of all, is not everywhere.
fn own_id(kind: &str, dir: &Path) -> Option<String> {
    let known = matches!(kind, "ext2" | "ext3" | "ext4" | "btrfs");
    let stat = known.then(|| rustix::fs::statvfs(dir).ok()).flatten()?;
    Some(format!("fsid:{:016x}", stat.f_fsid)).filter(|_| stat.f_fsid != 0)
}

fn uuid(source: &Path) -> Option<String> {
    let device = source.is_absolute().then(|| source.canonicalize().ok()).flatten()?;
    let links = std::fs::read_dir("/dev/disk/by-uuid").ok()?.flatten();
    let link = links.into_iter().find(|link| link.path().canonicalize().is_ok_and(|path| path == device))?;
    link.file_name().into_string().ok()
}

/// A blank, tab, newline or backslash stands there as `\040` and the like.
pub(crate) fn unescaped(word: &str) -> std::ffi::OsString {
    let (bytes, mut text, mut at) = (word.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let octal = (bytes[at] == b'\\').then(|| word.get(at + 1..at + 4)).flatten();
        let byte = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        text.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 4 } else { 1 };
    }
    std::ffi::OsString::from_vec(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /mnt/nas rw,relatime shared:7 master:1 - cifs //nas/back\\040up rw,vers=3.0
31 22 0:41 / /mnt/auto rw - autofs systemd-1 rw
32 31 0:42 / /mnt/auto rw - nfs4 nas:/export rw
33 22 254:0 /srv/x /mnt/bind rw - ext4 /dev/vda rw";

    #[test]
    fn the_innermost_and_last_mount_holds_a_path() {
        let of = |path: &str| holding(TABLE, Path::new(path)).unwrap();
        assert_eq!(of("/mnt/nas/b").source, "//nas/back up");
        assert_eq!(of("/mnt/nasty").source, "/dev/vda");
        assert_eq!(of("/mnt/auto/x").kind, "nfs4");
        assert_eq!((of("/mnt/bind").root.as_str(), of("/mnt/bind").kind.as_str()), ("/srv/x", "ext4"));
    }

    #[test]
    fn a_bare_mount_point_is_another_file_system() {
        let of = |path: &str| holding(TABLE, Path::new(path)).unwrap();
        let bare = holding(TABLE.lines().next().unwrap(), Path::new("/mnt/bind")).unwrap();
        assert!(!of("/mnt/bind").is(&bare), "even on the same disk");
        assert!(of("/mnt/nas").is(&of("/mnt/nas/b")));
    }

    #[test]
    fn a_disk_is_known_by_its_uuid_and_without_one_by_its_name() {
        let disk = |source: &str, uuid: Option<&str>| FileSystem {
            source: source.into(),
            uuid: uuid.map(str::to_owned),
            ..holding(TABLE, Path::new("/mnt/bind")).unwrap()
        };
        assert!(disk("/dev/sdb1", Some("a")).is(&disk("/dev/sdc1", Some("a"))));
        assert!(!disk("/dev/sdb1", Some("a")).is(&disk("/dev/sdb1", Some("b"))));
        assert!(disk("/dev/sdb1", None).is(&disk("/dev/sdb1", Some("a"))));
        assert!(!disk("/dev/sdb1", None).is(&disk("/dev/sdc1", None)));
    }

    #[test]
    fn this_machines_own_are_found() {
        let proc = FileSystem::of(Path::new("/proc")).unwrap();
        assert_eq!((proc.kind.as_str(), proc.uuid), ("proc", None));
        assert!(FileSystem::of(Path::new("/does/not/exist")).is_err());
    }
}
