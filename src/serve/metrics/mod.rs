//! What `/metrics/prometheus` counts. Each part registers its own family of numbers; a test holds them against the
//! table in `docs/API.md`. Labels come from this program alone, never from a request, so that their number is bounded.

pub(crate) mod http;
pub(crate) mod rag;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// Every number that is kept, and the registry that writes them out.
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests, connections, stores and sign-ins.
    pub http: http::Http,
    /// Documents, retrieval and answers.
    pub rag: rag::Rag,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("tars");
        let http = http::Http::register(&mut registry);
        let rag = rag::Rag::register(&mut registry);
        Self { registry, http, rag }
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Seconds from 1 ms to 60 s: requests, retrieval and generation have the same buckets.
pub(crate) const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_documents_table_is_the_registry() {
        let metrics = Metrics::new();
        metrics.http.request("GET", "/", 200, Duration::from_millis(3));
        metrics.http.problem("invalid");
        metrics.http.service("postgres", true);
        let text = metrics.text();
        let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let kept: BTreeSet<_> = typed
            .map(|(name, kind)| (if kind == "counter" { format!("{name}_total") } else { name.to_owned() }, kind))
            .collect();
        let table = include_str!("../../../docs/API.md").lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `tars_")?.split('|').map(str::trim);
            Some((format!("tars_{}", cells.next()?.trim_matches('`')), cells.next()?))
        });
        assert_eq!(kept, table.collect::<BTreeSet<_>>());
        assert!(text.contains("tars_http_request_duration_seconds_bucket{le=\"0.005\""), "{text}");
    }
}
