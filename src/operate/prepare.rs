//! What must be so before compose is called: the backend's image is this binary, and the settings name the compose
//! files and profiles that follow from them. Used by install, start and restart alike.

use super::{backend_image, docs_dir, gpu, images, settings, volumes};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::compose;
use crate::stack::service::Service;
use anyhow::Result;

/// Brings images and settings in line with this binary; writes the env file only when something changed. Returns why
/// the GPU is left out, when it was wanted.
///
/// # Errors
/// When an image is missing or must not open the data that is there, the engine cannot import the backend's, or the
/// home cannot be written. Nothing has been stopped then.
pub async fn prepare(context: &mut Context) -> Result<Option<String>> {
    volumes::refuse_foreign(context).await?;
    volumes::refuse_gone(context).await?;
    images_and_settings(context, &[]).await
}

/// As [`prepare`], for a run that is about to replace the volumes of these services: what is wrong with them is no
/// reason to refuse, and they may get another image than the data that they leave was made with.
///
/// # Errors
/// As [`prepare`], the volumes aside.
pub async fn images_and_settings(context: &mut Context, replaced: &[&str]) -> Result<Option<String>> {
    let (image, _) = backend_image::ensure(context.docker()?).await?;
    for service in context.stack.services().into_iter().filter(|service| service.name != "backend") {
        let chosen = context.stack.setting(service.image_setting);
        if !replaced.contains(&service.name) {
            images::guard_data(context, service, chosen).await?;
        }
        need_image(context, service, chosen).await?;
    }
    let (gpu, no_gpu) = gpu_for_containers(context, &image).await?;
    let env = context.stack.need_env()?.clone();
    let mut env = docs_dir::ensure(env, context.stack.home.path().to_owned()).await?;
    env.set("TARS_IMAGE_BACKEND", &image);
    let files = compose::file_list(&env, gpu);
    env.set("COMPOSE_FILE", &files);
    let profiles = compose::profiles(&env);
    env.set("COMPOSE_PROFILES", &profiles);
    if settings::write_env(&context.stack.home, &env)? {
        context.reread();
    }
    Ok(no_gpu)
}

/// The images that these settings name are there.
///
/// # Errors
/// Exit 69 naming the first that is not.
pub async fn need_images_of(context: &Context, settings: &[(String, String)]) -> Result<()> {
    for service in context.stack.services() {
        let named = settings.iter().find(|(key, _)| key == service.image_setting);
        if let Some((_, image)) = named.filter(|_| service.name != "backend") {
            need_image(context, service, image).await?;
        }
    }
    Ok(())
}

/// Compose would pull what is missing, and a name like `tars-home/postgres` could be anybody's in a registry.
async fn need_image(context: &Context, service: &Service, image: &str) -> Result<()> {
    if context.docker()?.image(image).await?.is_some() {
        return Ok(());
    }
    Err(Failure::new(Exit::Unavailable, format!("the image {image} of {} is not there any more", service.name))
        .hint("tars install gets it again; the data is untouched")
        .into())
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
