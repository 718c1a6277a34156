//! The registry that the pinned images come from.

use super::{Answer, Check, Finding};
use crate::facts::{Facts, Image, NotKnown, Registry};

pub(super) const REACHABLE: Check = Check {
    id: "registry.reachable",
    title: "the images that are still missing can be fetched",
    preflight: true,
    ask: reachable,
};

fn reachable(facts: &Facts) -> Result<Answer, NotKnown> {
    let registry = facts.registry.known()?;
    let env = facts.env.known()?;
    if *registry == Registry::NotAsked {
        return Ok(Answer::skipped("it was not asked"));
    }
    if !matches!(env.get("TARS_IMAGES"), "auto" | "registry" | "") {
        return Ok(Answer::skipped(format!("the images come from elsewhere (--images {})", env.get("TARS_IMAGES"))));
    }
    if nothing_missing(facts) {
        return Ok(Answer::skipped("every image is already there"));
    }
    let only = env.get("TARS_IMAGES") == "registry";
    Ok(match registry {
        Registry::NotAsked | Registry::Answers(200 | 401) => Answer::Well,
        Registry::Answers(status) => {
            let problem =
                format!("something answers for the registry with HTTP {status}, which a registry does not say");
            Finding::warn("registry-1.docker.io", problem, "look at the proxy of this network").into()
        }
        Registry::TooMany(wait) => too_many(*wait),
        Registry::Unreachable { why, .. } => unreachable(why, only, stores_missing(facts)),
    })
}

/// The backend's image is this binary and never fetched; an image of another registry is that one's business.
fn nothing_missing(facts: &Facts) -> bool {
    let hub =
        |name: &String| !name.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost");
    let fetched = |image: &Image| image.service != "backend" && image.names.iter().any(hub);
    facts.images.known().is_ok_and(|images| images.iter().all(|image| image.present.is_some() || !fetched(image)))
}

/// Whether a database's image is still to come; where the images do not show, it may be.
fn stores_missing(facts: &Facts) -> bool {
    let store = |image: &Image| image.present.is_none() && !matches!(image.service.as_str(), "backend" | "ollama");
    facts.images.known().map_or(true, |images| images.iter().any(store))
}

fn too_many(wait: Option<u64>) -> Answer {
    let when = wait.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} s"));
    let problem = "the registry says that this address has asked too often (HTTP 429)";
    Finding::warn("registry-1.docker.io", problem, format!("try again {when}, or log in: docker login")).into()
}

fn unreachable(why: &str, only: bool, stores: bool) -> Answer {
    let problem = format!("the registry cannot be reached: {why}");
    if only {
        let hint =
            "look at this machine's network and proxy, or choose another source: --images packages, or --images FILE";
        return Finding::fail("registry-1.docker.io", problem, hint).into();
    }
    let built = if stores { "the databases are then built from Debian's and PyPI's packages, and " } else { "" };
    let problem = format!("{problem}; {built}Ollama's image cannot be had");
    let hint = "go on; or look at this machine's network and proxy; or bring the images in a file: --images FILE";
    Finding::warn("registry-1.docker.io", problem, hint).into()
}
