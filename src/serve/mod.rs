//! The backend: `tars serve` answers the stack's HTTP API.
//!
//! It starts at once, without waiting for any store, and says in `/ready` which of them answer. It runs as an
//! ordinary user with a read-only root in an image FROM scratch: it reads its environment and nothing else. It
//! knows nothing of Docker, archives or checks, and writes nothing but log lines on stdout.
//!
//! - `args`, `config`: what it is told; `probe`: the container's own health check
//! - `server`: listen, serve, stop; `app`: what handlers share; `tasks`: work beside the requests
//! - `frame`, `limit`, `address`, `extract`, `problem`: what stands round every request, and how a refusal is said
//! - `accounts/`: users, sessions and keys; `auth/`: who asks and what they may; `audit`: what was done
//! - `db/`: the pool and the schema; `stores/`: one file per store that is asked; `metrics/`: what is counted
//! - `documents/`: on their way in (`reading`: to text; `chunk`: to pieces); `retrieve/`: a question's passages;
//!   `answer/`: what is made of them, and conversations; `rag`: what these share
//! - `memory`: what glibc is told; `numbers`, `resources`, `told`: what an operator looks at; `patience`: files that may
//!   hang
//! - `validation`: what `tars validate` has tried from in here
//! - `routes/`: one file per group of paths

pub mod address;
pub mod args;
pub mod chunk;
pub mod config;
mod errand;
pub mod memory;
pub mod probe;
pub mod reading;
pub mod secret;

mod accounts;
mod answer;
mod app;
mod audit;
mod auth;
mod background;
mod db;
mod documents;
mod extract;
mod frame;
mod limit;
mod log;
mod metrics;
mod numbers;
mod patience;
mod problem;
mod rag;
mod resources;
mod retrieve;
mod routes;
mod server;
mod stores;
mod tasks;
mod told;
mod validation;

use tars_base::{error, exit};
use tars_client as client;

pub use args::ServeArgs;
pub use config::Config;
pub use probe::probe;
pub use server::{bind, run, run_on, stop_signal};

/// The verb `tars serve`: the probe, or the backend until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the probe fails, the environment is wrong or the port cannot be had.
pub async fn command(args: &ServeArgs) -> anyhow::Result<()> {
    if args.probe {
        return probe(config::listen_address(args.listen)?).await;
    }
    if let Some(kind) = &args.extract {
        return reading::run_child(kind);
    }
    if let Some(url) = &args.reach {
        return errand::reach(url).await;
    }
    if let Some(file) = &args.examine {
        return errand::examine(file).await;
    }
    let mut config = Config::from_env()?;
    if let Some(request) = &args.user {
        return errand::user(config, request).await;
    }
    if let Some(request) = &args.index {
        return errand::index(config, request).await;
    }
    if let Some(request) = &args.told {
        return errand::told(&config, request);
    }
    if let Some(request) = &args.validate {
        return errand::validate(config, request).await;
    }
    if let Some(model) = &args.pull {
        return errand::pull(&config, model).await;
    }
    config.listen = args.listen.unwrap_or(config.listen);
    log::init(config.log_level);
    // Registered before anything else, so that no early SIGTERM is lost.
    let stop = stop_signal()?;
    run(config, stop).await
}
