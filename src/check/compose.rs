//! Docker Compose.

use super::engine::major_minor;
use super::{Answer, Check, Finding, Fix};
use crate::facts::{Engine, Facts, NotKnown};
use crate::stack::compose::OLDEST;

/// From here on the engine refuses the API that the old `docker-compose` speaks (at least 1.44 is asked for).
const MODERN_ENGINE: u32 = 29;

pub(super) const INSTALLED: Check = Check {
    id: "compose.installed",
    title: "a Docker Compose that fits the engine is installed",
    preflight: true,
    ask: installed,
};

fn installed(facts: &Facts) -> Result<Answer, NotKnown> {
    let Some(compose) = facts.compose.known()? else {
        return Ok(lacking("neither docker compose nor docker-compose is installed".to_owned()));
    };
    let Some(found) = major_minor(&compose.version) else {
        return Err(NotKnown(format!("compose's version \"{}\" is no version", compose.version)));
    };
    let engine = facts.engine.known().ok().and_then(Engine::answers).and_then(|engine| major_minor(&engine.version));
    if found < OLDEST {
        let old = format!(
            "{} is version {}; the oldest that works is {}.{}",
            compose.command.join(" "),
            compose.version,
            OLDEST.0,
            OLDEST.1
        );
        return Ok(lacking(old));
    }
    if compose.old() && engine.is_some_and(|(major, _)| major >= MODERN_ENGINE) {
        return Ok(lacking(format!("docker-compose {} is too old to speak to this engine", compose.version)));
    }
    Ok(Answer::Well)
}

fn lacking(problem: String) -> Answer {
    let hint =
        "let tars install it (sudo tars install), or install the package docker-compose-v2 or docker-compose-plugin";
    Finding::fail("Docker Compose", problem, hint).fix(Fix::InstallCompose).into()
}
