//! Writing the home: its directories, compose files, env file and the `.env` link.
//!
//! A second run keeps every value and comment and adds only what is new. A compose file that the operator edited is
//! kept; one that no one edited is replaced. How the two are told apart: `state/deployed.json` holds the sum of each
//! file as `tars` last wrote it.

use crate::archive::sha256_of;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::env::{self, TEMPLATE};
use crate::stack::envfile::EnvFile;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use crate::stack::{compose, generations, service};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// `state/deployed.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Deployed {
    /// File name → SHA-256 as last written.
    files: BTreeMap<String, String>,
    /// The compose project, for when the env file is gone.
    #[serde(default)]
    project: String,
}

/// A compose file that the operator edited and that is therefore kept.
#[derive(Debug)]
pub struct Edited {
    /// Its name in the home.
    pub name: &'static str,
    /// A unified diff from the embedded file to the operator's.
    pub difference: String,
}

/// Writes the compose files that are missing or old; returns how many, and which are the operator's.
///
/// # Errors
/// When the home cannot be written.
pub fn compose_files(home: &Home, project: &str) -> Result<(usize, Vec<Edited>)> {
    let record = home.state_file("deployed.json");
    let mut deployed = state::load::<Kept<Deployed>>(&record)?.unwrap_or_else(|| Kept::new(Deployed::default()));
    let (mut written, mut edited, mut recorded) = (0, Vec::new(), false);
    for (name, embedded) in compose::FILES {
        let path = home.path().join(name);
        let sum = sha256_of(embedded.as_bytes());
        let present = read_if_there(&path)?;
        let known = deployed.data.files.get(name);
        match present {
            Some(bytes) if bytes == embedded.as_bytes() => {}
            Some(bytes) if known != Some(&sha256_of(&bytes)) => {
                edited.push(Edited { name, difference: difference(embedded, &String::from_utf8_lossy(&bytes)) });
                continue;
            }
            _ => {
                state::write(&path, 0o644, embedded.as_bytes())?;
                written += 1;
            }
        }
        recorded |= deployed.data.files.insert(name.to_owned(), sum.clone()) != Some(sum);
    }
    recorded |= deployed.data.project != project;
    project.clone_into(&mut deployed.data.project);
    if recorded {
        state::save(&record, 0o644, &deployed)?;
    }
    Ok((written, edited))
}

/// What a compose file of the home is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Exactly what this program ships.
    Shipped,
    /// What another version of this program wrote.
    Older,
    /// The operator's own work; so many lines differ from what is shipped.
    Edited(usize),
    /// It is not there.
    Missing,
}

/// What each shipped compose file of a home is now. Reads files only.
///
/// # Errors
/// When a file or the record of what was written cannot be read.
pub fn shapes(home: &Home) -> Result<BTreeMap<String, Shape>> {
    let deployed = state::load::<Kept<Deployed>>(&home.state_file("deployed.json"))?;
    let known = deployed.map(|kept| kept.data.files).unwrap_or_default();
    let shape = |name: &str, embedded: &str| -> Result<Shape> {
        Ok(match read_if_there(&home.path().join(name))? {
            None => Shape::Missing,
            Some(bytes) if bytes == embedded.as_bytes() => Shape::Shipped,
            Some(bytes) if known.get(name) == Some(&sha256_of(&bytes)) => Shape::Older,
            Some(bytes) => Shape::Edited(changed_lines(embedded, &String::from_utf8_lossy(&bytes))),
        })
    };
    compose::FILES.iter().map(|(name, embedded)| Ok(((*name).to_owned(), shape(name, embedded)?))).collect()
}

fn changed_lines(embedded: &str, operators: &str) -> usize {
    let changes = similar::TextDiff::from_lines(embedded, operators);
    changes.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal).count()
}

/// The settings as they will be: the operator's file, or the template, with secrets and volume names filled in.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn completed(present: Option<&EnvFile>, project: &str) -> Result<EnvFile> {
    let template = EnvFile::parse(TEMPLATE);
    let mut env = present.cloned().unwrap_or_else(|| template.clone());
    if present.is_none() {
        env.set("COMPOSE_PROJECT_NAME", project);
    }
    env.complete_from(&template);
    for key in env::generated() {
        if env.get(key).is_none_or(str::is_empty) {
            env.set(key, &env::generate_secret()?);
        }
    }
    if env.get("COMPOSE_PROJECT_NAME").is_none_or(str::is_empty) {
        env.set("COMPOSE_PROJECT_NAME", project);
    }
    let project = env.get("COMPOSE_PROJECT_NAME").unwrap_or(project).to_owned();
    for (key, name) in generations::first_names(&project) {
        if env.get(key).is_none_or(str::is_empty) {
            env.set(key, &name);
        }
    }
    // There is only one image of a service that no recipe builds; compose wants its name even while it does not run.
    for service in service::ALL.iter().filter(|service| service.recipe.is_none() && !service.image.is_empty()) {
        if env.get(service.image_setting).is_none_or(str::is_empty) {
            env.set(service.image_setting, service.image);
        }
    }
    Ok(env)
}

