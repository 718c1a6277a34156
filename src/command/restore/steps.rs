//! `tars restore --backup-file FILE`: check, show, ask; fill the next generation beside the live one; switch.

use super::load::{self, Checked};
use super::report::{Restored, Row, Switched};
use super::{RestoreArgs, consent};
use crate::command::running::{recovered, take};
use crate::context::Context;
use crate::error::exit_of;
use crate::exit::Exit;
use crate::operate::generations::{self, Generation, Generations, Origin};
use crate::operate::journal::{self, Goal, Journal};
use crate::operate::keeping::drawer::fingerprint;
use crate::operate::lock::Lock;
use crate::operate::restore::fill::Filled;
use crate::operate::restore::stage::Stage;
use crate::operate::restore::{config, is_to_blame, models};
use crate::operate::switch::Switch;
use crate::operate::{lifecycle, undo};
use crate::stack::component::Component;
use crate::stack::{PROJECT_LABEL, VOLUME_LABEL, env};
use crate::ui::Report;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Runs it.
///
/// # Errors
/// What was refused before anything was made. A failure after that is in the report, with what stays as it was.
pub(super) async fn run(context: &mut Context, args: &RestoreArgs, file: &str) -> Result<Box<dyn Report>> {
    let begun = Instant::now();
    context.docker()?;
    let lock = take(context)?;
    if !args.dry_run {
        recovered(context, &lock).await.iter().for_each(|what| context.ui.say(&format!("recovered: {what}")));
    }
    let checked = Box::pin(load::check(context, args, file)).await?;
    let changes = changes(context, args, &checked)?;
    let mut report = load::report(&checked, "restored");
    report.notes.extend(about_settings(&changes));
    report.notes.extend(about_key(context, &checked, &changes));
    if args.dry_run {
        report.rehearsed("would be restored", begun.elapsed());
        return Ok(Box::new(report));
    }
    show(context, &checked, &report);
    let question = format!("Restore {}? What is live now stays, and --undo brings it back.", checked.source.name());
    consent(context, args, &question).await?;
    let ended = Box::pin(work(context, &lock, &checked, &changes, &mut report)).await;
    report.took = begun.elapsed();
    match ended {
        Ok(()) => report.verdict = Some("pass"),
        Err(error) if exit_of(&error) == Exit::Interrupted => return Err(error),
        Err(error) => {
            report.components.iter_mut().filter(|row| row.status == "restored").for_each(|row| row.status = "failed");
            report.verdict = Some(if is_to_blame(context, &error).await { "fail" } else { "error" });
            report.error = Some(error);
        }
    }
    Ok(Box::new(report))
}

fn changes(context: &Context, args: &RestoreArgs, checked: &Checked) -> Result<Vec<(String, String)>> {
    if !args.restore_config {
        return Ok(Vec::new());
    }
    config::changes(&checked.source, context.stack.need_env()?, &checked.plan.restored)
}

fn about_settings(changes: &[(String, String)]) -> Option<String> {
    let names = changes.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| format!("settings out of the archive: {names}"))
}

/// What another encryption key can never open is said before anybody is asked.
pub(super) fn about_key(context: &Context, checked: &Checked, changes: &[(String, String)]) -> Option<String> {
    let coming = |key: &str| changes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let after = |key| coming(key).unwrap_or_else(|| context.stack.setting(key));
    let old = after(env::OLD_KEYS).split(',').map(str::trim).filter(|key| !key.is_empty());
    let opens: BTreeSet<String> = old.chain([after("TARS_ENCRYPTION_KEY")]).map(fingerprint).collect();
    let locked = checked.source.contents.outcome.locked(&opens);
    let needed = checked.source.contents.manifest.key_id.as_ref().filter(|id| !opens.contains(*id));
    let (many, whose) = match (locked, needed) {
        // A dump that was not counted may hold some.
        (None, Some(needed)) => ("the conversations stay locked".to_owned(), needed.clone()),
        (Some((count, ids)), _) if count > 0 => {
            (format!("{count} conversation{} locked", if count == 1 { " stays" } else { "s stay" }), ids.join(", "))
        }
        _ => return None,
    };
    Some(format!(
        "{many}: sealed with another TARS_ENCRYPTION_KEY (id {whose}) than this stack will have; an encrypted archive brings its key (--restore-config), or put that key into {}",
        env::OLD_KEYS
    ))
}

