//! `/ops/…`: for administrators, by password or by API key. Each look is audited, once in ten minutes per path.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use ring::digest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rag_state::mode_now;
use super::ready;
use crate::app::App;
use crate::audit::{self, Line};
use crate::auth::{Admin, User, key};
use crate::client::api::{Check, CheckStatus, Ready, Verdict};
use crate::client::examine::{self, Question};
use crate::client::ollama::{Ollama, same_model};
use crate::client::told::Told;
use crate::extract::{Json, Origin, Query};
use crate::numbers::{self, Numbers};
use crate::problem::Problem;
use crate::resources::{self, Resources};
use crate::told;

/// What the slower questions of a summary have for their answers; what is not there in time is missing.
const WITHIN: Duration = Duration::from_secs(5);
/// The most lines of the audit in one answer.
const LINES_MAX: i64 = 500;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(summary))
        .routes(routes!(snapshot))
        .routes(routes!(read_audit))
        .routes(routes!(metrics))
}

/// One service.
#[derive(Serialize, ToSchema)]
struct Service {
    /// Its name in the stack.
    name: String,
    /// What it answered.
    #[serde(flatten)]
    check: Check,
}

/// One of the two models.
#[derive(Serialize, ToSchema)]
struct Model {
    /// `chat` or `embedding`.
    role: &'static str,
    /// As it was chosen.
    name: String,
    /// Whether Ollama has it.
    present: bool,
    /// Bytes on disk.
    bytes: Option<u64>,
    /// What it can do (`completion`, `embedding`, …).
    capabilities: Vec<String>,
    /// Whether it is in memory now.
    loaded: bool,
    /// Where it runs while it is loaded: `gpu`, `cpu`, or `split` between them.
    runs_on: Option<&'static str>,
}

/// A collection in Chroma.
#[derive(Serialize, ToSchema)]
struct Collection {
    name: String,
    /// Numbers per vector; missing while it is empty.
    dimension: Option<u64>,
    /// Its records, as Chroma counts them.
    count: u64,
}

/// Everything an operator looks at first.
#[derive(Serialize, ToSchema)]
struct Summary {
    status: Verdict,
    /// `full` or `retrieval-only`, as questions are answered now.
    mode: &'static str,
    version: &'static str,
    /// The first twelve digits of this binary's SHA-256; the image's tag ends in them.
    build: Option<String>,
    /// Now.
    at: Timestamp,
    uptime_s: u64,
    services: Vec<Service>,
    models: Vec<Model>,
    /// Missing when Chroma did not answer in time.
    collections: Option<Vec<Collection>>,
    /// Missing when Postgres did not answer. `sources` says whether the documents folder (NAS) is there.
    documents: Option<Numbers>,
    resources: Resources,
    /// How backups and drills went; missing until the first of them.
    backups: Option<Told>,
}

/// A smaller look, cheap enough for every minute.
#[derive(Serialize, ToSchema)]
struct Snapshot {
    status: Verdict,
    mode: &'static str,
    version: &'static str,
    at: Timestamp,
    uptime_s: u64,
    services: Vec<Service>,
    documents: Option<Numbers>,
    memory_bytes: Option<u64>,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Window {
    /// Only lines with a smaller id: the last one of the page before.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// How many; 100, if missing.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// A page of the audit, the newest first.
#[derive(Serialize, ToSchema)]
struct Lines {
    lines: Vec<Line>,
}

/// Services, models, collections, documents, resources
#[utoipa::path(get, path = "/ops/summary", tag = "operate", security(("bearer" = [])),
    responses((status = 200, body = Summary)))]
async fn summary(State(app): State<App>, origin: Origin, Admin(admin): Admin) -> Json<Summary> {
    audit::look(&app, &origin, &admin, "/ops/summary").await;
    let (ready, models, collections, documents, resources, build) =
        tokio::join!(ready::look(&app), models(&app), collections(&app), documents(&app), machine(&app), build());
    Json(Summary {
        status: ready.status,
        mode: mode_now(&ready),
        version: env!("CARGO_PKG_VERSION"),
        build,
        at: (app.clock)(),
        uptime_s: app.began.elapsed().as_secs(),
        services: services(ready),
        models,
        collections,
        documents,
        resources,
        backups: told::read(&app.config.logs_dir),
    })
}

/// Whether everything answers, and the first numbers
#[utoipa::path(get, path = "/ops/health-snapshot", tag = "operate", security(("bearer" = [])),
    responses((status = 200, body = Snapshot)))]
async fn snapshot(State(app): State<App>, origin: Origin, Admin(admin): Admin) -> Json<Snapshot> {
    audit::look(&app, &origin, &admin, "/ops/health-snapshot").await;
    let (ready, documents) = tokio::join!(ready::look(&app), documents(&app));
    Json(Snapshot {
        status: ready.status,
        mode: mode_now(&ready),
        version: env!("CARGO_PKG_VERSION"),
        at: (app.clock)(),
        uptime_s: app.began.elapsed().as_secs(),
        services: services(ready),
        documents,
        memory_bytes: resources::look(&[]).memory_bytes,
    })
}

/// Who did what, when, and from where; the last 90 days
#[utoipa::path(get, path = "/ops/audit", tag = "operate", security(("bearer" = [])), params(Window),
    responses((status = 200, body = Lines)))]
