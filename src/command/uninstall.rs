//! `tars uninstall`: containers, networks, units, images that `tars` made and the binary go. Data, home and archives
//! stay and are listed; `--delete-data NAME` takes them too. Docker stays.

use crate::context::Context;
use crate::docker::Docker;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::lock::Lock;
use crate::operate::{lifecycle, sweep, unit};
use crate::stack::{RECIPE_LABEL, STACK_LABEL, Stack, generations, service};
use crate::ui::{Page, Report};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::path::Path;

/// Flags of `tars uninstall`.
#[derive(Debug, clap::Args)]
pub struct UninstallArgs {
    /// Delete all data as well: volumes, home and the archives in it; NAME is the project's name, as tars status shows it
    #[arg(long, value_name = "NAME")]
    pub delete_data: Option<String>,
}

/// What went and what stayed.
#[derive(Debug, Default)]
struct Uninstalled {
    removed: Vec<String>,
    kept: Vec<String>,
}

impl Report for Uninstalled {
    fn render(&self, page: &mut Page) {
        for what in &self.removed {
            page.line(format!("removed {what}"));
        }
        for what in &self.kept {
            page.line(format!("{}    {what}", page.green("kept")));
        }
    }

    fn data(&self) -> Value {
        json!({ "removed": self.removed, "kept": self.kept })
    }
}

/// Runs the verb. Works with half a stack, and again after it was interrupted.
///
/// # Errors
/// Exit 64 when `--delete-data` names another project, 69 when there is nothing to uninstall.
pub async fn run(context: &mut Context, args: &UninstallArgs) -> Result<Box<dyn Report>> {
    let docker = context.docker()?.clone();
    let project = context.stack.project().to_owned();
    refuse_other(args, &project)?;
    let containers = lifecycle::containers(&docker, &context.stack).await?;
    if containers.is_empty() && !context.stack.home.state().exists() {
        // Volumes of that project may be another home's: without a home of our own nothing is ours to remove.
        let home = context.stack.home.path().display();
        return Err(Failure::new(Exit::Unavailable, format!("there is no stack in {home} to uninstall"))
            .hint("name its home: --home DIR")
            .into());
    }
    refuse_foreign(&docker, &context.stack).await?;
    let volumes = volumes(&docker, &context.stack).await?;
    confirm(context, args, &volumes)?;
    let lock = context.stack.home.state().is_dir().then(|| Lock::take(&context.stack.home)).transpose()?;
    let mut report = Uninstalled::default();
    lifecycle::stop(context, &docker).await?;
    for container in containers {
        docker.remove(&container.id).await?;
        report.removed.push(format!("container {}", container.name));
    }
    sweep::sweep(&docker, &context.stack.home, None).await?;
    let networks = docker.remove_networks(&format!("com.docker.compose.project={project}")).await?;
    report.removed.extend(networks.into_iter().map(|name| format!("network {name}")));
    shared(&docker, &project, &mut report).await?;
    data(context, args, &docker, volumes, &mut report).await?;
    drop(lock);
    Ok(Box::new(report))
}

/// Two homes with one project name: the volumes are then somebody's who still uses them.
async fn refuse_foreign(docker: &Docker, stack: &Stack) -> Result<()> {
    let project = stack.project();
    let all = docker.containers(&format!("com.docker.compose.project={project}")).await?;
    let homes = all.iter().map(|container| container.label("com.docker.compose.project.working_dir"));
    match homes.into_iter().find(|home| !stack.home.is(Path::new(home))) {
        None => Ok(()),
        Some(home) => Err(Failure::new(Exit::Usage, format!("the stack {project} belongs to {home}"))
            .hint(format!("nothing was removed; name that home: --home {home}"))
            .into()),
    }
}

fn refuse_other(args: &UninstallArgs, project: &str) -> Result<()> {
    match args.delete_data.as_deref() {
        Some(name) if name != project => {
            Err(Failure::new(Exit::Usage, format!("--delete-data {name}: the stack here is called {project}"))
                .hint("nothing was removed; name it exactly to delete its data")
                .into())
        }
        _ => Ok(()),
    }
}

fn confirm(context: &Context, args: &UninstallArgs, volumes: &[String]) -> Result<()> {
    let question = if args.delete_data.is_some() {
        format!("Delete {} volumes and {} for ever?", volumes.len(), context.stack.home.path().display())
    } else {
        "Remove the stack? Its data stays.".to_owned()
    };
    // The name after --delete-data is the consent; without it nothing is lost, so yes is the default.
    if context.ui.confirm(&question, args.delete_data.is_none() || context.ui.options().yes)? {
        Ok(())
    } else {
        Err(Failure::new(Exit::Failed, "nothing was removed").into())
    }
}

/// What other stacks on this machine use as well stays as long as there is one.
async fn shared(docker: &Docker, project: &str, report: &mut Uninstalled) -> Result<()> {
    for path in unit::remove(project).await? {
        report.removed.push(path.display().to_string());
    }
    let others = docker.containers(STACK_LABEL).await?;
    if let Some(other) = others.iter().find(|container| container.project() != project) {
        report.kept.push(format!("images and {}: the stack {} uses them", unit::BINARY, other.project()));
        return Ok(());
    }
    for image in docker.images(RECIPE_LABEL).await? {
        let name = image.tags.first().unwrap_or(&image.id).clone();
        match docker.remove_image(&name).await {
            Ok(()) => report.removed.push(format!("image {name}")),
            Err(error) => report.kept.push(format!("image {name}: {error:#}")),
        }
    }
    let binary = Path::new(unit::BINARY);
    if binary.exists() && crate::context::is_root() {
        std::fs::remove_file(binary).with_context(|| format!("could not remove {}", unit::BINARY))?;
        report.removed.push(unit::BINARY.to_owned());
    }
    Ok(())
}

async fn data(
    context: &Context,
    args: &UninstallArgs,
    docker: &Docker,
    volumes: Vec<String>,
    report: &mut Uninstalled,
) -> Result<()> {
    let home = context.stack.home.path();
    if args.delete_data.is_none() {
        report.kept.extend(volumes.into_iter().map(|name| format!("volume {name}")));
        if home.exists() {
            report
                .kept
                .push(format!("{}: settings, secrets and archives; tars install goes on with them", home.display()));
        }
        return Ok(());
    }
    for name in volumes {
        docker.remove_volume(&name).await?;
        report.removed.push(format!("volume {name}"));
    }
    if home.exists() {
        std::fs::remove_dir_all(home).with_context(|| format!("could not remove {}", home.display()))?;
        report.removed.push(home.display().to_string());
    }
    Ok(())
}

/// Every volume of the stack that exists: those that the settings name, all generations, and those that compose made.
async fn volumes(docker: &Docker, stack: &Stack) -> Result<Vec<String>> {
    let project = stack.project();
    let first: Vec<_> = generations::first_names(project).map(|(_, name)| name).collect();
    let settings: Vec<_> = service::volumes().map(|(_, volume)| stack.setting(volume.setting)).collect();
    let mine = |name: &str| {
        settings.contains(&name)
            || first
                .iter()
                .any(|base| name == base || name.strip_prefix(base.as_str()).is_some_and(|rest| rest.starts_with(".g")))
    };
    let volumes = docker.volumes().await?.into_iter();
    let made_by_compose = |volume: &crate::docker::Volume| {
        volume.labels.get("com.docker.compose.project").is_some_and(|label| label == project)
    };
    let mut names: Vec<_> =
        volumes.filter(|volume| mine(&volume.name) || made_by_compose(volume)).map(|volume| volume.name).collect();
    names.sort();
    Ok(names)
}
