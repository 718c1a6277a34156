//! `tars backup` itself: looked at, taken, written down, and only then anything older pruned or moved.

use super::args::BackupArgs;
use super::report::{Backup, Plan, excluded};
use crate::archive::{ComponentOutcome, Name, Status};
use crate::command::running::take;
use crate::context::Context;
use crate::error::{causes_of, exit_of};
use crate::operate::backup::survey::{Survey, survey};
use crate::operate::backup::take::{self, Taken};
use crate::operate::backup::taking::{Wish, interrupted};
use crate::operate::backup::{self, spool};
use crate::operate::keeping::destination::{self, Destination};
use crate::operate::keeping::last::{self, Last};
use crate::operate::keeping::register::{Component, Entry, Register};
use crate::operate::keeping::{drawer, files, forecast, prune, strays, told};
use crate::operate::{recover, sweep};
use crate::ui::{Report, Warning};
use anyhow::Result;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Instant;

/// Runs the verb. It winds down by itself when the operator interrupts: what was stopped runs again first.
///
/// # Errors
/// Exit 69 without an engine or a stack, 75 when another run holds the lock, 130 when interrupted; else what is
/// missing or could not be written.
pub async fn run(context: &mut Context, args: &BackupArgs) -> Result<Box<dyn Report>> {
    context.docker()?;
    if args.dry_run {
        context.stack.need_env()?;
        return Ok(Box::new(plan(context, args).await?));
    }
    let lock = take(context)?;
    let recovered = recover::recover(context, &lock).await;
    if let Err(error) = recovered {
        let ended = Err(error);
        write_down(context, &ended);
        return ended.map(|report| Box::new(report) as Box<dyn Report>);
    }
    let recovered = recovered?;
    context.reread();
    let made = made(context, args).await;
    // Helpers and spools of this run; what a killed one leaves is swept by the next.
    let swept = match context.docker() {
        Ok(docker) => sweep::own(docker, &context.stack.home, &context.run).await,
        Err(error) => Err(error),
    };
    if let Err(error) = swept {
        context.ui.warn(&format!("something of this run stays until the next one: {error:#}"));
    }
    write_down(context, &made);
    told::tell(context).await;
    let mut report = made?;
    report.recovered = recovered;
    Ok(Box::new(report))
}

/// How large it may become, and what the spools need beside it.
struct Need {
    archive: u64,
    spools: u64,
}

fn need(context: &Context, survey: &Survey) -> Result<Need> {
    let parts: BTreeMap<String, u64> = survey.bytes.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect();
    let register = Register::load(&context.stack.home)?;
    let of = |name: &str| survey.bytes.get(name).copied().unwrap_or_default();
    // Chroma's database is there twice only until its record is made, before the dumps are appended.
    let spools = (of(backup::POSTGRES) + of(backup::REDIS)).max(of(backup::CHROMADB));
    Ok(Need { archive: forecast::archive_bytes(&parts, register.entries().iter()), spools })
}

/// Everything that is looked at before anything is stopped.
async fn looked(context: &Context, args: &BackupArgs) -> Result<(Survey, Destination, Need)> {
    let survey = survey(context, &args.asked()).await?;
    let need = need(context, &survey)?;
    let destination = destination::choose(context, args.output_dir.as_deref(), need.archive).await?;
    let state = context.stack.home.state();
    let same = rustix::fs::stat(&state).ok().zip(rustix::fs::stat(&destination.dir).ok());
    let beside = if same.is_some_and(|(a, b)| a.st_dev == b.st_dev) { need.archive } else { 0 };
    spool::need_room(&state, need.spools + beside, "the dumps on their way into the archive")?;
    Ok((survey, destination, need))
}

async fn plan(context: &Context, args: &BackupArgs) -> Result<Backup> {
    let begun = Instant::now();
    let (survey, destination, need) = looked(context, args).await?;
    let ran = survey.ran();
    let stops = ["backend", "chromadb"].into_iter().filter(|name| ran.iter().any(|ran| ran == name));
    let stops = stops.filter(|name| *name == "backend" || args.asked().chromadb).map(str::to_owned).collect();
    let component = |(name, bytes): (&&str, &u64)| ComponentOutcome {
        name: (*name).to_owned(),
        status: Status::Skipped,
        bytes: *bytes,
        error: None,
    };
    Ok(Backup {
        bytes: need.archive,
        duration: begun.elapsed(),
        components: survey.bytes.iter().map(component).collect(),
        excluded: excluded(&survey.mounts),
        uncovered: survey.uncovered(),
        encrypted: args.seal(&context.stack)?.encrypts(),
        fell_back: destination.fell_back,
        plan: Some(Plan { dir: destination.dir, stops }),
        ..Backup::default()
    })
}

