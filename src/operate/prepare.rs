//! What must be so before compose is called: the backend's image is this binary, and the settings name the compose
//! files and profiles that follow from them. Used by install, start and restart alike.

use super::{backend_image, gpu, settings};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::compose;
use anyhow::Result;

/// What had to be decided on the way.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Whether the Ollama container will get the GPU.
    pub gpu: bool,
    /// Why not, when it was wanted.
    pub no_gpu: Option<String>,
    /// Whether the backend's image had to be made.
    pub backend_made: bool,
}

/// Brings images and settings in line with this binary; writes the env file only when something changed.
///
/// # Errors
/// When the engine cannot import the image or the home cannot be written.
pub async fn prepare(context: &mut Context) -> Result<Prepared> {
    let (image, backend_made) = backend_image::ensure(context.docker()?).await?;
    let (gpu, no_gpu) = gpu_for_containers(context, &image).await?;
    let mut env = context.stack.need_env()?.clone();
    env.set("TARS_IMAGE_BACKEND", &image);
    let files = compose::file_list(&env, gpu);
    env.set("COMPOSE_FILE", &files);
    let profiles = compose::profiles(&env);
    env.set("COMPOSE_PROFILES", &profiles);
    if settings::write_env(&context.stack.home, &env)? {
        context.reread();
    }
    Ok(Prepared { gpu, no_gpu, backend_made })
}

/// The stack must come up without a GPU: `auto` leaves it out when a throw-away container cannot see it.
async fn gpu_for_containers(context: &Context, image: &str) -> Result<(bool, Option<String>)> {
    let wanted = context.stack.setting("TARS_GPU");
    if wanted == "off"
        || context.stack.setting("TARS_LLM") != "container"
        || (wanted == "auto" && !gpu::driver_loaded())
    {
        return Ok((false, None));
    }
    match gpu::reaches_containers(context, image).await? {
        Ok(()) => Ok((true, None)),
        Err(why) if wanted == "on" => Err(Failure::new(Exit::Failed, "TARS_GPU=on, but no container can use the GPU")
            .hint("docs/INSTALL_HOME.md, \"GPU\", says what to try; TARS_GPU=auto goes on without it")
            .caused_by(anyhow::anyhow!(why))
            .into()),
        Err(why) => Ok((false, Some(why))),
    }
}
