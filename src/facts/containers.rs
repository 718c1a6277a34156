//! The containers of this engine. Only those of the stack go into the facts; the rest serve to say who holds a port.

use crate::docker::{Container, Docker};
use crate::stack::STACK_LABEL;
use anyhow::Result;
use futures_util::future::try_join_all;
use std::path::Path;

/// Every container, running or not, whoever made it. One that goes away meanwhile is left out.
pub(super) async fn all(docker: &Docker) -> Result<Vec<Container>> {
    let names = docker.all_containers().await?;
    let inspected = try_join_all(names.iter().map(|(name, _)| docker.container(name))).await?;
    let mut all: Vec<_> = inspected.into_iter().flatten().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Whether a container belongs to this project's stack.
pub(super) fn ours(container: &Container, project: &str) -> bool {
    container.project() == project
}

/// Whether any version of this program made it, for whichever project.
pub(super) fn is_stack(container: &Container) -> bool {
    !container.label(STACK_LABEL).is_empty()
}

/// The other directories that this project's containers were made from, links resolved.
pub(super) fn other_homes(containers: &[Container], home: &Path) -> Vec<String> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let home = real(home);
    let dirs = containers.iter().map(Container::home).filter(|dir| !dir.is_empty());
    let mut others: Vec<_> = dirs.filter(|dir| real(Path::new(dir)) != home).map(str::to_owned).collect();
    others.sort();
    others.dedup();
    others
}

#[cfg(test)]
mod tests {
    use super::super::testing::container;
    use super::*;

    #[test]
    fn a_link_to_the_home_is_the_home() {
        let dir = tempfile::tempdir().unwrap();
        let (home, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::create_dir(&home).unwrap();
        std::os::unix::fs::symlink(&home, &link).unwrap();
        let from = |dir: &str| container("tars-home-redis", "tars-home", &[(crate::stack::HOME_LABEL, dir)]);
        let both = [from(link.to_str().unwrap()), from("/srv/other"), from("/srv/other")];
        assert_eq!(other_homes(&both, &home), ["/srv/other"]);
    }
}
