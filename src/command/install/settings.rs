//! Step 3: home, compose files and env file, keeping every value and comment that is there.

use super::{Install, Said};
use crate::check::Fix;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::{settings, unit};
use crate::stack::envfile::EnvFile;
use anyhow::Result;
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
        self.choose_ports(&mut env)?;
        choose_docs_dir(&mut env, present.as_ref(), home.path())?;
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

    /// A port that somebody else holds, where no client knows it yet: the next free one is offered.
    fn choose_ports(&mut self, env: &mut EnvFile) -> Result<()> {
        for finding in std::mem::take(&mut self.port_findings) {
            let Some(Fix::UsePort { setting, port }) = &finding.fix else { continue };
            if !self.context.ui.confirm(&format!("{}. Use {port} instead?", finding.problem), true)? {
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
        if !crate::context::is_root() {
            return Ok(false);
        }
        let binary = unit::install_binary()?;
        let stack = &self.context.stack;
        let Some((_, written)) = unit::ensure(&stack.home, stack.project()).await? else {
            self.warn(
                "recover.boot",
                "this system has neither systemd nor cron: a run that a power cut interrupts is not recovered at boot",
                "after a power cut run: tars start",
            );
            return Ok(binary);
        };
        Ok(binary || written)
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

/// Compose refuses a bind mount whose source is missing: the folder is made, in the home where `/mnt` may not be written.
fn choose_docs_dir(env: &mut EnvFile, present: Option<&EnvFile>, home: &Path) -> Result<()> {
    let dir = env.get("TARS_DOCS_DIR").unwrap_or_default().to_owned();
    if !Path::new(&dir).is_dir()
        && let Err(error) = std::fs::create_dir_all(&dir)
    {
        let operators = present.and_then(|env| env.get("TARS_DOCS_DIR")).is_some_and(|chosen| chosen == dir);
        if operators {
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
