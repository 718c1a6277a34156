//! The one place that builds a `reqwest::Client`, and the small request layer on it.
//!
//! Plain http needs no CA certificates and so works in an image FROM scratch, where reqwest's own default
//! refuses to build (stack-facts I). Redirects are few and never change the scheme. Local names bypass the
//! system's proxy, the rest honours it. Every error begins with a short sentence and keeps its causes.

use std::sync::Once;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::{Bytes, BytesMut};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::Address;
use super::words;
use crate::error::Failure;
use crate::exit::Exit;

/// The largest body that is read into memory; tag lists and reports are far below.
const BODY_MAX_BYTES: usize = 16 << 20;
const REDIRECTS_MAX: usize = 3;

/// How long a service may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the connection stands (names, TCP and TLS).
    pub connect: Duration,
    /// Until the last byte of the answer has arrived; `None` for streams, which watch themselves.
    pub total: Option<Duration>,
}

impl Limits {
    /// One deadline for everything.
    #[must_use]
    pub const fn within(total: Duration) -> Self {
        Self { connect: total, total: Some(total) }
    }
}

/// A service at an address, with the limits it is asked under. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    pub(super) client: Client,
    address: Address,
    limits: Limits,
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
    place: String,
}

/// An answer with a status that was not asked for.
#[derive(Debug, thiserror::Error)]
#[error("{place} answered HTTP {status}: {text}")]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The error's name where the service gives one (Chroma: `NotFoundError`).
    pub kind: Option<String>,
    /// The service's own message, or the first 200 characters of the body.
    pub text: String,
    place: String,
}

impl Http {
    /// Prepares a client; connects to nothing.
    ///
    /// # Errors
    /// When an https address is given and no CA certificates are found.
    pub fn new(address: Address, limits: Limits) -> Result<Self> {
        let client = build(&address, limits)?;
        Ok(Self { client, address, limits })
    }

    /// Where it asks.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// GET, whatever the status.
    ///
    /// # Errors
    /// When no complete answer arrives within the limits.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.read(self.open(Method::GET, path, None).await?).await
    }

    /// POST of a JSON body, whatever the status.
    ///
    /// # Errors
    /// When no complete answer arrives within the limits.
    pub async fn post<B: Serialize + ?Sized>(&self, path: &str, body: &B) -> Result<Answer> {
        self.read(self.send(Method::POST, path, body).await?).await
    }

    /// DELETE, with or without a JSON body, whatever the status.
    ///
    /// # Errors
    /// When no complete answer arrives within the limits.
    pub async fn delete(&self, path: &str, body: Option<&serde_json::Value>) -> Result<Answer> {
        self.read(self.open(Method::DELETE, path, body).await?).await
    }

    /// A request in somebody's name, without a body, whatever the status.
    ///
    /// # Errors
    /// When no complete answer arrives within the limits.
    pub async fn ask_as(&self, method: Method, path: &str, token: &str) -> Result<Answer> {
        let request = self.client.request(method, self.address.join(path)).bearer_auth(token);
        self.read(request.send().await.map_err(|error| self.explain(error))?).await
    }

    /// Sends a JSON body and returns once the head of the answer is there.
    ///
    /// # Errors
    /// When no answer begins within the limits.
    pub(super) async fn send<B: Serialize + ?Sized>(&self, method: Method, path: &str, body: &B) -> Result<Response> {
        let request = self.client.request(method, self.address.join(path)).json(body);
        request.send().await.map_err(|error| self.explain(error))
    }

    /// Sends a request and returns once the head of the answer is there.
    ///
    /// # Errors
    /// When no answer begins within the limits.
    pub(super) async fn open(&self, method: Method, path: &str, body: Option<&serde_json::Value>) -> Result<Response> {
        let mut request = self.client.request(method, self.address.join(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| self.explain(error))
    }

    /// Reads the body of an opened answer.
    ///
    /// # Errors
    /// When it is cut, too late or larger than 16 MiB.
    pub(super) async fn read(&self, mut response: Response) -> Result<Answer> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.explain(error))? {
            if body.len() + chunk.len() > BODY_MAX_BYTES {
                return Err(anyhow!("{} answered more than {} MiB", self.address.place(), BODY_MAX_BYTES >> 20));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status().as_u16(), body: body.freeze(), place: self.address.place() })
    }

    /// A transport error with its sentence in front.
    pub(super) fn explain(&self, error: reqwest::Error) -> anyhow::Error {
        let place = self.address.place();
        let error = error.without_url();
        let said = if error.is_timeout() {
            self.too_late(error.is_connect(), &place)
        } else if error.is_redirect() {
            format!("{place} redirects elsewhere")
        } else {
            words::describe(&error, &place)
        };
        anyhow::Error::new(error).context(said)
    }

    fn too_late(&self, connecting: bool, place: &str) -> String {
        match self.limits.total {
            Some(total) if !connecting => words::no_answer(place, total),
            _ => format!("no connection to {place} within {} s", self.limits.connect.as_secs_f64()),
        }
    }
}

