//! Whether everything runs and takes work: containers, stores, models, the published API, the GPU, the documents.

use super::bench::Bench;
use super::outcome::{Outcome, Said};
use super::{Check, persistence};
use crate::check;
use crate::client::api::{CheckStatus, Ready, Verdict};
use crate::client::raw::Ask;
use crate::client::validate::Thing;
use crate::docker::{Container, Status};
use crate::facts::Facts;
use crate::stack::Stack;
use serde_json::Value;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "deployment.containers",
        title: "every service of the settings runs",
        hint: "run: tars status, then: tars start",
        ask: |bench| Box::pin(async { containers(bench) }),
    },
    Check {
        id: "deployment.postgres",
        title: "Postgres takes data and gives it back",
        hint: "see why: tars logs postgres",
        ask: |bench| Box::pin(async { bench.judge("postgres", Thing::Postgres) }),
    },
    Check {
        id: "deployment.redis",
        title: "Redis takes data and gives it back",
        hint: "see why: tars logs redis",
        ask: |bench| Box::pin(async { bench.judge("redis", Thing::Redis) }),
    },
    Check {
        id: "deployment.chroma",
        title: "Chroma keeps vectors and finds them",
        hint: "see why: tars logs chromadb; data that is lost comes back with: tars restore",
        ask: |bench| Box::pin(persistence::chroma(bench)),
    },
    Check {
        id: "deployment.embedding",
        title: "the embedding model gives vectors",
        hint: "see the models: tars model list; get it: tars model pull NAME",
        ask: |bench| Box::pin(async { model(bench, Thing::Embed) }),
    },
    Check {
        id: "deployment.chat",
        title: "the chat model answers",
        hint: "see the models: tars model list; get it: tars model pull NAME",
        ask: |bench| Box::pin(async { model(bench, Thing::Chat) }),
    },
    Check {
        id: "deployment.gpu",
        title: "the chat model runs on the GPU that the stack was given",
        hint: "docs/INSTALL_HOME.md, \"GPU\", says what to try; --cpu-only says that the CPU is wanted",
        ask: |bench| Box::pin(gpu(bench)),
    },
    Check {
        id: "deployment.api",
        title: "the published API answers on every path and says that it is ready",
        hint: "see why: tars logs backend",
        ask: |bench| Box::pin(api(bench)),
    },
    Check {
        id: "deployment.nas",
        title: "the documents folder is there and is the one that was indexed",
        hint: "see that the NAS is on and mounted; then GET /rag/sources says what the backend sees",
        ask: |bench| Box::pin(nas(bench)),
    },
];

fn containers(bench: &Bench<'_>) -> Said {
    let containers = bench.facts.containers.known().map_err(|why| Outcome::fail(why.0))?;
    let services = bench.context.stack.services();
    let wrong: Vec<_> = services
        .iter()
        .filter_map(|service| {
            let container = containers.iter().find(|container| container.service() == service.name);
            Some(format!("{} {}", service.name, amiss(container)?))
        })
        .collect();
    if !wrong.is_empty() {
        return Err(Outcome::fail(wrong.join("; ")));
    }
    Ok(Outcome::pass(format!("{} services run", services.len())))
}

/// What is wrong with a service's container.
fn amiss(container: Option<&Container>) -> Option<String> {
    let Some(container) = container else { return Some("has no container".to_owned()) };
    match container.status {
        _ if container.oom_killed => Some("was killed for want of memory".to_owned()),
        Status::Running => None,
        Status::Restarting => Some("ends again and again".to_owned()),
        Status::Paused => Some("is paused".to_owned()),
        Status::Created => Some("was never started".to_owned()),
        Status::Exited | Status::Dead => Some(format!("has stopped (exit status {})", container.exit_code)),
    }
}

fn model(bench: &Bench<'_>, thing: Thing) -> Said {
    if !bench.has_llm() {
        return Ok(no_llm(thing));
    }
    bench.judge("ollama", thing)
}

