//! Small file trees for the tests of the families.

use std::path::Path;

/// A directory that stands for `/`, with these files in it.
pub(crate) fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let file = dir.path().join(Path::new(path));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    dir
}

/// A running container of a project, with more labels.
pub(crate) fn container(name: &str, project: &str, labels: &[(&str, &str)]) -> crate::docker::Container {
    let mut container: crate::docker::Container = serde_json::from_value(serde_json::json!({
        "id": "0123", "name": name, "image": "i", "image_id": "sha256:1", "status": "running", "health": null, "exit_code": 0,
        "restarts": 0, "oom_killed": false, "pid": 1, "started_at": "", "labels": {}, "mounts": [], "ports": [],
    }))
    .unwrap();
    container.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    container.labels.insert(crate::stack::PROJECT_LABEL.to_owned(), project.to_owned());
    container
}

/// The settings that an env file of this content makes.
pub(crate) fn env(text: &str) -> super::Env {
    let home = root(&[("tars-home.env", text)]);
    let stack = crate::stack::Stack::read(crate::stack::home::Home::at(home.path()));
    super::env::look(&stack, &[]).unwrap()
}

impl super::Facts {
    /// A healthy machine with a healthy stack, a GPU and everything in place. Tests swap one fact.
    pub(crate) fn healthy() -> Self {
        let json = include_str!("healthy.json");
        serde_json::from_str(json).unwrap()
    }
}
