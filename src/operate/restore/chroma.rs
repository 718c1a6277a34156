//! Loading Chroma: the volume's files go into a container that never ran; only then is it started, once, on the stage,
//! and every collection counted and asked through its API.

use super::bad_archive;
use super::pipe::{Receiver, stream};
use super::stage::{Stage, row};
use crate::archive::{self, Item};
use crate::client::examine::{Found, Golden, Line, Question};
use crate::docker::{Docker, HelperSpec};
use crate::error::of_chain;
use anyhow::{Context as _, Result, anyhow};

/// Where the question stands in the container that asks it.
const QUESTION: &str = "question.json";

/// What a container of Chroma is made of: as in the compose file.
#[must_use]
pub fn spec(image: &str, volume: &str) -> HelperSpec {
    let env =
        ["CHROMA_PERSIST_PATH=/data", "CHROMA_LISTEN_ADDRESS=0.0.0.0", "CHROMA_PORT=8000", "CHROMA_ALLOW_RESET=false"];
    HelperSpec {
        image: image.to_owned(),
        own_entrypoint: true,
        env: env.map(str::to_owned).into(),
        binds: vec![format!("{volume}:/data")],
        ..HelperSpec::default()
    }
}

/// Puts the files into the volume, opens them with a server, counts every collection and asks the golden queries. The
/// server goes on.
///
/// # Errors
/// When the server does not open them, or cannot read what it opened.
pub async fn load(
    stage: &Stage,
    name: &str,
    files: Receiver,
    golden: Vec<Golden>,
    tenants: &[String],
) -> Result<Vec<Found>> {
    stage.docker.upload_stream(name, "/data", stream(files)).await?;
    let started = stage.start(name, "chromadb").await;
    started.map_err(|error| bad_archive("Chroma does not open the copied files", error))?;
    let found = examine(stage, golden, tenants).await;
    found.map_err(|error| bad_archive("Chroma cannot read what it opened", error))
}

/// Every collection of the stage's Chroma, counted and asked.
///
/// # Errors
/// When it does not answer.
pub async fn examine(stage: &Stage, golden: Vec<Golden>, tenants: &[String]) -> Result<Vec<Found>> {
    let url = format!("http://chromadb:{}", row("chromadb")?.port);
    let question = Question { url, tenants: tenants.iter().cloned().collect(), vectors: true, golden };
    let asker = stage.helper("ask", asker(&stage.backend)).await?;
    ask(&stage.docker, &asker, &question).await
}

/// A container that asks: the backend's image.
fn asker(backend: &str) -> HelperSpec {
    HelperSpec {
        image: backend.to_owned(),
        command: ["/tars", "serve", "--examine", &format!("/tmp/{QUESTION}")].map(str::to_owned).into(),
        ..HelperSpec::default()
    }
}

async fn ask(docker: &Docker, asker: &str, question: &Question) -> Result<Vec<Found>> {
    let question = serde_json::to_vec(question)?;
    let tar = archive::small_tar(&[(QUESTION, 0o644, 0, Item::File(question))])?;
    docker.upload(asker, "/tmp", tar.into()).await?;
    let (mut found, mut ended) = (Vec::new(), None);
    let (code, last) = docker
        .run_helper(asker, |line| match serde_json::from_str(line) {
            Ok(Line::Collection(one)) => found.push(one),
            Ok(end) => ended = Some(end),
            Err(_) => {}
        })
        .await?;
    docker.remove(asker).await?;
    match ended {
        Some(Line::Done) => Ok(found),
        Some(Line::Failed(chain)) => Err(of_chain(chain).unwrap_or_else(|| anyhow!("no cause was given"))),
        _ => Err(anyhow!("the examination ended with status {code}: {last}")),
    }
}

/// What a running stack's Chroma holds, ids only: for the comparison before a restore. `whose` are its run and home.
///
/// # Errors
/// When it does not answer.
pub async fn live(docker: &Docker, project: &str, whose: (&str, &str), backend: &str) -> Result<Vec<Found>> {
    let question = Question { url: format!("http://chromadb:{}", row("chromadb")?.port), ..Question::default() };
    let spec = HelperSpec {
        network: format!("{project}_default"),
        run: whose.0.to_owned(),
        home: whose.1.to_owned(),
        ..asker(backend)
    };
    let id = docker.create_helper(&spec).await.context("nobody can ask the live Chroma")?;
    let found = ask(docker, &id, &question).await;
    if found.is_err() {
        docker.remove(&id).await.ok();
    }
    found
}
