//! Whether the backend's container sees the same file system as this machine: a container that was started before a mount
//! may go on with the empty folder below it.

use super::table;
use crate::docker::Container;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the backend has the documents' folder.
const INSIDE: &str = "/documents";

/// What the container sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The same file system.
    Same,
    /// Another one: the folder from before the mount, or the mount from before an unmount.
    Other,
    /// It is not the backend's folder, or no backend runs; why.
    NotAsked(String),
}

/// Compares the two views of a mount point.
#[must_use]
pub fn seen(root: &Path, docs: &Path, mount_point: &Path, backend: Option<&Container>) -> Seen {
    let Ok(below) = mount_point.strip_prefix(docs) else {
        return Seen::NotAsked("the backend does not read from there".to_owned());
    };
    let Some(backend) = backend.filter(|backend| backend.runs() && backend.pid > 0) else {
        return Seen::NotAsked("the backend does not run".to_owned());
    };
    let read = |pid: &str| std::fs::read_to_string(root.join("proc").join(pid).join("mountinfo"));
    let (Ok(host), Ok(inside)) = (read("self"), read(&backend.pid.to_string())) else {
        return Seen::NotAsked("only root sees what the backend sees".to_owned());
    };
    let inner = PathBuf::from(INSIDE).join(below);
    let device = |table: &str, path: &Path| table::holding(table, path).map(|mount| mount.device);
    match (device(&host, mount_point), device(&inside, &inner)) {
        (Some(here), Some(there)) if here == there => Seen::Same,
        _ => Seen::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(inside: &str) -> Seen {
        let root = tempfile::tempdir().unwrap();
        let write = |pid: &str, text: &str| {
            std::fs::create_dir_all(root.path().join("proc").join(pid)).unwrap();
            std::fs::write(root.path().join("proc").join(pid).join("mountinfo"), text).unwrap();
        };
        write("self", "1 0 254:0 / / rw - ext4 /dev/vda rw\n2 1 0:52 / /mnt/llm_docs ro - cifs //nas/docs rw\n");
        write("77", inside);
        let backend: Container = serde_json::from_value(serde_json::json!({
            "id": "0", "name": "b", "image": "i", "image_id": "i", "status": "running", "health": null, "exit_code": 0,
            "restarts": 0, "oom_killed": false, "pid": 77, "started_at": "", "labels": {}, "mounts": [], "ports": [],
        }))
        .unwrap();
        seen(root.path(), Path::new("/mnt/llm_docs"), Path::new("/mnt/llm_docs"), Some(&backend))
    }

    #[test]
    fn the_folder_from_before_the_mount_is_another_file_system() {
        assert_eq!(view("5 0 0:60 / / ro - overlay o ro\n6 5 0:52 / /documents ro - cifs //nas/docs rw\n"), Seen::Same);
        assert_eq!(
            view("5 0 0:60 / / ro - overlay o ro\n6 5 254:0 /mnt/llm_docs /documents ro - ext4 /dev/vda rw\n"),
            Seen::Other
        );
        let elsewhere = seen(Path::new("/"), Path::new("/mnt/llm_docs"), Path::new("/mnt/tars-backup"), None);
        assert!(matches!(elsewhere, Seen::NotAsked(_)));
    }
}
