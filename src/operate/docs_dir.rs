//! The folder whose documents the backend reads: it must be there before compose mounts it.

use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::env;
use crate::stack::envfile::EnvFile;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a folder may take to answer; a dead NAS never does.
const WITHIN: Duration = Duration::from_secs(10);

/// Makes the folder where it is missing and writes down how it is to be mounted. The default `/mnt/llm_docs` gives way
/// to a folder in the home where this user may not make it; a folder of the operator's choice does not.
///
/// # Errors
/// When it cannot be made, or does not answer.
pub async fn ensure(mut env: EnvFile, home: PathBuf) -> Result<EnvFile> {
    let dir = env.get("TARS_DOCS_DIR").unwrap_or_default().to_owned();
    // Nobody can interrupt who waits for a dead share: so a thread waits that the end of the run does not wait for.
    let chosen = tokio::task::spawn_blocking(move || choose(&mut env, &home).map(|()| env));
    tokio::time::timeout(WITHIN, chosen).await.map_err(|_| {
        Failure::new(Exit::Failed, format!("the documents' folder {dir} (TARS_DOCS_DIR) does not answer"))
            .hint("is a share mounted there whose server is away? unmount it (umount -l), or name another folder in the env file")
    })??
}

fn choose(env: &mut EnvFile, home: &Path) -> Result<()> {
    let dir = env.get("TARS_DOCS_DIR").unwrap_or_default().to_owned();
    if !Path::new(&dir).is_dir()
        && let Err(error) = std::fs::create_dir_all(&dir)
    {
        if dir != env::default_of("TARS_DOCS_DIR") {
            return Err(Failure::new(
                Exit::Failed,
                format!("the documents' folder {dir} (TARS_DOCS_DIR) cannot be made"),
            )
            .hint("make it, or name another one in the env file")
            .caused_by(error)
            .into());
        }
        let own = home.join("llm_docs");
        std::fs::create_dir_all(&own)?;
        env.set("TARS_DOCS_DIR", &own.display().to_string());
    }
    let dir = env.get("TARS_DOCS_DIR").unwrap_or_default().to_owned();
    env.set("TARS_DOCS_PROPAGATION", propagation(Path::new(&dir)));
    Ok(())
}

/// `rslave` lets the container see a share that is mounted later; the engine refuses it on a private mount (facts I).
fn propagation(dir: &Path) -> &'static str {
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let holding = mounts
        .lines()
        .filter_map(|line| Some((line.split(' ').nth(4)?, line)))
        .filter(|(at, _)| real.starts_with(at))
        .max_by_key(|(at, _)| at.len());
    match holding {
        // Optional fields stand between the sixth field and a lone dash (proc_pid_mountinfo(5)).
        Some((_, line))
            if line
                .split(' ')
                .skip(6)
                .take_while(|field| *field != "-")
                .any(|field| field.starts_with("shared:") || field.starts_with("master:")) =>
        {
            "rslave"
        }
        _ => "rprivate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_folder_is_made_and_a_chosen_one_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("a/b");
        let env = EnvFile::parse(&format!("TARS_DOCS_DIR={}\n", wanted.display()));
        let env = ensure(env, dir.path().to_owned()).await.unwrap();
        assert!(wanted.is_dir() && env.get("TARS_DOCS_PROPAGATION").is_some());
        std::fs::write(dir.path().join("file"), "").unwrap();
        let env = EnvFile::parse(&format!("TARS_DOCS_DIR={}/file/x\n", dir.path().display()));
        assert!(ensure(env, dir.path().to_owned()).await.is_err());
    }
}
