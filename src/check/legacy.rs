//! The old bash deployment.

use super::{Answer, Check, Finding};
use crate::facts::{Facts, Legacy, NotKnown};

pub(super) const DEPLOYMENT: Check = Check {
    id: "legacy.deployment",
    title: "nothing of the old bash deployment is in the way",
    preflight: true,
    ask: deployment,
};

fn deployment(facts: &Facts) -> Result<Answer, NotKnown> {
    if facts.engine.known()?.answers().is_none() {
        return Ok(Answer::skipped("the engine does not answer, so that its containers do not show"));
    }
    let Some(legacy) = facts.legacy.known()? else { return Ok(Answer::Well) };
    let project = facts.env.known()?.project();
    if legacy.containers.is_empty() {
        let problem = format!("the old bash deployment has left volumes: {}", legacy.volumes.join(", "));
        let hint = "nothing clashes, and tars does not touch them; what is still wanted in them has to be saved before they go";
        return Ok(Finding::warn("volumes", problem, hint).into());
    }
    let names = names(legacy);
    let compose = if legacy.project.is_empty() { "none" } else { &legacy.project };
    let problem = format!("the old bash deployment is here (compose project {compose}): {}", names.join(", "));
    let hint = save_and_stop(legacy);
    // Container names are unique in an engine: another project of ours can stand beside it.
    Ok(if clashes(legacy, project) {
        Finding::fail("containers", problem, hint)
    } else {
        Finding::warn("containers", problem, hint)
    }
    .into())
}

/// Whether a container of the old deployment has a name that one of ours will have.
pub(super) fn clashes(legacy: &Legacy, project: &str) -> bool {
    names(legacy).iter().any(|name| name.starts_with(&format!("{project}-")))
}

/// The commands that save each store that is there, then those that stop it. Its Chroma may keep its data in the
/// container itself (`/data` beside the volume), so nothing is removed before it is saved.
fn save_and_stop(legacy: &Legacy) -> String {
    let has = |service: &str| legacy.containers.iter().any(|(name, _)| name == &format!("tars-home-{service}"));
    let mut lines = vec!["save its data, in this order, then stop it and run this again:".to_owned()];
    let mut add = |service: &str, commands: &[&str]| {
        if has(service) {
            lines.extend(commands.iter().map(|command| format!("  {command}")));
        }
    };
    add(
        "postgres",
        &[
            "docker start tars-home-postgres",
            "docker exec tars-home-postgres sh -c 'pg_dump -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -Fc' > old-postgres.dump",
        ],
    );
    add(
        "redis",
        &[
            "docker start tars-home-redis",
            "docker exec tars-home-redis redis-cli SAVE  (must say OK)",
            "docker cp tars-home-redis:/data/dump.rdb old-redis.rdb",
        ],
    );
    add(
        "chromadb",
        &[
            "docker stop tars-home-chromadb",
            "docker cp tars-home-chromadb:/data old-chroma  (a Chroma before 1.0: tars-home-chromadb:/chroma/chroma)",
        ],
    );
    lines.push(format!("  docker stop {0} && docker rm {0}  (its volumes stay)", names(legacy).join(" ")));
    if let Some(file) = &legacy.env_file {
        lines.push(format!(
            "its settings stand in {}; copied into the new home as tars-home.env they are taken over",
            file.display()
        ));
    }
    lines.join("\n")
}

fn names(legacy: &Legacy) -> Vec<&str> {
    legacy.containers.iter().map(|(name, _)| name.as_str()).collect()
}
