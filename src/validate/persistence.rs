//! Chroma keeps what it is given: written and read back; with leave to restart, over a container made anew in between.

use super::bench::{Bench, Restarts};
use super::outcome::{Outcome, Said};
use crate::client::validate::Thing;
use crate::operate::journal::{Goal, Journal};
use crate::operate::{lifecycle, wait};
use crate::stack::service;
use anyhow::{Context as _, Result};

const CHROMA: &str = "chromadb";
/// Chroma writes its last batch when it is told to end.
const GRACE_S: i32 = 30;

pub(super) async fn chroma(bench: &mut Bench<'_>) -> Said {
    let Some(restarts) = &bench.restarts else { return bench.judge("chromadb", Thing::Chroma) };
    // Without a backend there is nobody to write and read: nothing is stopped for that.
    bench.tried(Thing::Postgres)?;
    bench.runs(CHROMA)?;
    let written = bench.attempt(Thing::ChromaWrite).await?;
    again(bench, restarts).await?;
    let read = bench.attempt(Thing::ChromaRead).await?;
    Ok(Outcome::pass(format!("{written}, the container made anew, {read}")))
}

/// The container goes and comes: what stands beside its volume would be lost with it.
async fn again(bench: &Bench<'_>, restarts: &Restarts<'_>) -> Result<()> {
    let (context, docker) = (bench.context, bench.context.docker()?);
    let row = service::named(CHROMA).context("no row of Chroma")?;
    let name = row.container(context.stack.project());
    let ran = lifecycle::running(docker, &context.stack).await?;
    let mut journal = Journal::open(&context.stack.home, &context.run, "validate", Goal::Running(ran))?;
    context.ui.say("making Chroma's container anew …");
    journal.step("stop")?;
    docker.stop(&name, GRACE_S).await?;
    docker.remove_but_volumes(&name).await?;
    journal.step("start")?;
    lifecycle::up(context, restarts.lock, restarts.compose, &[CHROMA]).await?;
    wait::for_container(docker, &name, row, wait::deadline(&context.stack)).await?;
    wait::for_api(&context.stack).await?;
    journal.close()
}
