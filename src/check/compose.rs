//! Docker Compose.

use super::engine::major_minor;
use super::{Answer, Check, Finding, Fix};
use crate::facts::{Engine, Facts, NotKnown, Verdict};
use crate::stack::compose::OLDEST;

pub(super) const VALID: Check =
    Check { id: "compose.valid", title: "compose accepts the files and the settings", preflight: false, ask: valid };
pub(super) const EDITED: Check =
    Check { id: "compose.edited", title: "the shipped compose files are as shipped", preflight: false, ask: edited };

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

fn valid(facts: &Facts) -> Result<Answer, NotKnown> {
    if !facts.env.known()?.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let files = facts.files.known()?;
    if !files.absent.is_empty() {
        let list = files.absent.join(", ");
        let shipped = files.absent.iter().all(|name| files.shapes.contains_key(name));
        let problem = format!("COMPOSE_FILE names {list}, which is not there: nothing can be started");
        let finding = Finding::fail(&list, problem, "put it back, or write the shipped ones: sudo tars install");
        return Ok(if shipped { finding.fix(Fix::WriteCompose) } else { finding }.into());
    }
    Ok(match &files.refusal {
        Some(Verdict::Refused(words)) => {
            let hint = "mend what it names; or move the file away and write the shipped one: sudo tars install";
            Finding::fail("compose files", format!("compose refuses them: {words}"), hint).into()
        }
        Some(Verdict::Accepted) => Answer::Well,
        // Nobody but this program has written them, and every setting that they ask for is another check's question.
        None if files.edited().next().is_none() => Answer::Well,
        None => return Err(NotKnown("compose could not be asked".to_owned())),
    })
}

fn edited(facts: &Facts) -> Result<Answer, NotKnown> {
    if !facts.env.known()?.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let finding = |(name, lines): (&str, usize)| {
        let problem = format!(
            "{name} was edited ({lines} lines differ from what is shipped): tars keeps it, and mends nothing in it with an update"
        );
        let hint = "move your changes into a file of your own, such as docker-compose.mine.yml, add it to COMPOSE_FILE, remove the edited one and: sudo tars install";
        Finding::warn(name, problem, hint)
    };
    Ok(facts.files.known()?.edited().map(finding).collect::<Vec<_>>().into())
}