async fn made(context: &mut Context, args: &BackupArgs) -> Result<Backup> {
    let begun = Instant::now();
    let seal = args.seal(&context.stack)?;
    let encrypted = seal.encrypts();
    context.ui.say("looking at what there is …");
    let (survey, destination, _) = looked(context, args).await?;
    context.learn_from(&survey.containers);
    if context.cancel.is_cancelled() {
        return Err(interrupted());
    }
    let wish = Wish { asked: args.asked(), seal, dir: destination.dir.clone(), name: Name::at(Timestamp::now()) };
    let created = wish.name.time();
    let mut taken = take::take(context, &survey, wish).await?;
    let mut report = Backup {
        archive: Some(taken.published.archive.clone()),
        sha256: taken.published.sha256.to_string(),
        bytes: taken.published.bytes,
        duration: begun.elapsed(),
        down: taken.down,
        components: with_skipped(&taken.outcome.components, args),
        excluded: excluded(&survey.mounts),
        uncovered: survey.uncovered(),
        encrypted,
        fell_back: destination.fell_back.clone(),
        warnings: Vec::new(),
        ..Backup::default()
    };
    report.trouble = taken.trouble.take();
    kept(context, args, &destination, &taken, created, &mut report).await;
    report.warnings.extend(taken.warnings);
    Ok(report)
}

/// The register, the memory of the destination, older archives. The archive is there whatever fails here.
async fn kept(
    context: &Context,
    args: &BackupArgs,
    destination: &Destination,
    taken: &Taken,
    created: Timestamp,
    report: &mut Backup,
) {
    let entry = entry(context, args, destination, taken, created, report);
    if let Err(error) = keep(context, args, destination, entry, report).await {
        report.warnings.push(Warning {
            id: "backup.keeping",
            message: format!("the archive is there, but what is kept could not be brought up to date: {error:#}"),
            hint: Some("look at: tars backup list".to_owned()),
        });
    }
}

async fn keep(
    context: &Context,
    args: &BackupArgs,
    destination: &Destination,
    entry: Entry,
    report: &mut Backup,
) -> Result<()> {
    let home = &context.stack.home;
    let mut register = Register::load(home)?;
    register.record(entry)?;
    destination::remember(home, &destination.dir, &destination.file_system)?;
    // What could not be written there cannot be moved there either.
    if destination.fell_back.is_none() {
        let strays = strays::bring(home, &mut register).await?;
        report.moved = strays.moved;
        let waits = |message| Warning { id: "backup.waiting", message, hint: None };
        report.warnings.extend(strays.waiting.into_iter().map(waits));
    }
    report.warnings.extend(drawer::warning_once(&context.stack, &register)?);
    let rules = args.rules();
    if !rules.is_none() {
        let survey = files::survey(home, &register, Some(&destination.dir)).await?;
        let decisions = prune::decide(&survey, rules, Timestamp::now());
        let pruned = prune::apply(&mut register, &decisions).await?;
        report.pruned = pruned.dropped.into_iter().map(|entry| entry.file_name).collect();
        let warning = |message| Warning { id: "backup.prune", message, hint: None };
        report.warnings.extend(pruned.failed.into_iter().map(warning));
    }
    Ok(())
}

fn entry(
    context: &Context,
    args: &BackupArgs,
    destination: &Destination,
    taken: &Taken,
    created: Timestamp,
    report: &Backup,
) -> Entry {
    let status = |status| match status {
        Status::Saved => "saved",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    };
    let component = |one: &ComponentOutcome| Component {
        name: one.name.clone(),
        status: status(one.status).to_owned(),
        bytes: one.bytes,
    };
    let file_name = taken.published.archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Entry {
        file_name,
        dir: destination.dir.clone(),
        meant_for: destination.meant_for.clone(),
        sha256: report.sha256.clone(),
        bytes: report.bytes,
        created,
        components: taken.outcome.components.iter().map(component).collect(),
        encrypted: report.encrypted,
        key_id: taken.outcome.key_id.clone(),
        verified: Some(Timestamp::now()),
        drilled: None,
        pinned: args.keep,
        complete: taken.outcome.components.iter().all(|one| one.status == Status::Saved),
        exit: report.exit().code(),
        run: context.run.clone(),
        dropped: None,
        unknown: serde_json::Map::new(),
    }
}

/// What was not asked for stands in the report as well.
fn with_skipped(came: &[ComponentOutcome], args: &BackupArgs) -> Vec<ComponentOutcome> {
    let mut all = came.to_vec();
    let skipped = [
        (backup::POSTGRES, args.skip_postgres),
        (backup::CHROMADB, args.skip_chromadb),
        (backup::REDIS, args.skip_redis),
    ];
    for (name, _) in skipped.into_iter().filter(|(_, skipped)| *skipped) {
        all.push(ComponentOutcome { name: name.to_owned(), status: Status::Skipped, bytes: 0, error: None });
    }
    all
}

/// How it ended, for `status` and `doctor`.
fn write_down(context: &Context, made: &Result<Backup>) {
    let errors = |error: &anyhow::Error| causes_of(error).iter().map(|text| context.ui.clean(text)).collect();
    let last = match made {
        Ok(report) => Last {
            run: context.run.clone(),
            at: Timestamp::now(),
            exit: report.exit().code(),
            archive: report.archive.clone(),
            bytes: report.bytes,
            errors: report.trouble.as_ref().map_or_else(|| report.shortcomings(), errors),
        },
        Err(error) => Last {
            run: context.run.clone(),
            at: Timestamp::now(),
            exit: exit_of(error).code(),
            archive: None,
            bytes: 0,
            errors: errors(error),
        },
    };
    if let Err(error) = last::record(&context.stack.home, &last) {
        context.ui.warn(&format!("how this run ended could not be written down: {error:#}"));
    }
}
