//! The old bash deployment: its containers are called `tars-home-*` like ours, but belong to another compose project
//! (mostly `deploy`, the name of its folder), and so do its volumes.

use super::containers::is_stack;
use crate::docker::{Container, Volume};
use crate::operate::program::under;
use crate::stack::HOME_LABEL;
use crate::stack::RUN_LABEL;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is left of the old deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legacy {
    /// Its compose project; empty when only volumes are left.
    pub project: String,
    /// Its containers and whether each runs.
    pub containers: Vec<(String, bool)>,
    /// Its volumes.
    pub volumes: Vec<String>,
    /// The folder it was started from.
    pub folder: Option<PathBuf>,
    /// Its env file, where one stands there.
    pub env_file: Option<PathBuf>,
}

/// Looks for it; `None` when there is nothing of it.
pub(super) fn look(root: &Path, project: &str, containers: &[Container], volumes: &[Volume]) -> Option<Legacy> {
    let old: Vec<_> = containers.iter().filter(|container| is_legacy(container, project)).collect();
    let label = |key: &str| old.iter().map(|container| container.label(key)).find(|value| !value.is_empty());
    let its_project = label(crate::stack::PROJECT_LABEL).unwrap_or_default();
    let volumes = its_volumes(its_project, volumes);
    let folder = label(HOME_LABEL).map(PathBuf::from);
    let named = label("com.docker.compose.project.environment_file").map(PathBuf::from);
    let beside = folder.as_ref().map(|folder| folder.join("tars-home.env"));
    let env_file = named.into_iter().chain(beside).find(|file| under(root, file).is_file());
    let containers: Vec<_> = old.iter().map(|container| (container.name.clone(), container.runs())).collect();
    let legacy = Legacy { project: its_project.to_owned(), containers, volumes, folder, env_file };
    (!legacy.containers.is_empty() || !legacy.volumes.is_empty()).then_some(legacy)
}

fn is_legacy(container: &Container, project: &str) -> bool {
    let by_name = container.name.starts_with("tars-home-") && container.project() != project;
    by_name && !is_stack(container) && container.label(RUN_LABEL).is_empty()
}

/// Other stacks live in folders called `deploy` too: without a container, only the telling pair of names counts.
fn its_volumes(project: &str, volumes: &[Volume]) -> Vec<String> {
    let has = |name: &str| volumes.iter().any(|volume| volume.name == name);
    let prefix = match project {
        "" if has("deploy_chroma_data") && has("deploy_ollama_data") => "deploy_",
        "" => return Vec::new(),
        project => &format!("{project}_"),
    };
    let known = ["chroma_data", "ollama_data", "postgres_data", "redis_data", "backend_logs", "documents"];
    let is = |name: &str| name.strip_prefix(prefix).is_some_and(|key| known.contains(&key));
    volumes.iter().filter(|volume| is(&volume.name)).map(|volume| volume.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{container, root};
    use super::*;
    use crate::stack::STACK_LABEL;
    use std::collections::BTreeMap;

    fn volumes(names: &[&str]) -> Vec<Volume> {
        let volume =
            |name: &&str| Volume { name: (*name).to_owned(), mountpoint: String::new(), labels: BTreeMap::new() };
        names.iter().map(volume).collect()
    }

    #[test]
    fn the_old_deployment_is_found_with_its_env_file() {
        let root = root(&[("srv/deploy/tars-home.env", "")]);
        let old = container("tars-home-postgres", "deploy", &[(HOME_LABEL, "/srv/deploy")]);
        let found =
            look(root.path(), "tars-home", &[old], &volumes(&["deploy_postgres_data", "other_redis_data"])).unwrap();
        assert_eq!(found.containers, [("tars-home-postgres".to_owned(), true)]);
        assert_eq!(found.volumes, ["deploy_postgres_data"]);
        assert_eq!(found.env_file.unwrap(), Path::new("/srv/deploy/tars-home.env"));
    }

    #[test]
    fn our_own_and_strangers_are_not_taken_for_it() {
        let ours = container("tars-home-redis", "tars-home", &[]);
        let second = container("tars-home-redis", "tars-home", &[(STACK_LABEL, "1")]);
        assert_eq!(
            look(Path::new("/"), "tars-home", &[ours], &volumes(&["deploy_postgres_data", "deploy_redis_data"])),
            None
        );
        assert_eq!(look(Path::new("/"), "tars-test", &[second], &[]), None);
        assert!(
            look(Path::new("/"), "tars-home", &[], &volumes(&["deploy_chroma_data", "deploy_ollama_data"])).is_some()
        );
    }
}
