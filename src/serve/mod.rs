//! The backend: `tars serve` answers the stack's HTTP API.
//!
//! It starts at once, without waiting for any store, and says in `/ready` which of them answer. It runs as an
//! ordinary user with a read-only root in an image FROM scratch: it reads its environment and nothing else. It
//! knows nothing of Docker, archives or checks, and writes nothing but log lines on stdout.
//!
//! - `args`, `config`: what it is told; `probe`: the container's own health check
//! - `server`: listen, serve, stop; `frame`: what stands round every request
//! - `routes/`: one file per path; `stores/`: one file per store that is asked

pub mod args;
pub mod config;
mod errand;
pub mod probe;
pub mod secret;

mod frame;
mod log;
mod routes;
mod server;
mod stores;

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
    if let Some(url) = &args.reach {
        return errand::reach(url).await;
    }
    let mut config = Config::from_env()?;
    if let Some(model) = &args.pull {
        return errand::pull(&config, model).await;
    }
    config.listen = args.listen.unwrap_or(config.listen);
    log::init(config.log_level);
    // Registered before anything else, so that no early SIGTERM is lost.
    let stop = stop_signal()?;
    run(config, stop).await
}
