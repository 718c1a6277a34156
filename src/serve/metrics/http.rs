//! The numbers of the frame: requests, connections, problems, sign-ins, and which stores answer.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SECONDS;

/// A request's labels: the route's pattern, not the path that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ServiceLabels {
    service: String,
}

/// A kind of problem.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct KindLabels {
    kind: &'static str,
}

type Times = Family<RequestLabels, Histogram, fn() -> Histogram>;

/// The numbers of the frame.
pub(crate) struct Http {
    requests: Times,
    problems: Family<KindLabels, Counter>,
    /// Connections of clients.
    pub connections: Gauge,
    /// Connections to Postgres that are in use.
    pub database_connections: Gauge,
    /// Failed sign-ins.
    pub sign_in_failures: Counter,
    service_up: Family<ServiceLabels, Gauge>,
}

impl Http {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            requests: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            problems: Family::default(),
            connections: Gauge::default(),
            database_connections: Gauge::default(),
            sign_in_failures: Counter::default(),
            service_up: Family::default(),
        };
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took",
            Unit::Seconds,
            new.requests.clone(),
        );
        registry.register("errors", "Problems that were answered, by kind", new.problems.clone());
        registry.register("http_connections", "Connections of clients now", new.connections.clone());
        let database = "Connections to Postgres in use now";
        registry.register("database_connections", database, new.database_connections.clone());
        registry.register("sign_in_failures", "Sign-ins that were refused", new.sign_in_failures.clone());
        registry.register("service_up", "1 if the store answers, else 0", new.service_up.clone());
        new
    }

    /// One request more.
    pub(crate) fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// One problem more.
    pub(crate) fn problem(&self, kind: &'static str) {
        self.problems.get_or_create(&KindLabels { kind }).inc();
    }

    /// Whether a store answers.
    pub(crate) fn service(&self, name: &str, up: bool) {
        self.service_up.get_or_create(&ServiceLabels { service: name.to_owned() }).set(i64::from(up));
    }
}
