//! Images from Debian's and PyPI's packages, for hosts where no registry can be reached.
//!
//! A base image by debootstrap on the host, then each recipe as root in a container of it, then a commit. No
//! Dockerfile, no builder: any engine can do this. The host's certificates go in for the build only, so that it works
//! behind a TLS proxy that only the host knows.

use super::backend_image::CA_BUNDLE;
use super::child::Group;
use super::lock::Lock;
use super::{apt, sweep, tree};
use crate::archive::{self, Item};
use crate::context::Context;
use crate::docker::HelperSpec;
use crate::error::{Failure, Tail};
use crate::exit::Exit;
use crate::stack::RECIPE_LABEL;
use crate::stack::images::{BASE_IMAGE, BASE_SCRIPT, Recipe};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// What of the surroundings a build container may need to reach the package sources.
const PASSED: [&str; 9] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
];

/// Builds one recipe's image, unless it is there. Returns its name and whether it was made.
///
/// # Errors
/// When a package source cannot be reached or the disk is full; the recipe's own last words are the cause.
pub async fn ensure(context: &Context, lock: &Lock, recipe: &Recipe) -> Result<(String, bool)> {
    let docker = context.docker()?;
    let name = recipe.image()?.to_owned();
    if docker.image(&name).await?.is_some() {
        return Ok((name, false));
    }
    ensure_base(context, lock).await?;
    let spec = HelperSpec {
        image: BASE_IMAGE.to_owned(),
        command: ["sleep", "infinity"].map(str::to_owned).to_vec(),
        // An engine takes no STOPSIGNAL with a commit; the container's own is kept.
        stop_signal: recipe.stop_signal().map(str::to_owned),
        run: context.run.clone(),
        home: context.stack.home.path().display().to_string(),
        ..HelperSpec::default()
    };
    let id = docker.create_helper(&spec).await?;
    let built = build(context, recipe, &id, &name).await;
    docker.remove(&id).await?;
    built.map(|()| (name, true))
}

async fn build(context: &Context, recipe: &Recipe, id: &str, name: &str) -> Result<()> {
    let docker = context.docker()?;
    docker.start(id).await?;
    let certificates = std::fs::read(CA_BUNDLE).unwrap_or_default();
    if !certificates.is_empty() {
        let tar = archive::small_tar(&[("tars-ca.crt", 0o644, 0, Item::File(certificates))])?;
        docker.upload(id, "/tmp", tar.into()).await?;
    }
    let mut bar = context.ui.bar(&format!("building {name}"));
    let mut tail = Tail::default();
    // Only the command gets these: a commit would write the container's own environment into the image.
    let env: Vec<_> = PASSED.iter().filter_map(|key| Some(format!("{key}={}", std::env::var(key).ok()?))).collect();
    let script = format!("exec 2>&1\n{}", recipe.script);
    let output = docker
        .exec_lines(id, &["sh", "-euc", &script], &env, |line| {
            bar.words(line);
            tail.push(line);
        })
        .await?;
    if !output.ok() {
        return Err(Failure::new(Exit::Failed, format!("could not build {name} from packages"))
            .hint("it needs a Debian mirror and PyPI; set TARS_MIRROR, PIP_INDEX_URL or https_proxy if this network has its own, then run the same command again")
            .caused_by(anyhow::anyhow!("{}", tail.text()))
            .into());
    }
    let changes: Vec<_> = recipe.changes().map(str::to_owned).collect();
    docker.commit(id, name, &changes).await
}

async fn ensure_base(context: &Context, lock: &Lock) -> Result<()> {
    // The recipes run side by side; the first one makes the base.
    static BUILDING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = BUILDING.lock().await;
    let docker = context.docker()?;
    if docker.image(BASE_IMAGE).await?.is_some() {
        return Ok(());
    }
    apt::ensure(&context.ui, &apt::bootstrap_packages()).await?;
    let work = sweep::work_dir(&context.stack.home, &context.run)?;
    let mirror = apt::debian_mirror();
    let mut child = Command::new("sh")
        .args(["-euc", BASE_SCRIPT])
        .env("TARS_WORK", &work)
        .env("TARS_MIRROR", &mirror.main)
        .env("TARS_SECURITY_MIRROR", &mirror.security)
        // The lock stays taken while a part of the script still works.
        .stdin(lock.inherit()?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("could not run the base image's script")?;
    let group = Group::of(&child);
    let stdout = child.stdout.take().context("no stdout")?;
    let said = listen(context, child.stderr.take().context("no stderr")?);
    let changes = ["CMD [\"bash\"]".to_owned(), format!("LABEL {RECIPE_LABEL}=base")];
    let imported = docker.import(BASE_IMAGE, &changes, to_its_end(stdout, child)).await;
    match &imported {
        Ok(()) => group.ended(),
        Err(_) => drop(group),
    }
    // Its stderr ends when the last of the group has ended: only then is the directory still.
    let said = said.await.unwrap_or_default();
    if let Err(error) = tree::remove_with_mounts(&work) {
        context.ui.detail(&format!("  {}: {error:#}; the next run removes it", work.display()));
    }
    imported.map_err(|error| {
        Failure::new(Exit::Failed, format!("could not make the base image {BASE_IMAGE} from {}", mirror.main))
            .hint("it needs a Debian mirror; set TARS_MIRROR if this network has its own, then run the same command again")
            .caused_by(error.context(said))
            .into()
    })
}

/// Shows the script's words as progress, and keeps the last of them for the error.
fn listen(context: &Context, stderr: tokio::process::ChildStderr) -> tokio::task::JoinHandle<String> {
    let mut bar = context.ui.bar(&format!("building {BASE_IMAGE}"));
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        let mut last = Tail::default();
        while let Ok(Some(line)) = lines.next_line().await {
            bar.words(&line);
            last.push(&line);
        }
        last.text()
    })
}

/// The child's output as a stream that only ends well when the child did: a part of a root is never an image.
fn to_its_end(stdout: ChildStdout, child: Child) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream::unfold(Some((stdout, child)), |state| async {
        let (mut stdout, mut child) = state?;
        let mut buffer = Vec::with_capacity(1 << 18);
        match stdout.read_buf(&mut buffer).await {
            Ok(0) => match child.wait().await {
                Ok(status) if status.success() => None,
                Ok(status) => Some((Err(std::io::Error::other(format!("the script ended with {status}"))), None)),
                Err(error) => Some((Err(error), None)),
            },
            Ok(_) => Some((Ok(buffer.into()), Some((stdout, child)))),
            Err(error) => Some((Err(error), None)),
        }
    })
}