async fn read_audit(
    State(app): State<App>,
    origin: Origin,
    Admin(admin): Admin,
    Query(window): Query<Window>,
) -> Result<Json<Lines>, Problem> {
    let limit = window.limit.unwrap_or(100);
    if !(1..=LINES_MAX).contains(&limit) {
        return Err(Problem::invalid("limit", format!("is not between 1 and {LINES_MAX}")));
    }
    if window.before.is_some_and(|before| before < 1) {
        return Err(Problem::invalid("before", "is not an id"));
    }
    audit::look(&app, &origin, &admin, "/ops/audit").await;
    Ok(Json(Lines { lines: audit::lines(&app, window.before, limit).await? }))
}

fn services(ready: Ready) -> Vec<Service> {
    ready.checks.into_iter().map(|(name, check)| Service { name, check }).collect()
}

async fn documents(app: &App) -> Option<Numbers> {
    tokio::time::timeout(WITHIN, numbers::read(app)).await.ok()?.ok()
}

// The documents folder's disk is missing while that hangs.
async fn machine(app: &App) -> Resources {
    let (desk, folder) = (&app.rag.desk, app.rag.desk.folder.clone());
    let mut resources = resources::look(&[Path::new("/"), &desk.uploads]);
    let mounted = desk.looks.run(WITHIN, move || resources::disk(&folder)).await;
    resources.disks.extend(mounted.ok().flatten());
    resources
}

async fn collections(app: &App) -> Option<Vec<Collection>> {
    let question = Question { url: app.config.chroma_url.to_string(), ..Question::default() };
    let mut found = Vec::new();
    let asked = examine::examine(&question, |one| {
        found.push(Collection { name: one.name, dimension: one.dimension, count: one.ids });
    });
    tokio::time::timeout(WITHIN, asked).await.ok()?.ok()?;
    Some(found)
}

async fn models(app: &App) -> Vec<Model> {
    let Ok(Some(ollama)) = app.ollama() else { return Vec::new() };
    let chosen = [("chat", &app.config.chat_model), ("embedding", &app.config.embed_model)];
    let mut models = Vec::new();
    for (role, name) in chosen.into_iter().filter_map(|(role, name)| Some((role, name.as_ref()?))) {
        let asked = tokio::time::timeout(WITHIN, model(ollama, role, name)).await;
        models.push(asked.ok().and_then(Result::ok).unwrap_or_else(|| Model::absent(role, name)));
    }
    models
}

async fn model(ollama: &Ollama, role: &'static str, name: &str) -> anyhow::Result<Model> {
    let (tags, running, show) = tokio::try_join!(ollama.tags(), ollama.ps(), ollama.show(name))?;
    let on_disk = tags.iter().find(|tag| !tag.is_cloud() && same_model(&tag.name, name));
    let loaded = running.iter().find(|model| same_model(&model.name, name));
    Ok(Model {
        role,
        name: name.to_owned(),
        present: on_disk.is_some(),
        bytes: on_disk.map(|tag| tag.size),
        capabilities: show.map(|show| show.capabilities).unwrap_or_default(),
        loaded: loaded.is_some(),
        runs_on: loaded.map(|model| runs_on(model.size_vram, model.size)),
    })
}

fn runs_on(gpu_bytes: u64, bytes: u64) -> &'static str {
    match gpu_bytes {
        0 => "cpu",
        on_gpu if on_gpu >= bytes => "gpu",
        _ => "split",
    }
}

impl Model {
    fn absent(role: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self { role, name, present: false, bytes: None, capabilities: Vec::new(), loaded: false, runs_on: None }
    }
}

/// Which binary this is; computed at the first question, since it takes a moment.
async fn build() -> Option<String> {
    static BUILD: OnceLock<Option<String>> = OnceLock::new();
    let computed = tokio::task::spawn_blocking(|| {
        BUILD.get_or_init(|| {
            let bytes = std::fs::read("/proc/self/exe").ok()?;
            let digest = digest::digest(&digest::SHA256, &bytes);
            Some(key::hex(&digest.as_ref()[..6]))
        })
    });
    computed.await.ok()?.clone()
}

/// Numbers for Prometheus
#[utoipa::path(get, path = "/metrics/prometheus", tag = "operate", security(("bearer" = [])),
    responses((status = 200, description = "The text that Prometheus reads", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(
    State(app): State<App>,
    _user: User,
) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let ready = ready::look(&app).await;
    let up = ready.checks.values().filter(|check| check.status == CheckStatus::Ok).count();
    tracing::debug!(up, "numbers were read");
    app.metrics.http.database_connections.set(i64::try_from(app.db.connections().1).unwrap_or(i64::MAX));
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(axum::http::header::CONTENT_TYPE, kind)], app.metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_model_runs_is_read_from_its_bytes() {
        assert_eq!([runs_on(0, 9), runs_on(9, 9), runs_on(4, 9)], ["cpu", "gpu", "split"]);
    }

    #[tokio::test]
    async fn a_binary_knows_which_one_it_is() {
        let build = build().await.unwrap();
        assert!(build.len() == 12 && build.chars().all(|c| c.is_ascii_hexdigit()), "{build}");
    }
}
