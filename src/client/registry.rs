//! Whether a container registry can be reached from here.
//!
//! Asks `GET /v2/` without an account; a registry answers 200 or 401, both of which mean "here I am". It
//! judges nothing else: what a 403 or a 502 means for an installation is the caller's question.

use std::time::Duration;

use super::address::Address;
use super::http::{Http, Limits};

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Something answers: a registry says 200 or 401; a 403, 404 or 502 mostly comes from a proxy in between.
    Answers {
        /// The HTTP status.
        status: u16,
    },
    /// It answers, but this address has asked too often (HTTP 429).
    TooMany {
        /// How long to wait, where it says so in seconds.
        retry_after: Option<Duration>,
    },
    /// No answer.
    Unreachable {
        /// One sentence.
        why: String,
        /// Time ran out: worth a second try, unlike a refusal.
        timed_out: bool,
    },
}

/// Asks the registry at `host_url` (`https://registry-1.docker.io`) within `deadline`.
pub async fn reach(host_url: &str, deadline: Duration) -> Reach {
    let unreachable =
        |error: anyhow::Error| Reach::Unreachable { why: error.to_string(), timed_out: timed_out(&error) };
    let with_scheme = if host_url.contains("://") { host_url.to_owned() } else { format!("https://{host_url}") };
    let http = Address::parse(&with_scheme, 443)
        .map_err(anyhow::Error::from)
        .and_then(|address| Http::new(address, Limits::within(deadline)));
    match http {
        Ok(http) => ask(&http).await.unwrap_or_else(unreachable),
        Err(error) => unreachable(error),
    }
}

async fn ask(http: &Http) -> anyhow::Result<Reach> {
    let response = http.open(reqwest::Method::GET, "/v2/", None).await?;
    let status = response.status().as_u16();
    if status != 429 {
        return Ok(Reach::Answers { status });
    }
    let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Ok(Reach::TooMany { retry_after: seconds.map(Duration::from_secs) })
}

fn timed_out(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<reqwest::Error>()).any(reqwest::Error::is_timeout)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, http};
    use super::*;

    async fn played(step: Step) -> Reach {
        let fake = Fake::new(vec![vec![step]]).await;
        reach(&format!("http://{}", fake.place), Duration::from_millis(300)).await
    }

    #[tokio::test]
    async fn a_login_prompt_is_an_answer() {
        assert_eq!(played(Step::Say(http(401, "{}"))).await, Reach::Answers { status: 401 });
    }

    #[tokio::test]
    async fn too_many_requests_is_told_apart() {
        let limited = "HTTP/1.1 429 X\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(
            played(Step::Say(limited.into())).await,
            Reach::TooMany { retry_after: Some(Duration::from_secs(30)) }
        );
        assert_eq!(played(Step::Say(http(429, ""))).await, Reach::TooMany { retry_after: None });
    }

    #[tokio::test]
    async fn silence_is_a_time_out_and_a_missing_name_is_not() {
        assert!(matches!(played(Step::Hang).await, Reach::Unreachable { timed_out: true, .. }));
        let missing = reach("registry.invalid", Duration::from_secs(5)).await;
        let why = "the name registry.invalid cannot be resolved".to_owned();
        assert_eq!(missing, Reach::Unreachable { why, timed_out: false });
    }
}
