//! What becomes of every place that a container of the project may write to: saved, left out for a reason, or
//! *uncovered*, and then the backup is not whole. Pure: containers and settings in, a list out.

use super::Asked;
use crate::docker::{Container, Mount};
use crate::stack::Stack;
use crate::stack::service::{self, State};
use std::collections::BTreeSet;

/// One mount of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The container's name.
    pub container: String,
    /// The directory in it.
    pub destination: String,
    /// The volume's name, or the directory on the host.
    pub source: String,
    /// What it is.
    pub kind: Kind,
    /// Whether the container may write to it.
    pub writable: bool,
    /// What becomes of it.
    pub fate: Fate,
}

/// What is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A volume with a name.
    Volume,
    /// A volume that the engine named itself.
    Anonymous,
    /// A directory of the host.
    Bind,
    /// Memory.
    Memory,
}

/// What becomes of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This component holds it.
    Saved(&'static str),
    /// It is left out, and why.
    Excluded(String),
    /// Nobody knows what it is: it may hold data that nothing saves.
    Uncovered,
}

/// Every mount of these containers. A mount that several containers share is listed for each of them.
#[must_use]
pub fn of(stack: &Stack, containers: &[Container], asked: Asked) -> Vec<Covered> {
    let one = |container: &Container, mount: &Mount| Covered {
        container: container.name.clone(),
        destination: mount.destination.clone(),
        source: if mount.volume.is_empty() { mount.source.clone() } else { mount.volume.clone() },
        kind: kind(mount),
        writable: mount.writable,
        fate: fate(stack, container, mount, asked),
    };
    containers.iter().flat_map(|container| container.mounts.iter().map(move |mount| one(container, mount))).collect()
}

/// What is uncovered, once each: `tars-home-x: /data (volume y)`.
#[must_use]
pub fn uncovered(mounts: &[Covered]) -> Vec<String> {
    let open = mounts.iter().filter(|mount| mount.fate == Fate::Uncovered);
    let said: BTreeSet<_> =
        open.map(|mount| format!("{}: {} ({})", mount.container, mount.destination, mount.source)).collect();
    said.into_iter().collect()
}

fn kind(mount: &Mount) -> Kind {
    let by_engine = mount.volume.len() == 64 && mount.volume.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (mount.volume.is_empty(), mount.source.is_empty()) {
        (true, true) => Kind::Memory,
        (true, false) => Kind::Bind,
        (false, _) if by_engine => Kind::Anonymous,
        (false, _) => Kind::Volume,
    }
}

fn fate(stack: &Stack, container: &Container, mount: &Mount, asked: Asked) -> Fate {
    let row = service::named(container.service());
    let volume = row.and_then(|row| row.volumes.iter().find(|volume| mounts(stack, volume, mount)).map(|v| (row, v)));
    match volume {
        Some((row, volume)) => known(row, volume, asked),
        None if mount.destination == "/documents"
            && !mount.writable
            && row.is_some_and(|row| row.name == "backend") =>
        {
            Fate::Excluded("the folder of documents is the operator's own, mounted read-only".to_owned())
        }
        None if !mount.writable => Fate::Excluded("mounted read-only".to_owned()),
        None if kind(mount) == Kind::Memory => Fate::Excluded("held in memory only".to_owned()),
        // A second container on a volume that another service's row covers (a tool of the operator's).
        None => elsewhere(stack, mount, asked).unwrap_or(Fate::Uncovered),
    }
}

fn mounts(stack: &Stack, volume: &service::Volume, mount: &Mount) -> bool {
    mount.volume == stack.setting(volume.setting) && mount.destination == volume.path
}

fn elsewhere(stack: &Stack, mount: &Mount, asked: Asked) -> Option<Fate> {
    let same = |volume: &service::Volume| !mount.volume.is_empty() && mount.volume == stack.setting(volume.setting);
    service::volumes().find(|(_, volume)| same(volume)).map(|(row, volume)| known(row, volume, asked))
}

