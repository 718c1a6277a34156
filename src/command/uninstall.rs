//! `tars uninstall`: containers, networks, units, images that `tars` made and the binary go. Data, home and archives
//! stay and are listed; `--delete-data NAME` takes them too. Docker stays.

use crate::context::Context;
use crate::docker::Docker;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::journal::{self, Goal, Journal};
use crate::operate::keeping::schedule;
use crate::operate::lock::Lock;
use crate::operate::{lifecycle, nas, sweep, tree, unit};
use crate::stack::home::Home;
use crate::stack::{HOME_LABEL, PROJECT_LABEL, RECIPE_LABEL, STACK_LABEL, Stack, compose, generations, service, state};
use crate::ui::{Page, Report};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;

/// Flags of `tars uninstall`.
#[derive(Debug, clap::Args)]
pub struct UninstallArgs {
    /// Delete all data as well: volumes, home and the archives in it; NAME is the project's name, as tars status shows it
    #[arg(long, value_name = "NAME")]
    pub delete_data: Option<String>,
}

/// What went, what stayed, and what should have gone.
#[derive(Debug, Default)]
struct Uninstalled {
    removed: Vec<String>,
    kept: Vec<String>,
    failed: Vec<String>,
    error: Option<anyhow::Error>,
}

impl Uninstalled {
    /// One thing that cannot be removed must not lose the list: it is said, and the others still go.
    fn note(&mut self, what: impl Into<String>, removed: Result<()>) {
        let what = what.into();
        match removed {
            Ok(()) => self.removed.push(what),
            Err(error) => self.failed.push(format!("{what}: {error:#}")),
        }
    }

    fn ended(mut self) -> Self {
        if !self.failed.is_empty() {
            let failure = Failure::new(Exit::Partly, "not everything could be removed");
            self.error = Some(failure.hint("see above; when that is mended, run the same command again").into());
        }
        self
    }
}

impl Report for Uninstalled {
    fn render(&self, page: &mut Page) {
        for what in &self.removed {
            page.line(format!("removed {what}"));
        }
        for what in &self.kept {
            page.line(format!("{}    {what}", page.green("kept")));
        }
        for what in &self.failed {
            page.line(format!("{}  {what}", page.red("failed")));
        }
    }

    fn exit(&self) -> Exit {
        if self.failed.is_empty() { Exit::Done } else { Exit::Partly }
    }

    fn error(&self) -> Option<&anyhow::Error> {
        self.error.as_ref()
    }

    fn data(&self) -> Value {
        json!({ "removed": self.removed, "kept": self.kept, "failed": self.failed })
    }
}

/// Runs the verb. Works with half a stack, and again after it was interrupted.
///
/// # Errors
/// Exit 64 when `--delete-data` names another project, 69 when there is nothing to uninstall. What cannot be removed
/// later is in the report.
pub async fn run(context: &mut Context, args: &UninstallArgs) -> Result<Box<dyn Report>> {
    let docker = context.docker()?.clone();
    let project = context.stack.project().to_owned();
    let home = context.stack.home.clone();
    refuse_other(args, &project)?;
    let containers = lifecycle::containers(&docker, &context.stack).await?;
    if containers.is_empty() && !home.state().exists() {
        // Volumes of that project may be another home's: without a home of our own nothing is ours to remove.
        return Err(Failure::new(
            Exit::Unavailable,
            format!("there is no stack in {} to uninstall", home.path().display()),
        )
        .hint("name its home: --home DIR")
        .into());
    }
    refuse_foreign(&docker, &context.stack).await?;
    let volumes = volumes(&docker, &context.stack).await?;
    confirm(context, args, &volumes).await?;
    let lock = home.state().is_dir().then(|| Lock::take(&home)).transpose()?;
    if lock.is_some() {
        // Whatever an earlier run was to bring back: from here on the stack is to be gone.
        Journal::open(&home, &context.run, "uninstall", Goal::Stopped)?;
    }
    let mut report = Uninstalled::default();
    if let Err(error) = lifecycle::stop(context, &docker).await {
        // Removing them stops them as well, without their grace.
        report.failed.push(format!("stopping the services: {error:#}"));
    }
    for container in containers {
        report.note(format!("container {}", container.name), docker.remove(&container.id).await);
    }
    for said in [sweep::sweep(&docker, &home, None).await, sweep::kept(&docker, &home).await].concat() {
        context.ui.detail(&said);
    }
    match docker.remove_networks(&format!("{PROJECT_LABEL}={project}")).await {
        Ok(networks) => report.removed.extend(networks.into_iter().map(|name| format!("network {name}"))),
        Err(error) => report.failed.push(format!("networks: {error:#}")),
    }
    match schedule::remove(&home, &project).await {
        Ok(removed) => report.removed.extend(removed),
        Err(error) => report.failed.push(format!("the schedule of the backups: {error:#}")),
    }
    let last = shared(&docker, &project, &mut report).await;
    if args.delete_data.is_some() {
        unmount_shares(&context.stack, &mut report).await;
        delete_volumes(&docker, volumes, &mut report).await;
        delete_home(&home, &mut report);
    } else {
        keep_data(&home, volumes, &mut report);
    }
    if home.state().is_dir() {
        report.failed.extend(journal::forget(&home).err().map(|error| format!("{error:#}")));
    }
    if last {
        remove_binary(Path::new(unit::BINARY), &mut report);
    }
    drop(lock);
    Ok(Box::new(report.ended()))
}

