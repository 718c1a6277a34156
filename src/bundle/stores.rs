//! Redis, Chroma, Ollama and the backend, asked for figures: counts and versions, never a key, a record or a text.

use super::ground::Ground;
use super::tray::Tray;
use crate::client::api::Api;
use crate::client::ollama::Ollama;
use crate::docker::Container;
use crate::operate::backup::ask::Chroma;
use crate::stack::service;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fmt::Write;

/// What may be seen of Chroma's collections.
pub(super) async fn chroma(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let container = ground.running("chromadb")?;
    let collections = Chroma::connect(ground.engine()?, &container.id).await?.collections().await?;
    // Metadata of a collection is somebody's own words.
    let told: Vec<_> = collections
        .iter()
        .map(|one| json!({ "name": one.name, "id": one.id, "database": one.database, "dimension": one.dimension, "count": one.count }))
        .collect();
    tray.json("stores/chroma.json", &json!({ "collections": told }));
    Ok(())
}

/// INFO and a few figures. Neither users nor clients nor keys.
pub(super) async fn redis(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let container = ground.running("redis")?;
    let script = "set -f; for ask in 'info all' 'dbsize' 'config get maxmemory*' 'config get appendonly' 'slowlog len'; do echo \"# $ask\"; timeout 3 redis-cli $ask || exit; done";
    let said = ground.engine()?.exec(&container.id, &["sh", "-c", script]).await?;
    if !said.stdout.contains("redis_version") {
        bail!("redis-cli gave no answer (status {}): {} {}", said.code, said.stdout.trim(), said.stderr.trim());
    }
    tray.text("stores/redis.txt", &said.stdout);
    Ok(())
}

/// Ollama's own figures: from its container, or from where the settings say that it is.
pub(super) async fn ollama(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    match ground.stack.setting("TARS_LLM") {
        "none" => {
            tray.text("stores/ollama.txt", "no language model was chosen (TARS_LLM=none)\n");
            Ok(())
        }
        "url" => elsewhere(ground, tray).await,
        _ => {
            let container = ground.running("ollama")?;
            let docker = ground.engine()?;
            let (version, list, ps) = tokio::join!(
                docker.exec(&container.id, &["ollama", "--version"]),
                docker.exec(&container.id, &["ollama", "list"]),
                docker.exec(&container.id, &["ollama", "ps"]),
            );
            let mut text = String::new();
            for (heading, said) in [("version", version), ("list", list), ("ps", ps)] {
                let said = said.map_or_else(|error| format!("{error:#}"), |said| said.stdout + &said.stderr);
                let _ = write!(text, "# ollama {heading}\n{}\n\n", said.trim());
            }
            tray.text("stores/ollama.txt", &text);
            Ok(())
        }
    }
}

async fn elsewhere(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let url = ground.stack.setting("TARS_OLLAMA_URL").replace("host.docker.internal", "127.0.0.1");
    let ollama = Ollama::new(&url)?;
    let (version, tags, ps) = tokio::try_join!(ollama.version(), ollama.tags(), ollama.ps())?;
    let tags: Vec<_> = tags.iter().map(|tag| json!({ "name": tag.name, "bytes": tag.size })).collect();
    let ps: Vec<_> =
        ps.iter().map(|one| json!({ "name": one.name, "bytes": one.size, "vram_bytes": one.size_vram })).collect();
    tray.json("stores/ollama.json", &json!({ "url": url, "version": version, "models": tags, "loaded": ps }));
    Ok(())
}

/// What the backend says of itself: to everybody, and, where the administrator's password is still that of the settings,
/// to an administrator.
pub(super) async fn backend(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let container = ground.container("backend");
    if ground.docker.is_ok() {
        ground.running("backend")?;
    }
    let api = Api::new(&url(ground, container))?;
    let (health, ready) = tokio::join!(api.health(), api.ready());
    let told = |answer: Result<Value>| answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    let health = told(health.and_then(|health| Ok(serde_json::to_value(health)?)));
    let ready = told(ready.and_then(|ready| Ok(serde_json::to_value(ready)?)));
    tray.json("stores/backend.json", &json!({ "health": health, "ready": ready }));
    let password =
        ground.stack.env.as_ref().and_then(|env| env.get("TARS_ADMIN_PASSWORD")).filter(|word| !word.is_empty());
    let password =
        password.context("without the administrator's password there is no summary and there are no metrics")?;
    let session = api.sign_in(ground.stack.setting("TARS_ADMIN_USER"), password).await;
    let session = session.context("no summary and no metrics: the administrator could not be signed in")?;
    let (summary, metrics) = tokio::join!(session.text("/ops/summary"), session.text("/metrics/prometheus"));
    session.sign_out().await.ok();
    tray.json("stores/backend-summary.json", &serde_json::from_str(&summary?)?);
    tray.text("stores/backend-metrics.txt", &metrics?);
    Ok(())
}

/// Where the API is published on this machine.
fn url(ground: &Ground<'_>, container: Option<&Container>) -> String {
    let inside = service::named("backend").map_or(8000, |row| row.port);
    let published = container.and_then(|container| container.ports.iter().find(|port| port.container == inside));
    let (address, port) = published.map_or_else(
        || (ground.stack.setting("TARS_BIND").to_owned(), ground.stack.setting("TARS_PORT_API").to_owned()),
        |port| (port.address.clone(), port.host.to_string()),
    );
    crate::operate::wait::url_of(&address, &port)
}
