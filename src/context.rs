//! What every command borrows: the stack, the engine, the interface and the wish to stop. Built once.

use crate::docker::{Container, Docker};
use crate::error::Failure;
use crate::redact::{Builder, Redactor, is_secret_key};
use crate::stack::home::Home;
use crate::stack::{STACK_LABEL, Stack, env};
use crate::ui::Ui;
use anyhow::{Result, anyhow};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// One run's surroundings. Not `Debug`: it knows every secret.
pub struct Context {
    /// The stack as it was when the run began.
    pub stack: Stack,
    /// The way to the terminal.
    pub ui: Ui,
    /// Cancelled by Ctrl-C and SIGTERM.
    pub cancel: CancellationToken,
    /// Knows this stack's secrets.
    pub redactor: Redactor,
    /// This run's id; everything made for the run carries it.
    pub run: String,
    /// Name and value of every secret known by now.
    learned: BTreeSet<(String, String)>,
    engine: std::result::Result<Docker, anyhow::Error>,
}

impl Context {
    /// Connects to the engine, finds the home and reads the settings. None of these being there is no error yet.
    ///
    /// # Errors
    /// When several stacks run on this engine and neither `--home` nor `TARS_HOME` says which is meant.
    pub async fn build(home: Option<&Path>, ui: Ui, cancel: CancellationToken) -> Result<Self> {
        let engine = Docker::connect().await;
        let named = home.is_some() || std::env::var_os("TARS_HOME").is_some_and(|value| !value.is_empty());
        let label = match &engine {
            Ok(docker) if !named => running_home(docker).await?,
            _ => None,
        };
        let home = Home::find(home, label.as_deref(), is_root());
        let stack = Stack::read(home);
        let redactor = Redactor::builder().build();
        let mut context = Self { stack, ui, cancel, redactor, run: new_run(), learned: BTreeSet::new(), engine };
        context.learn();
        Ok(context)
    }

    /// The engine.
    ///
    /// # Errors
    /// Why there is none: exit 69 or 77, with the way to it.
    pub fn docker(&self) -> Result<&Docker> {
        self.engine.as_ref().map_err(|error| match error.downcast_ref::<Failure>() {
            Some(failure) => failure.again().into(),
            None => anyhow!("{error:#}"),
        })
    }

    /// Connects again, after the engine has been installed or started.
    ///
    /// # Errors
    /// As [`Docker::connect`].
    pub async fn reconnect(&mut self) -> Result<()> {
        self.engine = Docker::connect().await;
        self.docker().map(|_| ())
    }

    /// Reads the settings again, and teaches the interface their secrets.
    pub fn reread(&mut self) {
        self.stack = Stack::read(self.stack.home.clone());
        self.learn();
    }

    /// Learns the secrets of the settings: no word of this run shows one.
    fn learn(&mut self) {
        let Some(settings) = &self.stack.env else { return };
        let values = env::secrets().filter_map(|key| Some((key, settings.get(key)?)));
        self.learned.extend(values.map(|(key, value)| (key.to_owned(), value.to_owned())));
        self.teach();
    }

    /// Learns the secrets that containers were started with: those of the env file when it may not be read or is gone,
    /// and older ones that a container still has.
    pub fn learn_from(&mut self, containers: &[Container]) {
        let variables = containers.iter().flat_map(|container| &container.env.0);
        self.learned.extend(variables.filter(|(name, _)| is_secret_key(name)).cloned());
        self.teach();
    }

    /// The engine of this run with more in it: what else is secret, names to obfuscate.
    pub fn redactor_with(&self, more: impl FnOnce(Builder) -> Builder) -> Redactor {
        let known = |builder: Builder, (key, value): &(String, String)| builder.value(key, value);
        more(self.learned.iter().fold(self.redactor.continued(), known)).build()
    }

    fn teach(&mut self) {
        self.redactor = self.redactor_with(|builder| builder);
        let redactor = self.redactor.clone();
        self.ui.redact_with(std::sync::Arc::new(move |text| redactor.text(text).into_owned()));
    }
}

/// Whether this process is root.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn running_home(docker: &Docker) -> Result<Option<PathBuf>> {
    let Ok(containers) = docker.containers(STACK_LABEL).await else { return Ok(None) };
    let homes: BTreeSet<_> = containers.iter().map(Container::home).filter(|home| !home.is_empty()).collect();
    match homes.len() {
        0 | 1 => Ok(homes.first().map(PathBuf::from)),
        _ => {
            let list = homes.into_iter().collect::<Vec<_>>().join(", ");
            Err(Failure::new(crate::exit::Exit::Usage, format!("several stacks are on this machine: {list}"))
                .hint("say which one: --home DIR")
                .into())
        }
    }
}

/// A run's id: when it began and by which process, so that it is unique and readable.
fn new_run() -> String {
    format!("{}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"), std::process::id())
}
