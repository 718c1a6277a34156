//! What brings an interrupted run to its end after a reboot: `tars-recover.service`, or a cron line without systemd.

use super::{child, program};
use crate::stack::home::Home;
use crate::stack::state;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Where the binary is installed; units and cron lines name this path.
pub const BINARY: &str = "/usr/local/bin/tars";
const TEMPLATE: &str = include_str!("../../deploy/systemd/tars-recover.service");
const SYSTEMD_DIR: &str = "/etc/systemd/system";
const CRON_DIR: &str = "/etc/cron.d";

/// Copies this program to [`BINARY`], unless it is there already. Returns whether it did.
///
/// # Errors
/// When the place cannot be written.
pub fn install_binary() -> Result<bool> {
    let own = program::own()?;
    if std::fs::read(BINARY).is_ok_and(|there| there == own) {
        return Ok(false);
    }
    state::write(Path::new(BINARY), 0o755, &own)?;
    Ok(true)
}

/// The unit's name for a home; the usual home has the plain name.
#[must_use]
pub fn unit_name(project: &str) -> String {
    if project == crate::stack::DEFAULT_PROJECT { "tars-recover".to_owned() } else { format!("tars-recover-{project}") }
}

/// How an interrupted run comes to its end after a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtBoot {
    /// By the unit or the cron line; whether this call had to write or enable it.
    Recovers {
        /// Whether something was changed.
        changed: bool,
    },
    /// Not at all: only root may install what does it.
    NotPermitted,
    /// Not at all: this system has neither systemd nor cron.
    NoWay,
}

/// Makes sure that recovery runs at boot, where that can be had.
///
/// # Errors
/// When the file cannot be written or the unit not be enabled.
pub async fn ensure(home: &Home, project: &str) -> Result<AtBoot> {
    if !crate::context::is_root() {
        return Ok(AtBoot::NotPermitted);
    }
    let name = unit_name(project);
    if super::engine::has_systemd() {
        let path = Path::new(SYSTEMD_DIR).join(format!("{name}.service"));
        // systemd reads % as the beginning of a specifier.
        let home = home.path().display().to_string().replace('%', "%%");
        let text = TEMPLATE.replace("@TARS@", BINARY).replace("@HOME@", &home);
        let written = write_if_other(&path, &text)?;
        let wanted = Path::new(SYSTEMD_DIR).join("multi-user.target.wants").join(format!("{name}.service"));
        let enabled = wanted.is_symlink();
        if !enabled {
            // Never a reload: it can detach GPUs from running containers (facts E5), and the unit is for the next boot.
            systemctl(&["enable", "--no-reload", &format!("{name}.service")]).await?;
        }
        return Ok(AtBoot::Recovers { changed: written || !enabled });
    }
    if Path::new(CRON_DIR).is_dir() {
        let path = Path::new(CRON_DIR).join(&name);
        let changed = write_if_other(&path, &cron_line(home.path()))?;
        return Ok(AtBoot::Recovers { changed });
    }
    Ok(AtBoot::NoWay)
}

/// Cron hands the line to a shell, and reads % as a newline. It does not wait for the engine: `start --recover` does.
fn cron_line(home: &Path) -> String {
    let home = home.display().to_string().replace('\'', "'\\''").replace('%', "\\%");
    format!("@reboot root {BINARY} --home '{home}' --quiet start --recover\n")
}

/// Removes what [`ensure`] made. Returns the files that were there.
///
/// # Errors
/// When one cannot be removed.
pub async fn remove(project: &str) -> Result<Vec<PathBuf>> {
    let name = unit_name(project);
    let unit = Path::new(SYSTEMD_DIR).join(format!("{name}.service"));
    let mut removed = Vec::new();
    if unit.exists() && super::engine::has_systemd() {
        systemctl(&["disable", "--no-reload", &format!("{name}.service")]).await?;
    }
    for path in [unit, Path::new(CRON_DIR).join(&name)] {
        if path.exists() {
            state::remove(&path)?;
            removed.push(path);
        }
    }
    Ok(removed)
}

fn write_if_other(path: &Path, text: &str) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(false);
    }
    state::write(path, 0o644, text.as_bytes())?;
    Ok(true)
}

async fn systemctl(args: &[&str]) -> Result<()> {
    let mut command = Command::new("systemctl");
    command.args(args);
    let ended = tokio::time::timeout(Duration::from_mins(1), child::run(command, Stdio::null(), |_| {}))
        .await
        .context("systemctl gave no answer within 60 s")??;
    if ended.ok() { Ok(()) } else { Err(ended.error(&format!("systemctl {}", args.join(" ")))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_home_survives_cron_and_its_shell() {
        assert_eq!(
            cron_line(Path::new("/srv/100% my 'stack'")),
            "@reboot root /usr/local/bin/tars --home '/srv/100\\% my '\\''stack'\\''' --quiet start --recover\n"
        );
    }
}