/// Writes the env file, 0600 from its first byte, only when it differs; returns whether it did.
///
/// # Errors
/// When the home cannot be written; the old file is then untouched.
pub fn write_env(home: &Home, env: &EnvFile) -> Result<bool> {
    let path = home.env_file();
    let text = env.text();
    if read_if_there(&path)?.is_some_and(|bytes| bytes == text.as_bytes()) {
        let mode = std::fs::metadata(&path)?.permissions().mode();
        if mode & 0o077 != 0 {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
                .with_context(|| format!("could not make {} private", path.display()))?;
        }
        return Ok(false);
    }
    state::write(&path, 0o600, text.as_bytes())?;
    Ok(true)
}

/// Makes the link `.env → tars-home.env`, so that compose typed by hand in the home does what `tars` does.
///
/// # Errors
/// When something else stands in its place.
pub fn env_link(home: &Home) -> Result<bool> {
    let link = home.env_link();
    match std::fs::read_link(&link) {
        Ok(target) if target == Path::new("tars-home.env") => return Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        _ => {
            return Err(Failure::new(Exit::Failed, format!("{} is not the link to tars-home.env", link.display()))
                .hint("move it away: with it, docker compose typed by hand would not use the settings of tars")
                .into());
        }
    }
    std::os::unix::fs::symlink("tars-home.env", &link).with_context(|| format!("could not make {}", link.display()))?;
    state::sync_dir(home.path())?;
    Ok(true)
}

fn difference(embedded: &str, operators: &str) -> String {
    similar::TextDiff::from_lines(embedded, operators)
        .unified_diff()
        .context_radius(1)
        .header("as shipped", "yours")
        .to_string()
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_file_is_kept_and_an_old_one_replaced() {
        let (_dir, home) = Home::temporary();
        assert_eq!(compose_files(&home, "p").unwrap().0, compose::FILES.len());
        assert_eq!(compose_files(&home, "p").unwrap().0, 0);
        let path = home.path().join(compose::MAIN);
        std::fs::write(&path, "services: {}\n").unwrap();
        let (written, edited) = compose_files(&home, "p").unwrap();
        assert_eq!((written, edited.len()), (0, 1));
        assert!(edited[0].difference.contains("+services: {}"));
        // As an older version wrote it: the record has its sum.
        let record = home.state_file("deployed.json");
        let mut deployed: Kept<Deployed> = state::load(&record).unwrap().unwrap();
        deployed.data.files.insert(compose::MAIN.into(), sha256_of(b"services: {}\n"));
        state::save(&record, 0o644, &deployed).unwrap();
        assert_eq!(compose_files(&home, "p").unwrap().0, 1);
    }

    #[test]
    fn a_second_completion_changes_nothing() {
        let once = completed(None, "p").unwrap();
        assert_eq!(completed(Some(&once), "p").unwrap().text(), once.text());
        assert_eq!(once.get("TARS_VOLUME_CHROMA"), Some("p_chroma_data"));
    }

    #[test]
    fn an_operators_file_keeps_its_words() {
        let mine = EnvFile::parse("# mine\nCOMPOSE_PROJECT_NAME=x\nTARS_POSTGRES_PASSWORD=keep # me\n");
        let done = completed(Some(&mine), "p").unwrap();
        assert!(done.text().starts_with("# mine\nCOMPOSE_PROJECT_NAME=x\nTARS_POSTGRES_PASSWORD=keep # me\n"));
        assert_eq!(done.get("TARS_VOLUME_REDIS"), Some("x_redis_data"));
    }

    #[test]
    fn the_env_file_is_private_from_the_start() {
        let (_dir, home) = Home::temporary();
        let env = completed(None, "p").unwrap();
        assert!(write_env(&home, &env).unwrap());
        assert!(!write_env(&home, &env).unwrap());
        assert_eq!(std::fs::metadata(home.env_file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(env_link(&home).unwrap() && !env_link(&home).unwrap());
    }
}
