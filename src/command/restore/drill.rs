//! `tars restore --drill`: all of a restore but the switch, in volumes of its own that go again; or, with `--keep`,
//! stay with servers on loopback for a look.

use super::RestoreArgs;
use super::load::{self, Checked};
use super::report::Restored;
use super::steps;
use crate::command::running::{recovered, take};
use crate::context::Context;
use crate::docker::HelperSpec;
use crate::error::exit_of;
use crate::exit::Exit;
use crate::operate::keeping::register::{Register, Verdict};
use crate::operate::keeping::told;
use crate::operate::restore::fill::Filled;
use crate::operate::restore::postgres::Account;
use crate::operate::restore::source;
use crate::operate::restore::{chroma, is_to_blame, postgres, redis};
use crate::operate::{sweep, wait};
use crate::stack::component::Component;
use crate::stack::service;
use crate::stack::{KEPT_LABEL, RUN_HOME_LABEL, RUN_LABEL};
use crate::ui::Report;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// Runs it.
///
/// # Errors
/// Exit 69 without an engine, a stack or the archive; an interrupt. A bad archive is a verdict.
pub(super) async fn run(context: &mut Context, args: &RestoreArgs, file: &str) -> Result<Box<dyn Report>> {
    let begun = Instant::now();
    context.docker()?;
    let lock = take(context)?;
    if !args.dry_run {
        recovered(context, &lock).await.iter().for_each(|what| context.ui.say(&format!("recovered: {what}")));
        for said in sweep::kept(context.docker()?, &context.stack.home).await {
            context.ui.detail(&said);
        }
    }
    let path = source::find(context, file)?;
    let mut report = Restored { did: "drill", archive: Some(path.display().to_string()), ..Restored::default() };
    let ended = match Box::pin(load::check(context, args, file)).await {
        Ok(checked) => {
            report = load::report(&checked, "drill");
            report.notes.extend(steps::about_key(context, &checked, &[]));
            if args.dry_run {
                // Nothing was loaded: there is nothing to judge.
                report.rehearsed("would be drilled", begun.elapsed());
                return Ok(Box::new(report));
            }
            Box::pin(drill(context, args, &checked, &mut report)).await
        }
        Err(error) => Err(error),
    };
    report.took = begun.elapsed();
    let verdict = match ended {
        Ok(()) => Verdict::Pass,
        Err(error) if exit_of(&error) == Exit::Interrupted => return Err(error),
        Err(error) => {
            report.components.iter_mut().filter(|row| row.status == "restored").for_each(|row| row.status = "failed");
            let verdict = if is_to_blame(context, &error).await { Verdict::Fail } else { Verdict::Error };
            report.error = Some(error);
            verdict
        }
    };
    report.verdict = Some(verdict.word());
    if args.component.is_empty() {
        remember(context, &path, verdict)?;
        told::tell(context).await;
    }
    Ok(Box::new(report))
}

/// Into the register of archives, where this stack made the archive.
fn remember(context: &Context, path: &Path, verdict: Verdict) -> Result<()> {
    Register::load(&context.stack.home)?.drilled(path, verdict)
}

async fn drill(context: &Context, args: &RestoreArgs, checked: &Checked, report: &mut Restored) -> Result<()> {
    let docker = context.docker()?;
    let home = context.stack.home.path().display().to_string();
    let mut labels = vec![(RUN_LABEL, context.run.as_str()), (RUN_HOME_LABEL, home.as_str())];
    if args.keep {
        labels.push((KEPT_LABEL, "1"));
    }
    let mut volumes = BTreeMap::new();
    for component in checked.plan.volumes() {
        let name = format!("{}_drill-{}_{}", context.stack.project(), context.run, component.volume().key);
        docker.create_volume(&name, &labels).await?;
        volumes.insert(component, name);
    }
    let env = context.stack.need_env()?;
    let filled = Box::pin(load::fill(context, checked, volumes.clone(), env)).await;
    let kept = match &filled {
        Ok(filled) if args.keep && filled.redis_failed.is_none() => keep(context, &volumes).await,
        _ => Ok(Vec::new()),
    };
    let failed = filled.as_ref().map_or(true, |filled| filled.redis_failed.is_some());
    if !args.keep || failed || kept.is_err() {
        if args.keep {
            sweep::kept(docker, &context.stack.home).await;
        }
        for name in volumes.values() {
            docker.remove_volume(name).await?;
        }
    }
    let mut filled: Filled = filled?;
    // For a restore it is a cache; an archive whose dump cannot be loaded is bad all the same.
    if let Some(error) = filled.redis_failed.take() {
        return Err(error);
    }
    load::tell(report, checked, &filled);
    report.notes.extend(kept?);
    Ok(())
}

/// Servers on the copy, published on loopback alone. They run until the next drill, or until they are removed by hand.
async fn keep(context: &Context, volumes: &BTreeMap<Component, String>) -> Result<Vec<String>> {
    let (docker, stack) = (context.docker()?, &context.stack);
    let mut said = vec!["the copy stays until the next drill, on loopback, with this stack's passwords:".to_owned()];
    for (component, volume) in volumes {
        let Some(service) = service::named(component.name()) else { continue };
        let image = stack.setting(service.image_setting);
        let spec = match component {
            Component::Postgres => postgres::spec(image, &Account::of(stack.need_env()?), Some(volume)),
            Component::Redis => redis::spec(image, stack.setting("TARS_REDIS_PASSWORD"), volume),
            Component::Chromadb => chroma::spec(image, volume),
            Component::Documents | Component::Models => continue,
        };
        let name = format!("{}-drill-{component}", stack.project());
        let spec = HelperSpec {
            name: name.clone(),
            network: "bridge".to_owned(),
            loopback_ports: vec![(service.port, 0)],
            kept: true,
            run: context.run.clone(),
            home: stack.home.path().display().to_string(),
            ..spec
        };
        docker.create_helper(&spec).await?;
        docker.start(&name).await?;
        wait::for_container(docker, &name, service, wait::deadline(stack)).await?;
        let container = docker.container(&name).await?.with_context(|| format!("{name} is gone"))?;
        let port = container.ports.iter().find(|port| port.container == service.port);
        let port = port.with_context(|| format!("{name} is not published"))?;
        said.push(format!("  {component}: {}:{} (container {name})", port.address, port.host));
    }
    said.push(format!("  to remove it now: tars restore --drill, or docker rm -f {0}-drill-postgres {0}-drill-chromadb {0}-drill-redis", stack.project()));
    Ok(said)
}