fn show(context: &Context, checked: &Checked, report: &Restored) {
    context.ui.say(&format!("{} is whole; it brings:", checked.source.path.display()));
    for Row { name, status, detail } in &report.components {
        context.ui.say(&format!("  {name:<10} {status:<9} {detail}"));
    }
    for line in &checked.newer {
        context.ui.say(&format!("  newer than the archive, and left behind: {line}"));
    }
    report.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
}

/// Everything that changes something.
async fn work(
    context: &mut Context,
    lock: &Lock,
    checked: &Checked,
    changes: &[(String, String)],
    report: &mut Restored,
) -> Result<()> {
    generations::record_first(&context.stack)?;
    let docker = context.docker()?.clone();
    let home = context.stack.home.clone();
    let mut ran = lifecycle::running(&docker, &context.stack).await?;
    // What a recovery just failed to bring back ran as well.
    if let Some(Goal::Running(more) | Goal::Switch { ran: more, .. }) = journal::read(&home)?.map(|entry| entry.goal) {
        ran.extend(more.into_iter().filter(|name| !ran.contains(name)).collect::<Vec<_>>());
    }
    let mut journal = Journal::open(&home, &context.run, "restore", Goal::Running(ran.clone()))?;
    step(context, &mut journal, "load")?;
    let made = Box::pin(made(context, checked, changes, &mut journal, report)).await;
    let generation = match made {
        Ok(generation) => generation,
        Err(error) => {
            match give_up(context).await {
                Ok(()) => journal.close()?,
                // The journal stays: the next run sweeps what this one could not.
                Err(left) => context.ui.warn(&format!("what was made could not be removed: {left:#}")),
            }
            return Err(error);
        }
    };
    step(context, &mut journal, "loaded")?;
    if let Err(error) = Box::pin(switch(context, lock, &generation, changes, &mut journal, report)).await {
        // On the new data, or on neither side, it is the next run's to bring to an end.
        if live(context)? != Some(generation.number) && undo::as_before(context, &ran).await {
            match forget(context, generation.number).await {
                Ok(()) => journal.close()?,
                Err(left) => context.ui.warn(&format!("what was made could not be removed: {left:#}")),
            }
        }
        return Err(error);
    }
    journal.close()?;
    report.notes.push("the users and passwords in the restored database are the valid ones now".to_owned());
    report.notes.push("what was live before stays: tars restore --undo brings it back".to_owned());
    drop_passed(context, report).await
}

fn step(context: &Context, journal: &mut Journal, name: &str) -> Result<()> {
    journal.step(name)?;
    context.ui.detail(name);
    Ok(())
}

fn live(context: &Context) -> Result<Option<u32>> {
    Ok(Generations::load(&context.stack.home)?.live(&context.stack).map(|live| live.number))
}

/// Nothing was switched: what this run made goes.
async fn give_up(context: &Context) -> Result<()> {
    let docker = context.docker()?;
    for said in generations::settle(docker, &context.stack, None).await? {
        context.ui.detail(&said);
    }
    Ok(())
}

/// The switch was taken back: the generation that did not answer goes, with its volumes.
async fn forget(context: &Context, number: u32) -> Result<()> {
    let mut all = Generations::load(&context.stack.home)?;
    for said in generations::remove(context.docker()?, &context.stack, &mut all, number).await? {
        context.ui.detail(&said);
    }
    Ok(())
}

