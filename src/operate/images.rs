//! Getting a service's image: already there, from the registry, from packages, or from a file.
//!
//! *Packages* are only for hosts where no registry can be reached at all. A registry that answers 429, or not in time,
//! is asked again and then reported: falling back would quietly give another image family.

use super::lock::Lock;
use super::{generations, packages};
use crate::context::Context;
use crate::docker::Docker;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::images::{Family, Recipe};
use crate::stack::service::Service;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where images are to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Already there, else the registry, else packages.
    Auto,
    /// The registry only.
    Registry,
    /// Debian's and PyPI's packages.
    Packages,
    /// A `docker save` archive, then what is there.
    File(PathBuf),
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "registry" => Ok(Self::Registry),
            "packages" => Ok(Self::Packages),
            "" => Err("expected auto, registry, packages or a file".to_owned()),
            file => Ok(Self::File(file.into())),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Registry => f.write_str("registry"),
            Self::Packages => f.write_str("packages"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

/// An image that is now in the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Its name, for the env file.
    pub image: String,
    /// How it came to be there, for the report: `already there`, `pulled`, `built from packages`.
    pub how: &'static str,
}

/// What a failed pull means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PullFailure {
    /// No registry can be reached from this host.
    Unreachable,
    /// The registry is there and may answer later.
    Later,
    /// The registry is there and says no.
    Refused,
}

/// How often a registry that may answer later is asked again, and how long to wait before each time.
const AGAIN: [Duration; 3] = [Duration::from_secs(3), Duration::from_secs(10), Duration::from_secs(30)];

/// Gets a service's image. `chosen` is what the env file holds; it is never changed here, only fetched.
///
/// # Errors
/// When the image cannot be had; [`Failure`] with the source's own words and what to do.
pub async fn get(context: &Context, lock: &Lock, service: &Service, chosen: &str, source: &Source) -> Result<Got> {
    let docker = context.docker()?;
    let candidates = candidates(service, chosen, source)?;
    for name in &candidates {
        if docker.image(name).await?.is_some() {
            return Ok(Got { image: name.clone(), how: "already there" });
        }
    }
    let recipe = service.recipe.filter(|recipe| recipe.image().is_ok_and(|name| candidates.iter().any(|c| c == name)));
    let Some(pullable) = candidates.iter().find(|name| recipe.is_none_or(|r| r.image().ok() != Some(name))) else {
        return build(context, lock, service, recipe).await;
    };
    if let Source::File(file) = source {
        return Err(Failure::new(
            Exit::Failed,
            format!("{} does not hold the image {}", file.display(), candidates.join(" or ")),
        )
        .hint(format!(
            "on a machine with a registry: docker pull {pullable}, then docker save -o FILE with all the images"
        ))
        .into());
    }
    match pull(context, pullable).await {
        Ok(()) => Ok(Got { image: pullable.clone(), how: "pulled" }),
        Err((PullFailure::Unreachable, error)) if recipe.is_some() => {
            context
                .ui
                .say(&format!("  no registry can be reached ({error:#}); building {} from packages", service.name));
            build(context, lock, service, recipe).await
        }
        Err((kind, error)) => Err(explain(pullable, kind).caused_by(error).into()),
    }
}

/// Loads a `docker save` archive into the engine.
///
/// # Errors
/// Exit 69 when there is no such file; 1 when the engine cannot load it.
pub async fn load(context: &Context, file: &Path) -> Result<Vec<String>> {
    let opened = tokio::fs::File::open(file).await.map_err(|error| {
        Failure::new(Exit::Unavailable, format!("the image file {} cannot be opened", file.display()))
            .hint("--images takes auto, registry, packages, or the path of a docker save archive")
            .caused_by(error)
    })?;
    let bytes = tokio_util::io::ReaderStream::with_capacity(opened, 1 << 18);
    context.docker()?.load(bytes).await
}