/// Chosen so: a warning once, at the model that people talk to.
fn no_llm(thing: Thing) -> Outcome {
    if thing == Thing::Embed {
        return Outcome::skip("no language model was chosen (TARS_LLM=none): search is by words");
    }
    Outcome::warn("no language model was chosen (TARS_LLM=none): the best passages are the answer (retrieval-only)")
        .hint("add one: tars install --ollama-url URL --model NAME, or tars install where its image can be had")
}

async fn gpu(bench: &mut Bench<'_>) -> Said {
    if let Some(why) = no_gpu(&bench.context.stack, &bench.facts) {
        return Ok(Outcome::skip(why));
    }
    if bench.failed("deployment.chat") {
        return Err(Outcome::follows("deployment.chat", "the chat model does not answer"));
    }
    on_gpu(&bench.attempt(Thing::Processor).await?)
}

/// Why there is no GPU to look for.
fn no_gpu(stack: &Stack, facts: &Facts) -> Option<String> {
    let files = stack.setting("COMPOSE_FILE");
    if stack.setting("TARS_LLM") != "container" {
        return Some("the models do not run in this stack".to_owned());
    }
    if files.split(':').any(|file| file == crate::stack::compose::GPU) {
        return None;
    }
    let card = facts.gpu.known().is_ok_and(|gpu| !gpu.cards.is_empty());
    Some(match (stack.setting("TARS_GPU"), card) {
        ("off", _) => "the GPU was declined (TARS_GPU=off)".to_owned(),
        (_, true) => "containers could not use the GPU when the stack was started: see tars doctor".to_owned(),
        _ => "this machine has no GPU that containers can use".to_owned(),
    })
}

/// `shown: deployment.gpu` failing needs a GPU; the test below turns what Ollama says.
fn on_gpu(processor: &str) -> Said {
    match processor {
        "gpu" => Ok(Outcome::pass("the chat model lies on the GPU")),
        "split" => Ok(Outcome::warn("the chat model lies partly on the CPU: it does not fit the GPU's memory")
            .hint("choose a smaller one: tars model use NAME")),
        _ => Err(Outcome::fail("the stack was given the GPU and the chat model runs on the CPU")),
    }
}

async fn api(bench: &mut Bench<'_>) -> Said {
    let mut paths: Vec<Ask> = Vec::new();
    for path in ["/", "/health", "/docs", "/openapi.json"] {
        paths.push(Ask::get(path));
    }
    if let Ok(pass) = bench.pass() {
        const OWN: [&str; 6] =
            ["/auth/me", "/rag/stats", "/rag/documents?limit=1", "/rag/sources", "/rag/index", "/metrics/prometheus"];
        paths.extend(OWN.map(|path| Ask::get(path).by(&pass.token)));
    }
    let count = paths.len();
    let mut version = String::new();
    for ask in paths {
        // Without tokens the first few are counted for this machine's own address.
        let ask = bench.stranger(0, ask.clone()).unwrap_or(ask);
        let told = bench.ask(&ask).await.map_err(|outcome| outcome_of_api(bench, outcome))?;
        if told.status != 200 {
            return Err(Outcome::fail(format!("{} answers HTTP {}", ask.name(), told.status)));
        }
        if let Ok(about) = told.json::<Value>()
            && ask.name() == "GET /"
        {
            about["version"].as_str().unwrap_or_default().clone_into(&mut version);
        }
    }
    let ready: Ready = bench.ask(&Ask::get("/ready")).await?.json()?;
    ready_or_why(bench, &ready)?;
    if version != env!("CARGO_PKG_VERSION") {
        let words = format!("the backend is version {version} and this program {}", env!("CARGO_PKG_VERSION"));
        return Ok(Outcome::warn(words).hint("bring the backend to this version: tars restart"));
    }
    Ok(Outcome::pass(format!("{count} paths answer; ready")))
}

