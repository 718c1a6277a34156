//! Starting and stopping the stack's containers.

use super::compose::Compose;
use super::lock::Lock;
use crate::context::Context;
use crate::docker::{Container, Docker};
use crate::stack::Stack;
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
    let mut found = docker.containers(&format!("com.docker.compose.project={}", stack.project())).await?;
    found.retain(|container| stack.home.is(Path::new(container.label("com.docker.compose.project.working_dir"))));
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

/// Creates and starts what the settings ask for; removes containers of services that they no longer ask for.
///
/// # Errors
/// When compose or the engine refuses; the cause is their own words.
pub async fn up(context: &Context, lock: &Lock, compose: &Compose) -> Result<()> {
    let docker = context.docker()?;
    let wanted = context.stack.services();
    for container in containers(docker, &context.stack).await? {
        let known = crate::stack::service::named(container.service()).is_some();
        if known && wanted.iter().all(|service| service.name != container.service()) {
            docker.stop(&container.id, GRACE_S).await?;
            docker.remove(&container.id).await?;
        }
    }
    compose.run(&context.stack, lock, &["up", "-d", "--no-build"], |line| context.ui.detail(line)).await
}

/// Stops every container of the project: the backend first, then its stores side by side. They are not removed.
///
/// # Errors
/// When the engine cannot stop one.
pub async fn stop(context: &Context, docker: &Docker) -> Result<Vec<String>> {
    let containers = containers(docker, &context.stack).await?;
    let (front, stores): (Vec<_>, Vec<_>) = containers
        .iter()
        .filter(|container| container.runs() || container.status == crate::docker::Status::Restarting)
        .partition(|c| c.service() == "backend");
    for group in [&front, &stores] {
        try_join_all(group.iter().map(|container| docker.stop(&container.id, GRACE_S))).await?;
    }
    Ok(front.into_iter().chain(stores).map(|container| container.service().to_owned()).collect())
}