fn known(row: &service::Service, volume: &service::Volume, asked: Asked) -> Fate {
    let (component, wanted, without) = match row.state {
        Some(State::Dump) => (super::POSTGRES, asked.postgres, "--skip-postgres"),
        Some(State::Snapshot) => (super::REDIS, asked.redis, "--skip-redis"),
        Some(State::Models) => (super::MODELS, asked.models, "models can be pulled again; --include-models takes them"),
        Some(State::Directory) if row.name == "chromadb" => (super::CHROMADB, asked.chromadb, "--skip-chromadb"),
        Some(State::Directory) if volume.key == "documents" => (super::DOCUMENTS, true, ""),
        _ => ("", false, "logs are not data"),
    };
    if wanted { Fate::Saved(component) } else { Fate::Excluded(without.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::home::Home;
    use serde_json::json;

    fn stack() -> (tempfile::TempDir, Stack) {
        let (dir, home) = Home::temporary();
        let env = crate::operate::settings::completed(None, "p").unwrap();
        crate::operate::settings::write_env(&home, &env).unwrap();
        (dir, Stack::read(home))
    }

    fn container(service: &str, mounts: &[(&str, &str, &str, bool)]) -> Container {
        let mounts: Vec<_> = mounts
            .iter()
            .map(|(volume, source, destination, writable)| {
                json!({"volume": volume, "source": source, "destination": destination, "writable": writable})
            })
            .collect();
        serde_json::from_value(json!({
            "id": service, "name": format!("p-{service}"), "image": "i", "image_id": "i", "status": "running",
            "health": null, "exit_code": 0, "restarts": 0, "oom_killed": false, "pid": 1, "started_at": "",
            "labels": {"com.docker.compose.service": service}, "mounts": mounts, "ports": []
        }))
        .unwrap()
    }

    fn fates(service: &str, mounts: &[(&str, &str, &str, bool)], asked: Asked) -> Vec<Fate> {
        let (_dir, stack) = stack();
        of(&stack, &[container(service, mounts)], asked).into_iter().map(|covered| covered.fate).collect()
    }

    #[test]
    fn the_rows_volumes_are_saved_and_logs_and_the_documents_folder_are_not() {
        let asked = Asked::default();
        assert_eq!(fates("chromadb", &[("p_chroma_data", "/v", "/data", true)], asked), [Fate::Saved("chromadb")]);
        let backend = fates(
            "backend",
            &[
                ("p_documents", "/v", "/var/lib/tars/documents", true),
                ("p_backend_logs", "/v", "/var/log/tars", true),
                ("", "/mnt/llm_docs", "/documents", false),
            ],
            asked,
        );
        assert_eq!(backend[0], Fate::Saved("documents"));
        assert!(matches!(&backend[1], Fate::Excluded(why) if why.contains("logs")));
        assert!(matches!(&backend[2], Fate::Excluded(why) if why.contains("read-only")));
    }

    #[test]
    fn what_nobody_knows_is_uncovered() {
        let anonymous = "0123456789abcdef".repeat(4);
        let asked = Asked::default();
        let mounts = [
            (anonymous.as_str(), "/v", "/var/lib/x", true),
            ("", "/srv/own", "/own", true),
            ("mine", "/v", "/mine", true),
            ("", "/etc/localtime", "/etc/localtime", false),
            ("", "", "/tmp", true),
        ];
        let fates = fates("redis", &mounts, asked);
        assert_eq!(fates[..3], [Fate::Uncovered, Fate::Uncovered, Fate::Uncovered]);
        assert!(fates[3..].iter().all(|fate| matches!(fate, Fate::Excluded(_))), "{fates:?}");
    }

    #[test]
    fn a_volume_at_another_place_than_its_rows_is_still_that_volume_and_a_skipped_one_says_the_flag() {
        let asked = Asked { chromadb: false, models: true, ..Asked::default() };
        let other = fates("pgadmin", &[("p_postgres_data", "/v", "/pg", true)], asked);
        assert_eq!(other, [Fate::Saved("postgres")]);
        let skipped = fates("chromadb", &[("p_chroma_data", "/v", "/data", true)], asked);
        assert_eq!(skipped, [Fate::Excluded("--skip-chromadb".into())]);
        assert_eq!(fates("ollama", &[("p_ollama_data", "/v", "/root/.ollama", true)], asked), [Fate::Saved("models")]);
    }
}
