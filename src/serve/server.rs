//! Listens, serves and stops. What is served stands in `routes`.

use std::collections::HashMap;
use std::future::Future;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use super::app::App;
use super::background;
use super::config::Config;
use super::frame::Peer;
use super::routes;
use crate::error::Failure;
use crate::exit::Exit;

/// More than these wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;
/// Of these, so many from one address: nobody alone can shut out the rest. Proxies that are trusted speak for many.
const CONNECTIONS_OF_ONE: usize = 512;
/// A client that takes longer to say what it wants is let go; so is one that is silent between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(20);

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
/// When the listener has no address.
pub async fn run_on(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let (listen, mode, stop_within) = (listener.local_addr()?, config.mode(), config.stop_within);
    let app = App::new(config);
    let router = routes::router(&app);
    background::start(&app);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %listen, mode, "listening");
    let connections = GracefulShutdown::new();
    tokio::select! {
        () = accept(&listener, &app, &router, &connections) => {}
        () = shutdown => {}
    }
    drop(listener);
    tracing::info!("stopping");
    let until = Instant::now() + stop_within;
    let (finished, ()) =
        tokio::join!(tokio::time::timeout_at(until.into(), connections.shutdown()), app.tasks.end(stop_within));
    if finished.is_err() {
        tracing::warn!(after_s = stop_within.as_secs(), "stopped with requests in flight");
    }
    Ok(())
}

/// Takes connections for ever, so many at a time; each is served by a task of its own.
async fn accept(listener: &TcpListener, app: &App, router: &Router, connections: &GracefulShutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let guests = Guests::default();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, say: the next one may go when others have ended.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let is_proxy = app.config.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
        let Some(guest) = guests.enter(peer.ip(), if is_proxy { CONNECTIONS_MAX } else { CONNECTIONS_OF_ONE }) else {
            continue;
        };
        // An answer in small pieces, as streams are, must not wait for an acknowledgement.
        let _ = socket.set_nodelay(true);
        let inner = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            inner.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .serve_connection(TokioIo::new(socket), service);
        let (connection, open) = (connections.watch(connection), app.metrics.http.connections.clone());
        open.inc();
        tokio::spawn(async move {
            // A client that breaks off is its own affair.
            let _ = connection.await;
            open.dec();
            drop((place, guest));
        });
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of them.
struct Guest(Guests, IpAddr);

impl Guests {
    fn enter(&self, address: IpAddr, most: usize) -> Option<Guest> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Guest(self.clone(), address))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places_and_leaves_no_trace() {
        let (guests, one, other) = (Guests::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let held: Vec<_> = (0..3).map(|_| guests.enter(one, 3).unwrap()).collect();
        assert!(guests.enter(one, 3).is_none() && guests.enter(other, 3).is_some());
        drop(held);
        assert!(guests.0.lock().unwrap().is_empty());
    }
}