/// Two homes with one project name: the volumes are then somebody's who still uses them.
async fn refuse_foreign(docker: &Docker, stack: &Stack) -> Result<()> {
    let project = stack.project();
    let all = docker.containers(&format!("{PROJECT_LABEL}={project}")).await?;
    let homes = all.iter().map(|container| container.label(HOME_LABEL));
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

async fn confirm(context: &Context, args: &UninstallArgs, volumes: &[String]) -> Result<()> {
    let question = if args.delete_data.is_some() {
        format!("Delete {} volumes and {} for ever?", volumes.len(), context.stack.home.path().display())
    } else {
        "Remove the stack? Its data stays.".to_owned()
    };
    // The name after --delete-data is the consent; without it nothing is lost, so yes is the default.
    if context.ui.confirm(&question, args.delete_data.is_none() || context.ui.options().yes).await? {
        Ok(())
    } else {
        Err(Failure::new(Exit::Failed, "nothing was removed").into())
    }
}

/// What other stacks on this machine use as well stays as long as there is one. Returns whether this was the last.
async fn shared(docker: &Docker, project: &str, report: &mut Uninstalled) -> bool {
    match unit::remove(project).await {
        Ok(files) => report.removed.extend(files.iter().map(|path| path.display().to_string())),
        Err(error) => report.failed.push(format!("the unit that recovers at boot: {error:#}")),
    }
    let others = match docker.containers(STACK_LABEL).await {
        Ok(others) => others,
        Err(error) => {
            report.failed.push(format!("images: {error:#}"));
            return false;
        }
    };
    if let Some(other) = others.iter().find(|container| container.project() != project) {
        report.kept.push(format!("images and {}: the stack {} uses them", unit::BINARY, other.project()));
        return false;
    }
    let images = docker.images(RECIPE_LABEL).await.unwrap_or_else(|error| {
        report.failed.push(format!("images: {error:#}"));
        Vec::new()
    });
    for image in images {
        let name = image.tags.first().unwrap_or(&image.id).clone();
        match docker.remove_image(&name).await {
            Ok(()) => report.removed.push(format!("image {name}")),
            Err(error) => report.kept.push(format!("image {name}: {error:#}")),
        }
    }
    true
}

/// The last thing to go: whatever failed before needs it once more.
fn remove_binary(binary: &Path, report: &mut Uninstalled) {
    if !binary.exists() {
    } else if !report.failed.is_empty() {
        report.kept.push(format!("{}: to run the same command again", binary.display()));
    } else if !crate::context::is_root() {
        report.kept.push(format!("{}: only root may remove it", binary.display()));
    } else {
        report.note(binary.display().to_string(), state::remove(binary));
    }
}

/// Their lines in fstab name credentials that go with the home; what is on a share is not ours to delete.
async fn unmount_shares(stack: &Stack, report: &mut Uninstalled) {
    for share in nas::shares(stack).unwrap_or_default() {
        match nas::mount::take_off(stack.project(), &share).await {
            Ok((false, None)) => {}
            Ok(_) => report.removed.push(format!("mount {}", share.mount_point.display())),
            Err(error) => report.failed.push(format!("the share at {}: {error:#}", share.mount_point.display())),
        }
    }
}

fn keep_data(home: &Home, volumes: Vec<String>, report: &mut Uninstalled) {
    report.kept.extend(volumes.into_iter().map(|name| format!("volume {name}")));
    if home.path().exists() {
        let home = home.path().display();
        report.kept.push(format!("{home}: settings, secrets and archives; tars install goes on with them"));
    }
}

async fn delete_volumes(docker: &Docker, volumes: Vec<String>, report: &mut Uninstalled) {
    for name in volumes {
        let removed = docker.remove_volume(&name).await;
        report.note(format!("volume {name}"), removed);
    }
}

/// Only the names that `tars` makes: an operator's own file in the home, or a share mounted below it, is not ours.
fn delete_home(home: &Home, report: &mut Uninstalled) {
    if !home.path().exists() {
        return;
    }
    if !report.failed.is_empty() {
        let home = home.path().display();
        report.kept.push(format!("{home}: what could not be removed needs its settings"));
        return;
    }
    // Made for who may not write to /mnt; a document in it is the operator's.
    std::fs::remove_dir(home.path().join("llm_docs")).ok();
    let mut names: Vec<_> = compose::FILES.iter().map(|(name, _)| *name).collect();
    if std::fs::read_link(home.env_link()).is_ok_and(|target| target == Path::new("tars-home.env")) {
        names.push(".env");
    }
    // The state goes last: with it the home is found again should this be interrupted.
    names.extend(["nas", "backups", "support", "tars-home.env", "state"]);
    for left in names.iter().flat_map(|name| tree::remove(&home.path().join(name))) {
        report.kept.push(format!("{}: {}", left.path.display(), left.why));
    }
    let real = home.path().canonicalize().unwrap_or_else(|_| home.path().to_owned());
    if std::fs::remove_dir(&real).is_ok() {
        if home.path().is_symlink() {
            std::fs::remove_file(home.path()).ok();
        }
        report.removed.push(home.path().display().to_string());
        return;
    }
    let stay = std::fs::read_dir(&real).into_iter().flatten().flatten().map(|entry| entry.path());
    let said = |path: &Path| report.kept.iter().any(|kept| kept.starts_with(&path.display().to_string()));
    let stay: Vec<_> = stay.filter(|path| !said(path)).collect();
    report.kept.extend(stay.iter().map(|path| format!("{}: tars did not make it", path.display())));
    report.removed.push(format!("what tars made in {}", home.path().display()));
}

/// Every volume of the stack that exists: those that the settings name, all generations, and those that compose made.
async fn volumes(docker: &Docker, stack: &Stack) -> Result<Vec<String>> {
    let project = stack.project();
    let mine = |name: &str| {
        service::volumes()
            .any(|(_, volume)| stack.setting(volume.setting) == name || generations::is_of(project, volume.key, name))
    };
    let made_by_compose =
        |volume: &crate::docker::Volume| volume.labels.get(PROJECT_LABEL).is_some_and(|label| label == project);
    let volumes = docker.volumes().await?.into_iter();
    let mut names: Vec<_> =
        volumes.filter(|volume| mine(&volume.name) || made_by_compose(volume)).map(|volume| volume.name).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("home"));
        home.create().unwrap();
        std::fs::write(home.env_file(), "A=1").unwrap();
        std::os::unix::fs::symlink("tars-home.env", home.env_link()).unwrap();
        std::fs::write(home.path().join(compose::MAIN), "").unwrap();
        std::fs::create_dir(home.path().join("llm_docs")).unwrap();
        (dir, home)
    }

    #[test]
    fn a_home_of_ours_alone_goes() {
        let (_dir, home) = home();
        let mut report = Uninstalled::default();
        delete_home(&home, &mut report);
        assert!(!home.path().exists() && report.kept.is_empty(), "{report:?}");
    }

    #[test]
    fn what_the_operator_put_there_stays_and_is_named() {
        let (_dir, home) = home();
        std::fs::write(home.path().join("llm_docs/thesis.pdf"), "").unwrap();
        std::fs::write(home.path().join("docker-compose.mine.yml"), "").unwrap();
        let mut report = Uninstalled::default();
        delete_home(&home, &mut report);
        assert!(home.path().join("llm_docs/thesis.pdf").exists() && !home.env_file().exists());
        assert_eq!(report.kept.len(), 2, "{report:?}");
    }

    #[test]
    fn after_a_failure_settings_and_binary_stay() {
        let (_dir, home) = home();
        let mut report = Uninstalled::default();
        report.note("volume p_redis_data", Err(anyhow::anyhow!("in use")));
        delete_home(&home, &mut report);
        remove_binary(&home.env_file(), &mut report);
        assert!(home.env_file().exists() && report.kept.len() == 2);
        assert_eq!(report.ended().exit(), Exit::Partly);
    }
}