/// Whether every one of these services' images is there already, so that a file need not be loaded again.
///
/// # Errors
/// When the engine does not answer.
pub async fn all_there(context: &Context, services: &[&'static Service], source: &Source) -> Result<bool> {
    for service in services {
        let chosen = context.stack.setting(service.image_setting);
        let mut there = false;
        for name in candidates(service, chosen, source)? {
            there |= context.docker()?.image(&name).await?.is_some();
        }
        if !there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses an image that must not open the service's data.
///
/// # Errors
/// As [`refuse_other_family`]; also when the state cannot be understood.
pub async fn guard_data(context: &Context, service: &Service, image: &str) -> Result<()> {
    let Some(made_with) = generations::made_with(&context.stack, service)? else { return Ok(()) };
    let Some(volume) = service.volumes.first() else { return Ok(()) };
    if context.docker()?.volume(context.stack.setting(volume.setting)).await?.is_none() {
        return Ok(());
    }
    refuse_other_family(service, &made_with, image)
}

/// Refuses an image whose family or major is another one than its volume was made with.
///
/// # Errors
/// When they differ; the hint is the way over.
pub fn refuse_other_family(service: &Service, made_with: &str, chosen: &str) -> Result<()> {
    if made_with == chosen || service.recipe.is_none() {
        return Ok(());
    }
    // A name that tells no version (a digest, an image of the operator's own) cannot be judged and is the operator's.
    let (Ok(was), Ok(is)) = (Family::of(made_with), Family::of(chosen)) else { return Ok(()) };
    if was == is {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        format!("the data of {} was made with {made_with} and must not be opened with {chosen}: another family or major version damages it", service.name),
    )
    .hint(format!("put {}={made_with} back into the env file; the way over is a backup, then a restore into the new image", service.image_setting))
    .into())
}

/// The images that will do, best first.
fn candidates(service: &Service, chosen: &str, source: &Source) -> Result<Vec<String>> {
    let built = service.recipe.map(Recipe::image).transpose()?;
    let pinned = service.image;
    Ok(match (chosen, source) {
        ("", Source::Registry) => vec![pinned.to_owned()],
        ("", Source::Packages) => built.map(str::to_owned).into_iter().collect(),
        ("", Source::Auto | Source::File(_)) => {
            [Some(pinned), built].into_iter().flatten().map(str::to_owned).collect()
        }
        (chosen, _) => vec![chosen.to_owned()],
    })
}

async fn build(context: &Context, lock: &Lock, service: &Service, recipe: Option<&Recipe>) -> Result<Got> {
    let recipe = recipe.with_context(|| format!("{} is not in any package source", service.name))?;
    let (image, made) = packages::ensure(context, lock, recipe).await?;
    Ok(Got { image, how: if made { "built from packages" } else { "already there" } })
}

async fn pull(context: &Context, name: &str) -> Result<(), (PullFailure, anyhow::Error)> {
    let docker = context.docker().map_err(|error| (PullFailure::Refused, error))?;
    let mut waits = AGAIN.iter();
    loop {
        let error = match pull_once(context, docker, name).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let kind = classify(&format!("{error:#}"));
        match (kind, waits.next()) {
            (PullFailure::Later, Some(wait)) => {
                context.ui.say(&format!("  {name}: {error:#}; asking again in {} s", wait.as_secs()));
                // The registry offers nothing to wait for; it asks its clients to come back later.
                tokio::time::sleep(*wait).await;
            }
            _ => return Err((kind, error)),
        }
    }
}

async fn pull_once(context: &Context, docker: &Docker, name: &str) -> Result<()> {
    let mut bar = context.ui.bar(&format!("pulling {name}"));
    docker.pull(name, |pulling| bar.bytes(pulling.done, pulling.total)).await
}

/// Reads the engine's sentence; it has no code for the cause. Texts of Engine 20.10 and 28, tried one by one.
fn classify(text: &str) -> PullFailure {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "toomanyrequests",
        "429",
        "Too Many Requests",
        "status: 5",
        "502 Bad",
        "503 Service",
        "500 Internal",
        "TLS handshake timeout",
        "unexpected EOF",
        "connection reset",
        "Client.Timeout",
        "request canceled",
        "i/o timeout",
        "context deadline exceeded",
        ": EOF",
    ]) && !says(&["lookup "])
    {
        PullFailure::Later
    } else if says(&[
        "no such host",
        "server misbehaving",
        "network is unreachable",
        "connection refused",
        "no route to host",
        "lookup ",
    ]) {
        PullFailure::Unreachable
    } else {
        PullFailure::Refused
    }
}

fn explain(name: &str, kind: PullFailure) -> Failure {
    let exit = if kind == PullFailure::Unreachable { Exit::Unavailable } else { Exit::Failed };
    let failure = Failure::new(exit, format!("could not get the image {name}"));
    match kind {
        PullFailure::Unreachable => failure.hint(
            "check the network and the engine's proxy; without any registry: --images packages, or --images FILE with a docker save archive",
        ),
        PullFailure::Later => failure.hint("the registry is there but busy or slow: run the same command again later, it goes on where it stopped"),
        PullFailure::Refused => failure.hint("the registry refuses this image: check its name (TARS_IMAGE_* in the env file), docker login, and the host's certificates"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::service;

    #[test]
    fn only_an_absent_registry_counts_as_unreachable() {
        for (text, kind) in [
            ("Get \"https://r/v2/\": dial tcp: lookup r on 10.0.0.1:53: no such host", PullFailure::Unreachable),
            ("dial tcp 127.0.0.1:5: connect: connection refused", PullFailure::Unreachable),
            ("dial tcp: lookup r: i/o timeout", PullFailure::Unreachable),
            ("toomanyrequests: You have reached your pull rate limit", PullFailure::Later),
            ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", PullFailure::Later),
            ("received unexpected HTTP status: 503 Service Unavailable", PullFailure::Later),
            ("manifest for x:1 not found: manifest unknown", PullFailure::Refused),
            ("x509: certificate signed by unknown authority", PullFailure::Refused),
        ] {
            assert_eq!(classify(text), kind, "{text}");
        }
    }

    #[test]
    fn a_choice_is_never_replaced() {
        let postgres = service::named("postgres").unwrap();
        assert_eq!(candidates(postgres, "mine:15", &Source::Auto).unwrap(), ["mine:15"]);
        assert_eq!(candidates(postgres, "", &Source::Auto).unwrap().len(), 2);
        let ollama = service::named("ollama").unwrap();
        assert!(candidates(ollama, "", &Source::Packages).unwrap().is_empty());
    }

    #[test]
    fn another_family_is_refused_with_the_way_over() {
        let postgres = service::named("postgres").unwrap();
        assert!(refuse_other_family(postgres, "postgres:15-alpine", "postgres:15.19-alpine3.24").is_ok());
        let error = refuse_other_family(postgres, "tars-home/postgres:15-bookworm", "postgres:15-alpine").unwrap_err();
        assert!(crate::error::hints_of(&error)[0].contains("backup"));
    }
}