/// The API itself is what this check is about: nobody else says why it does not answer, unless it does not run.
fn outcome_of_api(bench: &Bench<'_>, outcome: Outcome) -> Outcome {
    if bench.failed("deployment.containers") {
        return Outcome::follows("deployment.containers", "the API does not answer");
    }
    outcome
}

fn ready_or_why(bench: &Bench<'_>, ready: &Ready) -> Result<(), Outcome> {
    if ready.status == Verdict::Ready {
        return Ok(());
    }
    let about = |name: &str| match name {
        "postgres" => ["deployment.postgres"].as_slice(),
        "redis" => &["deployment.redis"],
        "chromadb" => &["deployment.chroma"],
        _ => &["deployment.embedding", "deployment.chat"],
    };
    let failing = ready.checks.iter().filter(|(_, check)| check.status == CheckStatus::Failed);
    let told = |name: &str| about(name).iter().copied().chain(["deployment.containers"]).find(|id| bench.failed(id));
    let (mut cause, mut news) = (None, Vec::new());
    for (name, check) in failing {
        match told(name) {
            Some(id) => cause = Some(id),
            None => news.push(format!("{name}: {}", check.error.as_deref().unwrap_or("failed"))),
        }
    }
    match cause {
        Some(id) if news.is_empty() => Err(Outcome::follows(id, ready.words())),
        _ => Err(Outcome::fail(format!("/ready says {:?}: {}", ready.status, news.join("; ")))),
    }
}

async fn nas(bench: &mut Bench<'_>) -> Said {
    let token = bench.pass()?.token.clone();
    let told: Value = bench.ask(&Ask::get("/rag/sources").by(&token)).await?.json()?;
    let sources = told["sources"].as_array().cloned().unwrap_or_default();
    let Some(folder) = sources.iter().find(|source| source["name"] == "documents") else {
        return Err(Outcome::fail(format!("GET /rag/sources names no documents folder: {told}")));
    };
    let dir = bench.context.stack.setting("TARS_DOCS_DIR");
    if folder["state"] == "away" {
        let why = folder["why"].as_str().unwrap_or("the backend does not say why");
        let hint = format!(
            "bring {dir} back as it was (is the NAS on and mounted?); if what is missing is really gone, an administrator \
             says so: POST /rag/sources/documents/confirm"
        );
        return Err(Outcome::fail(format!("the documents folder {dir} is away: {why}")).hint(hint));
    }
    let shares = bench.facts.nas.known().map_err(|why| Outcome::fail(why.0))?;
    let outcomes = check::run(check::ALL.iter().filter(|check| check.id.starts_with("nas.")), &bench.facts);
    let found =
        outcomes.iter().flat_map(|outcome| outcome.answer.findings().iter().map(move |found| (outcome.id, found)));
    // A share that nothing was indexed from yet is missed by nobody: if it were, the folder would be away by now.
    let (failing, warning): (Vec<_>, Vec<_>) = found.partition(|(id, _)| matches!(*id, "nas.readable" | "nas.stale"));
    if let Some((id, found)) = failing.first() {
        return Err(Outcome::fail(format!("{id}: {}", found.problem)).hint(found.hint.clone()));
    }
    if let Some((id, found)) = warning.first() {
        return Ok(Outcome::warn(format!("{id}: {}", found.problem)).hint(found.hint.clone()));
    }
    let of_nas = match shares.len() {
        0 => "no NAS".to_owned(),
        n => format!("{n} shares"),
    };
    Ok(Outcome::pass(format!("{of_nas}; {dir} is there")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_beside_the_gpu_is_a_failure_and_a_split_one_a_warning() {
        assert!(on_gpu("gpu").is_ok());
        assert!(on_gpu("cpu").is_err());
        assert!(format!("{:?}", on_gpu("split")).contains("Warn"));
    }

    #[test]
    fn what_is_wrong_with_a_container_is_said() {
        assert_eq!(amiss(None).unwrap(), "has no container");
    }
}
