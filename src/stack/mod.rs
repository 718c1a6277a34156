//! What the stack *is*: its services, its home directory, its settings, its images and volumes.
//!
//! Everything here is data and pure functions over files; it knows nothing of Docker, of the network, or of
//! commands. A service is one const row ([`service::ALL`]); install, status, doctor, backup and restore read
//! the same row, so they cannot drift apart.

pub mod component;
pub mod compose;
pub mod env;
pub mod envfile;
pub mod form;
pub mod generations;
pub mod home;
pub mod images;
pub mod lan;
pub mod service;
pub mod state;

use crate::error::Failure;
use anyhow::Result;
use envfile::EnvFile;
use home::Home;

/// The compose project when the env file names none.
pub const DEFAULT_PROJECT: &str = "tars-home";

/// Compose's own label: the project of a container, network or volume.
pub const PROJECT_LABEL: &str = "com.docker.compose.project";

/// Compose's own label: the service of a container.
pub const SERVICE_LABEL: &str = "com.docker.compose.service";

/// Compose's own label: the directory that compose ran in, which is the home.
pub const HOME_LABEL: &str = "com.docker.compose.project.working_dir";

/// The label that every container of a stack carries, whatever its project is called.
pub const STACK_LABEL: &str = "io.tars.stack";

/// The label on everything that `tars` makes for one run (helper containers, networks, volumes).
pub const RUN_LABEL: &str = "io.tars.run";

/// Beside [`RUN_LABEL`]: the home of the stack that the run worked on.
pub const RUN_HOME_LABEL: &str = "io.tars.run.home";

/// On what a run left on purpose for a look (a drill's copy): no sweep takes it.
pub const KEPT_LABEL: &str = "io.tars.kept";

/// Compose's own label: the key of a volume in the compose file.
pub const VOLUME_LABEL: &str = "com.docker.compose.volume";

/// The label on images that `tars` built or imported itself; its value is the recipe's name.
pub const RECIPE_LABEL: &str = "io.tars.recipe";

/// One installed (or to be installed) stack: its home and its settings as they were read.
#[derive(Debug)]
pub struct Stack {
    /// Where it lives.
    pub home: Home,
    /// Its settings; `None` when the env file does not exist yet.
    pub env: Option<EnvFile>,
    /// Why the env file could not be used though it exists (not readable, broken line).
    pub env_problem: Option<anyhow::Error>,
    /// The project as `state/deployed.json` remembers it, for when the env file is gone.
    remembered: Option<String>,
}

impl Stack {
    /// Reads the stack of a home. A missing or broken env file is a fact, not an error: status and doctor go on.
    #[must_use]
    pub fn read(home: Home) -> Self {
        // Read whatever its schema: a wrong project would be another stack's.
        let deployed = std::fs::read(home.state_file("deployed.json")).ok();
        let deployed = deployed.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        let remembered = deployed.and_then(|deployed| Some(deployed.get("project")?.as_str()?.to_owned()));
        let (env, env_problem) = match EnvFile::read(&home.env_file()) {
            Ok(env) => {
                let env = env.map(EnvFile::with_forms);
                let problem = env.as_ref().and_then(EnvFile::problem).map(anyhow::Error::from);
                (env, problem)
            }
            Err(error) => (None, Some(error)),
        };
        Self { home, env, env_problem, remembered: remembered.filter(|project| !project.is_empty()) }
    }

    /// A setting's value, or its default from the key table; empty when there is neither.
    #[must_use]
    pub fn setting(&self, key: &str) -> &str {
        let set = self.env.as_ref().and_then(|env| env.get(key));
        set.filter(|value| !value.is_empty()).unwrap_or_else(|| env::default_of(key))
    }

    /// The compose project's name.
    #[must_use]
    pub fn project(&self) -> &str {
        let set = self.env.as_ref().and_then(|env| env.get("COMPOSE_PROJECT_NAME")).filter(|name| !name.is_empty());
        set.or(self.remembered.as_deref()).unwrap_or(DEFAULT_PROJECT)
    }

    /// The settings, or the failure that says why they cannot be had and what to do.
    ///
    /// # Errors
    /// When the env file is missing, unreadable or broken.
    pub fn need_env(&self) -> Result<&EnvFile> {
        let path = self.home.env_file();
        match (&self.env, &self.env_problem) {
            (Some(env), None) => Ok(env),
            (_, Some(problem)) => Err(match problem.downcast_ref::<Failure>() {
                Some(failure) => failure.again().into(),
                None => anyhow::anyhow!("the settings in {} cannot be used: {problem:#}", path.display()),
            }),
            (None, None) => Err(Failure::new(
                crate::exit::Exit::Unavailable,
                format!("no stack is installed here: {} does not exist", path.display()),
            )
            .hint("run: tars install  (or name the right place with --home)")
            .into()),
        }
    }

    /// The services that these settings ask for, in start order.
    #[must_use]
    pub fn services(&self) -> Vec<&'static service::Service> {
        let with_ollama = self.setting("TARS_LLM") == "container";
        service::ALL.iter().copied().filter(|service| with_ollama || service.name != "ollama").collect()
    }
}
