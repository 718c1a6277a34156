//! HTTP over a pair of streams that somebody else opened: the way to a server whose port is not published.
//!
//! Whoever calls brings the streams (the standard input and output of a command inside the server's own container);
//! this module knows nothing of containers. One connection, one request after the other.

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

use super::words;

/// The largest answer that is read into memory; pages are chosen to stay far below.
const BODY_MAX_BYTES: usize = 64 << 20;

/// One connection.
#[derive(Debug)]
pub struct Tunnel {
    send: SendRequest<Full<Bytes>>,
    within: Duration,
}

impl Tunnel {
    /// Begins to speak HTTP on the streams; every answer has to be there `within` that time.
    ///
    /// # Errors
    /// When they are closed already.
    pub async fn open(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, within: Duration) -> Result<Self> {
        let (send, connection) = http1::handshake(TokioIo::new(io)).await.context("the connection was not taken")?;
        // Its end shows in the request that it breaks.
        tokio::spawn(async move { connection.await.ok() });
        Ok(Self { send, within })
    }

    /// GET, as JSON.
    ///
    /// # Errors
    /// When no complete answer comes in time, or another one than 2xx with such JSON.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// POST of JSON, answered with JSON.
    ///
    /// # Errors
    /// As [`Tunnel::get`].
    pub async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> Result<T> {
        self.ask(Method::POST, path, serde_json::to_vec(body)?.into()).await
    }

    /// GET, as text: for answers of several JSON documents.
    ///
    /// # Errors
    /// As [`Tunnel::get`].
    pub async fn text(&mut self, path: &str) -> Result<String> {
        let body = self.body(Method::GET, path, Bytes::new()).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn ask<T: DeserializeOwned>(&mut self, method: Method, path: &str, body: Bytes) -> Result<T> {
        let what = format!("{method} {path}");
        let body = self.body(method, path, body).await?;
        let quoted = || words::quote(&String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).with_context(|| format!("{what} was answered with something else: {}", quoted()))
    }

    async fn body(&mut self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        let what = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let answered = tokio::time::timeout(self.within, self.answer(request)).await;
        let (status, body) =
            answered.map_err(|_| anyhow!("{what} had no answer within {} s", self.within.as_secs()))??;
        let quoted = || words::quote(&String::from_utf8_lossy(&body));
        anyhow::ensure!((200..300).contains(&status), "{what} was answered with HTTP {status}: {}", quoted());
        Ok(body)
    }

    async fn answer(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes)> {
        self.send.ready().await.context("the connection is closed")?;
        let answer = self.send.send_request(request).await.context("the connection broke off")?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), BODY_MAX_BYTES).collect().await;
        Ok((status, body.map_err(|error| anyhow!("the answer broke off: {error}"))?.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn answering(answer: &'static str) -> Tunnel {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let mut asked = [0; 4096];
            while theirs.read(&mut asked).await.is_ok_and(|n| n > 0) {
                theirs.write_all(answer.as_bytes()).await.ok();
            }
        });
        Tunnel::open(ours, Duration::from_secs(5)).await.unwrap()
    }

    #[tokio::test]
    async fn two_questions_share_one_connection_and_chunks_are_joined() {
        let mut tunnel =
            answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n").await;
        assert_eq!(tunnel.get::<Vec<u8>>("/a").await.unwrap(), [1, 2]);
        assert_eq!(tunnel.post::<Vec<u8>>("/b", &Value::Null).await.unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn a_refusal_and_a_silence_are_errors_with_words() {
        let mut tunnel = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone").await;
        assert!(tunnel.get::<Value>("/a").await.unwrap_err().to_string().contains("HTTP 404: gone"));
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut silent = Tunnel::open(ours, Duration::from_millis(20)).await.unwrap();
        assert!(silent.get::<Value>("/a").await.unwrap_err().to_string().contains("no answer"));
    }
}
