//! `GET /ready`: whether questions can be answered now, asked of every store. 503 only without a required one.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::client::api::{CheckStatus, Ready, Verdict};
use crate::extract::Json;

/// Looks that are had within a second; more get the last answer.
const LOOKS_PER_SECOND: u32 = 5;

/// What was looked at lately.
#[derive(Default)]
pub(crate) struct Looks {
    second: Option<Instant>,
    count: u32,
    report: Option<Ready>,
}

impl Looks {
    /// The last answer, if there were enough of them in this second.
    fn last(&mut self) -> Option<Ready> {
        if self.second.is_none_or(|second| second.elapsed() >= Duration::from_secs(1)) {
            (self.second, self.count) = (Some(Instant::now()), 0);
        }
        self.count += 1;
        self.report.clone().filter(|_| self.count > LOOKS_PER_SECOND)
    }

    fn note(&mut self, report: &Ready) {
        self.report = Some(report.clone());
    }
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ready))
}

/// Whether questions can be answered now, asked of every store
#[utoipa::path(get, path = "/ready", tag = "operate", responses(
    (status = 200, body = Ready, description = "Ready, or degraded by something that is not required"),
    (status = 503, body = Ready, description = "A required store does not answer"),
))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Ready>) {
    let report = look(&app).await;
    let status = match report.status {
        Verdict::Ready | Verdict::Degraded => StatusCode::OK,
        Verdict::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}

/// Asks every store and keeps what they say as numbers. Whoever asks in a loop gets the last answer again: anybody may ask,
/// and the stores have other work.
pub(super) async fn look(app: &App) -> Ready {
    let mut looks = app.looks.lock().await;
    if let Some(last) = looks.last() {
        return last;
    }
    let report = app.stores.ready(&app.db).await;
    looks.note(&report);
    drop(looks);
    for (name, check) in &report.checks {
        app.metrics.http.service(name, check.status == CheckStatus::Ok);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_gets_the_last_answer_and_anybody_else_a_new_one() {
        let mut looks = Looks::default();
        for _ in 0..LOOKS_PER_SECOND {
            assert_eq!(looks.last(), None);
            looks.note(&Ready { status: Verdict::Ready, checks: std::collections::BTreeMap::new() });
        }
        assert!(looks.last().is_some());
        looks.second = Instant::now().checked_sub(Duration::from_secs(1));
        assert_eq!(looks.last(), None, "the next second");
    }
}
