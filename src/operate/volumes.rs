//! The stack's volumes before anything opens them: nobody else's, and none of them gone.

use super::generations;
use crate::context::Context;
use crate::docker::Volume;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::{Stack, service};
use anyhow::Result;

/// Refuses volumes that another stack uses: two servers on one volume damage it.
///
/// # Errors
/// The first such volume, with the way out.
pub async fn refuse_foreign(context: &Context) -> Result<()> {
    let (docker, stack) = (context.docker()?, &context.stack);
    let users = docker.containers(crate::stack::STACK_LABEL).await?;
    for (_, volume) in service::volumes() {
        let name = stack.setting(volume.setting);
        let mounted = |container: &&crate::docker::Container| {
            container.project() != stack.project() && container.mounts.iter().any(|mount| mount.volume == name)
        };
        let other = match users.iter().find(mounted) {
            Some(container) => Some(container.project().to_owned()),
            None => docker.volume(name).await?.and_then(|there| owner(&there).filter(|owner| owner != stack.project())),
        };
        if let Some(other) = other {
            return Err(Failure::new(
                Exit::Failed,
                format!("the volume {name} ({}) belongs to the stack {other}", volume.setting),
            )
            .hint(format!(
                "give this stack its own: leave {} and its siblings empty in the env file, then run tars install",
                volume.setting
            ))
            .into());
        }
    }
    Ok(())
}

/// The project whose compose made a volume, where it says so.
#[must_use]
pub fn owner(volume: &Volume) -> Option<String> {
    volume.labels.get(crate::stack::PROJECT_LABEL).cloned()
}

/// The volumes that once held data and are gone: a start would make empty ones in their place, without a word.
///
/// # Errors
/// When the engine or the state cannot be asked.
pub async fn gone(docker: &crate::docker::Docker, stack: &Stack) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    if generations::filled(stack)? {
        for (service, volume) in service::volumes() {
            let name = stack.setting(volume.setting);
            // Only what holds data that nothing else can give back.
            if volume.generations && stack.services().contains(&service) && docker.volume(name).await?.is_none() {
                gone.push(name.to_owned());
            }
        }
    }
    Ok(gone)
}

/// Refuses to start on empty volumes in the place of full ones.
///
/// # Errors
/// Naming the volumes, with the two ways to go on.
pub async fn refuse_gone(context: &Context) -> Result<()> {
    let gone = gone(context.docker()?, &context.stack).await?;
    let Some(first) = gone.first() else { return Ok(()) };
    Err(Failure::new(Exit::Failed, format!("data is gone: the volume {} does not exist any more", gone.join(" and ")))
        .hint(format!(
            "bring it back from a copy; or go on with an empty one, and make it yourself: docker volume create {first}"
        ))
        .into())
}
