//! An answer that comes in lines of JSON, however it is cut into chunks.

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::http::Http;

/// A line that never ends is no line.
const LINE_MAX_BYTES: usize = 1 << 20;

/// The lines of an opened answer. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Lines {
    http: Http,
    response: Response,
    buffer: BytesMut,
}

/// What is sent are no lines.
#[derive(Debug, thiserror::Error)]
#[error("{0} does not answer in lines")]
pub(super) struct Endless(String);

impl Lines {
    pub(super) fn new(http: Http, response: Response) -> Self {
        Self { http, response, buffer: BytesMut::new() }
    }

    /// The next line that is not empty; `None` at the end. Cancel-safe: what has arrived is in the buffer.
    ///
    /// # Errors
    /// When the connection ends early, or what comes are no lines ([`Endless`]).
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Ok(Some(line.freeze()));
            }
            if self.buffer.len() > LINE_MAX_BYTES {
                return Err(Endless(self.http.address().place()).into());
            }
            match self.response.chunk().await.map_err(|error| self.http.explain(error))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.trim_ascii().is_empty() => return Ok(None),
                None => return Ok(Some(self.buffer.split().freeze())),
            }
        }
    }
}
