//! One version everywhere: this binary, the backend's image, the home's files, the binary that units start.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Facts, NotKnown, Shape};

pub(super) const VERSION: Check = Check {
    id: "update.version",
    title: "binary, backend and home are of one version",
    preflight: false,
    ask: version,
};

fn version(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let (versions, files) = (facts.versions.known()?, facts.files.known()?);
    let mut found = Vec::new();
    let backend = facts.containers.known()?.iter().find(|container| container.service() == "backend");
    let runs = backend.map_or_else(|| env.get("TARS_IMAGE_BACKEND"), |container| container.image.as_str());
    if !runs.is_empty() && runs != versions.image {
        let problem = format!(
            "the backend is {runs}, this tars stands for {}: the two may not understand each other",
            versions.image
        );
        let hint = "bring the backend to this version: sudo tars restart; or use the other tars";
        found.push(Finding::warn("backend", problem, hint).fix(Fix::RestartStack));
    }
    let older: Vec<_> =
        files.shapes.iter().filter(|(_, shape)| **shape == Shape::Older).map(|(name, _)| name.as_str()).collect();
    if !older.is_empty() {
        let problem = format!("{} in the home are of another version of tars", older.join(", "));
        found.push(
            Finding::warn("compose files", problem, "write this version's: sudo tars install").fix(Fix::WriteCompose),
        );
    }
    if let Some(installed) = versions.installed.as_ref().filter(|installed| **installed != versions.binary) {
        let problem = format!(
            "{} is version {installed}, this is {}: units and cron lines start that one",
            crate::operate::unit::BINARY,
            versions.binary
        );
        found.push(Finding::warn(crate::operate::unit::BINARY, problem, "install this one there: sudo tars install"));
    }
    Ok(found.into())
}