impl Answer {
    /// The answer if its status is 2xx.
    ///
    /// # Errors
    /// [`Refused`] with what the service says.
    pub fn ok(self) -> Result<Self, Refused> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// The body as `T`.
    ///
    /// # Errors
    /// When it is not such JSON, quoting the beginning of it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{} answered something else than expected: {}", self.place, self.quoted()))
    }

    // Chroma says {"error":NAME,"message":TEXT}, Ollama {"error":TEXT}, our API {"title":…,"detail":TEXT} (RFC 9457),
    // proxies a page.
    fn refusal(&self) -> Refused {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let field = |name: &str| body.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let (kind, text) = match (field("error"), field("message")) {
            (kind, Some(message)) => (kind, words::quote(&message)),
            (Some(error), None) => (None, words::quote(&error)),
            (None, None) => {
                let problem = field("detail").or_else(|| field("title"));
                (None, problem.map_or_else(|| self.quoted(), |detail| words::quote(&detail)))
            }
        };
        Refused { status: self.status, kind, text, place: self.place.clone() }
    }

    fn quoted(&self) -> String {
        let text = words::quote(&String::from_utf8_lossy(&self.body));
        if text.is_empty() { "no body".to_owned() } else { text }
    }
}

fn build(address: &Address, limits: Limits) -> Result<Client> {
    install_provider();
    let mut builder = Client::builder()
        .user_agent(concat!("tars/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect)
        .redirect(Policy::custom(follow))
        .dns_resolver(super::resolve::Names);
    if let Some(total) = limits.total {
        builder = builder.timeout(total);
    }
    if address.is_local() {
        builder = builder.no_proxy();
    }
    if !address.is_https() {
        // No roots at all: nothing is loaded, and nothing can be missing.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| {
        Failure::new(Exit::Unavailable, format!("cannot speak https with {}", address.place()))
            .hint("install the CA certificates (apt-get install ca-certificates)")
            .caused_by(error)
            .into()
    })
}

/// Makes ring the process's TLS provider; reqwest is built without one.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Only fails where somebody has installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn follow(attempt: Attempt) -> Action {
    let from = attempt.previous().last().map(|url| url.scheme().to_owned());
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error(format!("more than {REDIRECTS_MAX} redirects"));
    }
    if from.as_deref() != Some(attempt.url().scheme()) {
        let wanted = attempt.url().scheme().to_owned();
        return attempt.error(format!("it wants {wanted}://: give that address"));
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;
    use crate::error::causes_of;

    fn at(address: &str) -> Http {
        Http::new(Address::parse(address, 80).unwrap(), Limits::within(Duration::from_millis(300))).unwrap()
    }

    async fn failure(address: &str) -> String {
        let error = at(address).get("/").await.unwrap_err();
        assert!(causes_of(&error).len() > 1, "the causes are kept: {error:?}");
        error.to_string()
    }

    #[tokio::test]
    async fn each_way_to_fail_has_its_sentence() {
        let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        assert_eq!(failure(&place).await, format!("connection refused by {place}"));
        let silent = Fake::new(vec![vec![Step::Hang]]).await;
        assert_eq!(failure(&silent.place).await, format!("no answer from {} within 0.3 s", silent.place));
        let rude = Fake::new(vec![vec![]]).await;
        assert!(failure(&rude.place).await.contains(&rude.place));
        assert_eq!(failure("no-such.invalid:1").await, "the name no-such.invalid cannot be resolved");
        let odd = Fake::new(vec![vec![Step::Say("+PONG\r\n".into())]]).await;
        assert!(failure(&odd.place).await.starts_with("no usable answer from"));
    }

    #[tokio::test]
    async fn a_status_is_quoted_with_the_services_own_words() {
        let fake = Fake::new(vec![
            vec![Step::Say(http(503, "<h1>\nbusy</h1>"))],
            vec![Step::Say(http(404, r#"{"error":"NotFoundError","message":"no such thing"}"#))],
        ])
        .await;
        let first = at(&fake.place).get("/").await.unwrap().ok().unwrap_err();
        assert_eq!(first.to_string(), format!("{} answered HTTP 503: <h1> busy</h1>", fake.place));
        let second = at(&fake.place).get("/").await.unwrap().ok().unwrap_err();
        assert_eq!((second.kind.as_deref(), second.text.as_str()), (Some("NotFoundError"), "no such thing"));
    }

    #[tokio::test]
    async fn a_redirect_to_another_scheme_is_not_followed() {
        let fake = Fake::new(vec![vec![Step::Say(
            "HTTP/1.1 301 Moved\r\nlocation: https://example.invalid/\r\ncontent-length: 0\r\n\r\n".into(),
        )]])
        .await;
        let error = at(&fake.place).get("/").await.unwrap_err();
        assert!(causes_of(&error).join(" ").contains("give that address"), "{error:?}");
    }

    #[tokio::test]
    async fn the_request_says_who_asks() {
        let fake = Fake::new(vec![vec![Step::Say(http(200, "{}"))]]).await;
        at(&fake.place).get("/x").await.unwrap();
        assert!(fake.requests()[0].contains(concat!("user-agent: tars/", env!("CARGO_PKG_VERSION"))));
    }
}
