//! Step 3: home, compose files and env file, keeping every value and comment that is there.

use super::{Install, Said};
use crate::check::Fix;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::unit::AtBoot;
use crate::operate::{settings, unit};
use crate::stack::envfile::EnvFile;
use anyhow::{Context as _, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The web page's port when `--with-frontend` asks for one and the settings name none.
pub(super) const WEB_PORT: &str = "3000";

impl Install<'_> {
    pub(super) async fn settings(&mut self) -> Said {
        let present = match self.context.stack.need_env() {
            Ok(env) => Some(env.clone()),
            Err(error) if self.context.stack.env_problem.is_some() => return Err(error),
            Err(_) => None,
        };
        let home = self.context.stack.home.clone();
        let mut env = settings::completed(present.as_ref(), self.context.stack.project())?;
        self.apply_flags(&mut env);
        self.mend(&mut env).await?;
        let (written, edited) = settings::compose_files(&home, env.get("COMPOSE_PROJECT_NAME").unwrap_or_default())?;
        for file in edited {
            self.warn(
                "compose.edited",
                format!(
                    "{} was edited and is kept as it is; its difference from the one of this version:\n{}",
                    file.name, file.difference
                ),
                format!(
                    "to take this version's: remove {} and run the same command again",
                    home.path().join(file.name).display()
                ),
            );
        }
        let env_written = settings::write_env(&home, &env)?;
        settings::env_link(&home)?;
        self.context.reread();
        let machine = self.machine_files().await?;
        Ok(summary(home.path(), present.is_none(), env_written || written > 0 || machine))
    }

    fn apply_flags(&self, env: &mut EnvFile) {
        let args = self.args;
        if args.cpu_only {
            env.set("TARS_GPU", "off");
        }
        if args.with_frontend && env.get("TARS_PORT_WEB").is_none_or(str::is_empty) {
            env.set("TARS_PORT_WEB", WEB_PORT);
        }
        if let Some(
            source @ (crate::operate::images::Source::Auto
            | crate::operate::images::Source::Registry
            | crate::operate::images::Source::Packages),
        ) = &args.images
        {
            env.set("TARS_IMAGES", &source.to_string());
        }
        for (flag, key) in [(&args.model, "OLLAMA_MODEL"), (&args.embed_model, "TARS_EMBED_MODEL")] {
            if let Some(name) = flag {
                env.set(key, name);
            }
        }
        if args.model.as_deref() == Some("none") {
            env.set("TARS_LLM", "none");
        }
    }

    /// What the preflight found and the settings mend: a home that others may write to; a port that somebody else
    /// holds, where no client knows it yet: the next free one is offered.
    async fn mend(&mut self, env: &mut EnvFile) -> Result<()> {
        for finding in self.fixes.clone() {
            if let Some(Fix::Chmod { path, mode }) = &finding.fix {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))
                    .with_context(|| format!("could not change the mode of {}", path.display()))?;
                self.warn(
                    "home.permissions",
                    format!("{}; it has mode {mode:o} now", finding.problem),
                    "nothing to do",
                );
            }
            let Some(Fix::UsePort { setting, port }) = &finding.fix else { continue };
            if !self.context.ui.confirm(&format!("{}. Use {port} instead?", finding.problem), true).await? {
                return Err(Failure::new(Exit::Failed, finding.problem).hint(finding.hint).into());
            }
            env.set(setting, &port.to_string());
            self.warn(
                "port.conflict",
                format!("{}: {setting} is {port}", finding.problem),
                "change it in the env file, then: tars restart",
            );
        }
        Ok(())
    }

    /// What stands outside the home: the binary and the unit that recovers at boot. Only root may.
    async fn machine_files(&mut self) -> Result<bool> {
        let stack = &self.context.stack;
        let why = match unit::ensure(&stack.home, stack.project()).await? {
            AtBoot::Recovers { changed } => return Ok(unit::install_binary()? || changed),
            AtBoot::NotPermitted => "installed without root",
            AtBoot::NoWay => "this system has neither systemd nor cron",
        };
        self.warn(
            "recover.boot",
            format!("{why}: a run that a power cut interrupts is not recovered at boot"),
            "after a power cut run: tars start",
        );
        if crate::context::is_root() { unit::install_binary() } else { Ok(false) }
    }
}

fn summary(home: &Path, new: bool, written: bool) -> String {
    let what = match (new, written) {
        (true, _) => "written",
        (false, true) => "completed",
        (false, false) => "already so",
    };
    format!("{} {what}", home.display())
}
