//! Where images come from: the pinned ones of the registry, and the recipes that build their like from Debian's
//! and PyPI's packages where no registry can be reached.

use anyhow::{Context, Result, bail};

/// How to build one image inside a container of the base image. The script's own `#:` lines say the rest.
#[derive(Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Short name, also the value of the recipe label.
    pub name: &'static str,
    /// The shell script that runs as root inside the build container.
    pub script: &'static str,
}

/// Postgres 15 from Debian 12.
pub const POSTGRES: Recipe = Recipe { name: "postgres", script: include_str!("../../deploy/images/postgres.sh") };
/// Redis 7.0 from Debian 12.
pub const REDIS: Recipe = Recipe { name: "redis", script: include_str!("../../deploy/images/redis.sh") };
/// Chroma 1.5.9 from PyPI.
pub const CHROMA: Recipe = Recipe { name: "chroma", script: include_str!("../../deploy/images/chroma.sh") };

/// The host-side script that writes the base image's root file system as a tar to its standard output.
pub const BASE_SCRIPT: &str = include_str!("../../deploy/images/base.sh");
/// The base image that every recipe starts from.
pub const BASE_IMAGE: &str = "tars-home/base:bookworm";

impl Recipe {
    /// The image's name, from the script's `#: IMAGE` line.
    ///
    /// # Errors
    /// When the script has no such line; a unit test holds that the shipped ones do.
    pub fn image(&self) -> Result<&'static str> {
        self.header("IMAGE ").next().with_context(|| format!("recipe {} names no image", self.name))
    }

    /// The image's configuration as Dockerfile instructions, from the script's other `#:` lines.
    pub fn changes(&self) -> impl Iterator<Item = &'static str> {
        self.header("").filter(|line| !line.starts_with("IMAGE ") && !line.starts_with("STOPSIGNAL "))
    }

    /// The signal that stops the image's container, where the script names one.
    #[must_use]
    pub fn stop_signal(&self) -> Option<&'static str> {
        self.header("STOPSIGNAL ").next()
    }

    fn header(&self, prefix: &'static str) -> impl Iterator<Item = &'static str> {
        self.script.lines().filter_map(move |line| line.strip_prefix("#: ")?.strip_prefix(prefix)).map(str::trim)
    }
}

/// What made an image's data directory: family and major version; a volume may only be opened by its own.
///
/// `postgres:15-alpine` is ("alpine", 15), `tars-home/postgres:15-bookworm` is ("bookworm", 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The distribution under the server (its C library decides collation order).
    pub flavour: String,
    /// The server's major version.
    pub major: u32,
}

impl Family {
    /// Reads family and major from an image's name.
    ///
    /// # Errors
    /// When the tag does not begin with a number.
    pub fn of(image: &str) -> Result<Self> {
        let tag = image.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
        let tag = tag.with_context(|| format!("image {image} has no tag"))?;
        let (version, flavour) = tag.split_once('-').unwrap_or((tag, "debian"));
        let Ok(major) = version.split('.').next().unwrap_or_default().parse() else {
            bail!("the tag of image {image} does not begin with a version");
        };
        let flavour = flavour.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
        Ok(Self { flavour, major })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_flavour_and_major() {
        let family = |image| Family::of(image).unwrap();
        assert_eq!(family("postgres:15-alpine"), family("host:5000/postgres:15.19-alpine3.24"));
        assert_ne!(family("postgres:15-alpine"), family("tars-home/postgres:15-bookworm"));
        assert_ne!(family("postgres:15-alpine"), family("postgres:16-alpine"));
        assert!(Family::of("postgres:latest").is_err());
        assert!(Family::of("host:5000/postgres").is_err());
    }

    #[test]
    fn every_recipe_names_its_image_and_entrypoint() {
        for recipe in [&POSTGRES, &REDIS, &CHROMA] {
            assert!(recipe.image().unwrap().starts_with("tars-home/"), "{}", recipe.name);
            assert!(recipe.changes().any(|change| change.starts_with("ENTRYPOINT ")), "{}", recipe.name);
            assert!(recipe.changes().any(|change| change.contains("io.tars.recipe")), "{}", recipe.name);
        }
    }
}
