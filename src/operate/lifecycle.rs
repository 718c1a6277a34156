//! Starting and stopping the stack's containers.

use super::compose::Compose;
use super::lock::Lock;
use crate::context::Context;
use crate::docker::{Container, Docker, Status};
use crate::stack::{PROJECT_LABEL, Stack, service};
use anyhow::Result;
use futures_util::future::try_join_all;
use std::path::Path;

/// The longest grace period of any service, in seconds (Postgres writes its last checkpoint).
const GRACE_S: i32 = 90;

/// The containers of this home's project, whoever created them (compose by hand included). Those that another home
/// made under the same project name are not ours to touch.
///
/// # Errors
/// When the engine does not answer.
pub async fn containers(docker: &Docker, stack: &Stack) -> Result<Vec<Container>> {
    let mut found = docker.containers(&format!("{PROJECT_LABEL}={}", stack.project())).await?;
    found.retain(|container| stack.home.is(Path::new(container.home())));
    Ok(found)
}

/// The names of the services that run now.
///
/// # Errors
/// When the engine does not answer.
pub async fn running(docker: &Docker, stack: &Stack) -> Result<Vec<String>> {
    let containers = containers(docker, stack).await?;
    Ok(containers.iter().filter(|container| container.runs()).map(|container| container.service().to_owned()).collect())
}

/// Creates and starts these services, or all that the settings ask for when none is named. Containers that are in the
/// way go first.
///
/// # Errors
/// When compose or the engine refuses; the cause is their own words.
pub async fn up(context: &Context, lock: &Lock, compose: &Compose, only: &[&str]) -> Result<()> {
    clear_the_way(context).await?;
    let mut args = vec!["up", "-d", "--no-build"];
    if !only.is_empty() {
        args.push("--no-deps");
        args.extend(only);
    }
    compose.run(&context.stack, lock, &args, |line| context.ui.detail(line)).await
}

/// Creates the containers of every service that the settings ask for, and starts none.
///
/// # Errors
/// As [`up`].
pub async fn create(context: &Context, lock: &Lock, compose: &Compose) -> Result<()> {
    clear_the_way(context).await?;
    compose.run(&context.stack, lock, &["up", "--no-start", "--no-build"], |line| context.ui.detail(line)).await
}

/// Removes containers that compose would go on with wrongly: those of services that are no longer asked for, those that
/// an interrupted compose renamed (`fc8a7209b0c9_tars-home-backend`), and those on another volume than the settings
/// name, which v2 takes for up to date.
async fn clear_the_way(context: &Context) -> Result<()> {
    let (docker, stack) = (context.docker()?, &context.stack);
    let (project, wanted) = (stack.project(), stack.services());
    for container in containers(docker, stack).await? {
        let Some(service) = service::named(container.service()) else { continue };
        let asked_for = wanted.iter().any(|wanted| wanted.name == service.name);
        if !asked_for || container.name != service.container(project) || mounts_another(&container, stack).is_some() {
            docker.stop(&container.id, GRACE_S).await?;
            docker.remove_but_volumes(&container.id).await?;
        }
    }
    Ok(())
}

/// A volume that a container mounts where the settings name another one.
#[must_use]
pub fn mounts_another(container: &Container, stack: &Stack) -> Option<String> {
    let rows = service::named(container.service())?.volumes;
    let mounted = rows.iter().filter_map(|row| {
        let mount = container.mounts.iter().find(|mount| mount.destination == row.path)?;
        (mount.volume != stack.setting(row.setting)).then(|| mount.volume.clone())
    });
    mounted.into_iter().next()
}

/// Stops every container of the project: the backend first, then its stores side by side. They are not removed.
///
/// # Errors
/// When the engine cannot stop one.
pub async fn stop(context: &Context, docker: &Docker) -> Result<Vec<String>> {
    let containers = containers(docker, &context.stack).await?;
    stop_these(docker, &containers).await
}

/// As [`stop`], for these containers.
///
/// # Errors
/// When the engine cannot stop one.
pub async fn stop_these(docker: &Docker, containers: &[Container]) -> Result<Vec<String>> {
    let paused = containers.iter().filter(|container| container.status == Status::Paused);
    try_join_all(paused.map(|container| docker.unpause(&container.id))).await?;
    let (front, stores): (Vec<_>, Vec<_>) = containers
        .iter()
        .filter(|container| container.runs() || matches!(container.status, Status::Restarting | Status::Paused))
        .partition(|c| c.service() == "backend");
    for group in [&front, &stores] {
        try_join_all(group.iter().map(|container| docker.stop(&container.id, GRACE_S))).await?;
    }
    Ok(front.into_iter().chain(stores).map(|container| container.service().to_owned()).collect())
}
