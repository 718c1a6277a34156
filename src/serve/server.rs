//! Listens, serves and stops. What is served stands in `routes`.

use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::config::Config;
use super::routes;
use super::stores::Stores;
use crate::error::Failure;
use crate::exit::Exit;

/// Serves until `shutdown` resolves, then finishes what is in flight within [`Config::stop_within`].
///
/// # Errors
/// When the address cannot be had.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let listener = bind(&config).await?;
    run_on(listener, config, shutdown).await
}

/// Takes the port.
///
/// # Errors
/// A [`Failure`] with a hint when it is taken or not permitted.
pub async fn bind(config: &Config) -> Result<TcpListener, Failure> {
    let listen = config.listen;
    TcpListener::bind(listen).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("stop what listens on port {}, or set TARS_LISTEN or --listen", listen.port())
            }
            ErrorKind::PermissionDenied => "use a port above 1023".to_owned(),
            _ => "set TARS_LISTEN or --listen to an address of this machine".to_owned(),
        };
        Failure::new(Exit::Failed, format!("cannot listen on {listen}")).hint(hint).caused_by(error)
    })
}

/// As [`run`], on a port that is already taken; lets a test ask which one.
///
/// # Errors
/// When the listener fails for good.
pub async fn run_on(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let (listen, mode, stop_within) = (listener.local_addr()?, config.mode(), config.stop_within);
    let app = routes::router(Arc::new(Stores::new(&config)), mode);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %listen, mode, "listening");
    let (stopping, stopped) = oneshot::channel();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        shutdown.await;
        tracing::info!("stopping");
        let _ = stopping.send(());
    });
    let too_long = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(stop_within).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = server => result.context("serving failed")?,
        () = too_long => tracing::warn!(after_s = stop_within.as_secs(), "stopped with requests in flight"),
    }
    Ok(())
}

/// Resolves at SIGTERM or Ctrl-C; the handlers are in place when this returns.
///
/// # Errors
/// When the kernel refuses a handler.
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
