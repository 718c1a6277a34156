//! Which of the stack's images this engine already has.

use super::env::Env;
use crate::docker::Docker;
use crate::stack::service::Service;
use anyhow::Result;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

/// The image of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The service.
    pub service: String,
    /// The name that would do, the best one first: the setting's, else the registry's and the one built from packages.
    pub names: Vec<String>,
    /// Which of them is there.
    pub present: Option<String>,
    /// Its bytes on the disk.
    pub bytes: Option<u64>,
    /// Its id.
    #[serde(default)]
    pub id: Option<String>,
    /// The recipe that it was built with, where it says so.
    #[serde(default)]
    pub recipe: Option<String>,
}

/// Asks the engine for the image of every service that may run.
pub(super) async fn look(docker: &Docker, env: &Env) -> Result<Vec<Image>> {
    try_join_all(env.services().map(|service| one(docker, service, names(service, env.get(service.image_setting)))))
        .await
}

async fn one(docker: &Docker, service: &Service, names: Vec<String>) -> Result<Image> {
    let there = try_join_all(names.iter().map(|name| docker.image(name))).await?;
    let found = names.iter().zip(there).find_map(|(name, image)| Some((name.clone(), image?)));
    let (present, image) = found.unzip();
    Ok(Image {
        service: service.name.to_owned(),
        names,
        present,
        bytes: image.as_ref().map(|image| image.bytes),
        id: image.as_ref().map(|image| image.id.clone()),
        recipe: image.and_then(|image| image.labels.get(crate::stack::RECIPE_LABEL).cloned()),
    })
}

fn names(service: &Service, chosen: &str) -> Vec<String> {
    if !chosen.is_empty() {
        return vec![chosen.to_owned()];
    }
    let built = service.recipe.and_then(|recipe| recipe.image().ok());
    [service.image].into_iter().chain(built).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::service::named;

    #[test]
    fn a_chosen_image_is_the_only_one_that_will_do() {
        let redis = named("redis").unwrap();
        assert_eq!(names(redis, "mine:1"), ["mine:1"]);
        assert_eq!(names(redis, "").len(), 2);
        assert!(names(named("backend").unwrap(), "").is_empty());
    }
}
