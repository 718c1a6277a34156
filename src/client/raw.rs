//! Requests as anybody might send them, and answers with their heads: for who examines an API from outside.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::address::Address;
use super::http::{Http, Limits};

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Ask {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A whole answer with its head.
#[derive(Clone, Debug)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// Its headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// Until the last byte.
    pub took: Duration,
}

/// An API that is examined.
#[derive(Clone, Debug)]
pub struct Raw(Http);

impl Ask {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// GET.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// POST of JSON.
    #[must_use]
    pub fn json(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::new("POST", path).with("content-type", "application/json").body(body.to_string())
    }

    /// POST of a form with one file.
    #[must_use]
    pub fn upload(path: impl Into<String>, file_name: &str, content: &str) -> Self {
        const EDGE: &str = "----tars-9d1f53c0b7e84a26";
        let body = format!(
            "--{EDGE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{EDGE}--\r\n"
        );
        Self::new("POST", path).with("content-type", format!("multipart/form-data; boundary={EDGE}")).body(body)
    }

    /// With this header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// By whoever has this token.
    #[must_use]
    pub fn by(self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Method and path, for words.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Told {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as `T`.
    ///
    /// # Errors
    /// When it is not such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).with_context(|| {
            format!("HTTP {} with something else than was expected: {}", self.status, super::words::quote(&self.text()))
        })
    }
}

impl Raw {
    /// The API at an address as people type it; connects to nothing.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(base_url: &str, port: u16, within: Duration) -> Result<Self> {
        let address = Address::parse(base_url, port)?;
        Ok(Self(Http::new(address, Limits::within(within))?))
    }

    /// Sends a request and reads the answer, whatever it is.
    ///
    /// # Errors
    /// When no complete answer arrives in time.
    pub async fn ask(&self, ask: &Ask) -> Result<Told> {
        let begun = Instant::now();
        let method = Method::from_bytes(ask.method.as_bytes()).context("no method")?;
        let mut request = self.0.client.request(method, self.0.address().join(&ask.path)).body(ask.body.clone());
        // A kept connection may be closed by the other side just as it is used again, and a POST is not repeated.
        request = request.header("connection", "close");
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| self.0.explain(error))?;
        let status = response.status().as_u16();
        let head = response.headers().iter();
        let headers =
            head.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let headers = headers.collect();
        let body = self.0.read(response).await?.body;
        Ok(Told { status, headers, body, took: begun.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    #[tokio::test]
    async fn a_request_goes_out_as_it_was_made_and_the_head_comes_back() {
        let fake = Fake::new(vec![vec![Step::Say(http(403, "no"))]]).await;
        let raw = Raw::new(&fake.place, 80, Duration::from_secs(2)).unwrap();
        let told =
            raw.ask(&Ask::upload("/x", "a.md", "text").by("T").with("origin", "https://x.invalid")).await.unwrap();
        assert_eq!((told.status, told.text().as_str()), (403, "no"));
        assert!(told.header("content-length").is_some());
        let sent = &fake.requests()[0];
        for part in
            ["authorization: bearer t", "origin: https://x.invalid", "filename=\"a.md\"", "\r\n\r\ntext\r\n------tars"]
        {
            assert!(sent.contains(part), "{part}: {sent}");
        }
    }
}
