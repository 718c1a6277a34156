//! An Ollama that already runs on this machine: worth offering, unless it is our own.

use super::ports::{Holder, holder_on_loopback};
use crate::client::ollama::Ollama;
use crate::docker::Container;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// Where Ollama listens unless it is told otherwise.
pub const ON_THIS_HOST: &str = "http://127.0.0.1:11434";
/// An Ollama on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// An Ollama that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostOllama {
    /// Where it answers.
    pub url: String,
    /// Its version.
    pub version: String,
    /// Whose it is; [`Holder::Unseen`] when that does not show.
    pub holder: Holder,
}

impl HostOllama {
    /// Whether it is known to be our own container.
    #[must_use]
    pub fn ours(&self) -> bool {
        matches!(self.holder, Holder::Ours(_))
    }
}

/// Asks; `None` when nobody answers, or something else than Ollama does.
pub(super) async fn look(root: &Path, url: &str, project: &str, containers: &[Container]) -> Option<HostOllama> {
    let ollama = Ollama::new(url).ok()?;
    let version = tokio::time::timeout(PATIENCE, ollama.version()).await.ok()?.ok()?;
    let port = url
        .rsplit(':')
        .next()
        .and_then(|port| port.trim_end_matches('/').parse().ok())
        .unwrap_or(crate::client::ollama::PORT);
    let holder = holder_on_loopback(root, port, project, containers).unwrap_or(Holder::Unseen);
    // It answers, so somebody has the port: an address that is not this machine's shows nothing here.
    let holder = if holder == Holder::Nobody { Holder::Unseen } else { holder };
    Some(HostOllama { url: url.to_owned(), version, holder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn an_ollama_is_known_by_its_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 1024]).await.unwrap();
            let body = r#"{"version":"0.32.15"}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            socket.write_all((head + body).as_bytes()).await.unwrap();
            // The listener stays open: whose it is, is looked up after the answer.
            std::future::pending::<()>().await;
        });
        let found = look(Path::new("/"), &url, "tars-home", &[]).await.unwrap();
        assert_eq!(found.version, "0.32.15");
        assert!(matches!(found.holder, Holder::Process { .. }) && !found.ours());
        assert_eq!(look(Path::new("/"), "http://127.0.0.1:1", "tars-home", &[]).await, None);
    }
}