/// The next generation, filled and proved.
async fn made(
    context: &Context,
    checked: &Checked,
    changes: &[(String, String)],
    journal: &mut Journal,
    report: &mut Restored,
) -> Result<Generation> {
    let docker = context.docker()?;
    let volumes = checked.plan.volumes();
    let taken: Vec<_> = docker.volumes().await?.into_iter().map(|volume| volume.name).collect();
    let origin = Origin { archive: checked.source.name(), sha256: checked.source.contents.sha256.to_string() };
    let mut all = Generations::load(&context.stack.home)?;
    let generation = all.begin(&context.stack, &context.run, &volumes, origin, &taken)?;
    let named: BTreeMap<_, _> =
        volumes.iter().filter_map(|component| Some((*component, generation.volume(*component)?.to_owned()))).collect();
    for (component, name) in &named {
        // As compose would label them, but without its hash: a volume without one is left untouched.
        let labels = [(PROJECT_LABEL, context.stack.project()), (VOLUME_LABEL, component.volume().key)];
        docker.create_volume(name, &labels).await?;
    }
    let mut env = context.stack.need_env()?.clone();
    for (key, value) in changes {
        env.set(key, value);
    }
    let filled = Box::pin(load::fill(context, checked, named, &env)).await?;
    load::tell(report, checked, &filled);
    give_back_redis(context, &mut all, generation.number, &filled).await?;
    if checked.plan.restored.contains(&Component::Models) {
        step(context, journal, "models")?;
        add_models(context, checked, report).await?;
    }
    if context.cancel.is_cancelled() {
        return Err(load::interrupted());
    }
    all.number(generation.number).cloned().context("the generation is not written down any more")
}

/// A cache that could not be loaded is no reason to lose the live one.
async fn give_back_redis(context: &Context, all: &mut Generations, number: u32, filled: &Filled) -> Result<()> {
    if filled.redis_failed.is_none() {
        return Ok(());
    }
    if let Some(own) = all.keep_live(number, Component::Redis, &context.stack)? {
        context.docker()?.remove_volume(&own).await?;
    }
    Ok(())
}

async fn add_models(context: &Context, checked: &Checked, report: &mut Restored) -> Result<()> {
    let stage = Stage::open(context, checked.backend.clone()).await?;
    let (image, volume) = (context.stack.setting("TARS_IMAGE_OLLAMA"), context.stack.setting("TARS_VOLUME_OLLAMA"));
    let added = models::load(&stage, image, volume, checked.source.clone(), load::watch(context)).await;
    let closed = stage.close().await;
    let added = added?;
    closed?;
    for row in report.components.iter_mut().filter(|row| row.name == Component::Models) {
        row.detail = format!("{} blobs added, {} were there, {} manifests", added.blobs, added.there, added.manifests);
    }
    Ok(())
}

async fn switch(
    context: &mut Context,
    lock: &Lock,
    generation: &Generation,
    changes: &[(String, String)],
    journal: &mut Journal,
    report: &mut Restored,
) -> Result<()> {
    let from = live(context)?.context("state/generations.json names no live generation")?;
    let switch = Switch::prepare(context, lock, from, generation, changes).await?;
    if !changes.is_empty() {
        undo::keep_settings(&context.stack.home, from, context.stack.need_env()?)?;
    }
    context.ui.say("switching …");
    let done = switch.run(context, lock, journal).await?;
    report.generation = Some(Switched { from, to: generation.number });
    report.downtime = Some(done.downtime);
    Ok(())
}

/// Older generations than the one that an undo brings back: the new one has passed.
async fn drop_passed(context: &Context, report: &mut Restored) -> Result<()> {
    let docker = context.docker()?;
    let mut all = Generations::load(&context.stack.home)?;
    for number in all.passed(&context.stack) {
        for said in generations::remove(docker, &context.stack, &mut all, number).await? {
            report.notes.push(format!("generation {number}: {said}"));
        }
        undo::forget_settings(&context.stack.home, number)?;
    }
    Ok(())
}
