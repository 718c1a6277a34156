//! `/rag/index`: read files of the documents folder now; how the index is; make it anew.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::documents::{Indexed, indexed};
use crate::answer::ms;
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::{Admin, User};
use crate::documents::beneath::{self, Refusal};
use crate::documents::generation::{self, Progress};
use crate::documents::intake::{self, Seen, Why};
use crate::documents::{FOLDER, vectors};
use crate::extract::{Json, Origin};
use crate::problem::Problem;
use crate::reading::Kind;

/// Paths of one batch.
const BATCH_MAX: usize = 1000;
/// How long one file may take before the answer is that it goes on.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);
/// How long the folder may take to say what lies at a batch of paths.
const LOOKED_WITHIN: Duration = Duration::from_secs(15);

/// A file of the documents folder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct File {
    /// Its path there
    #[schema(min_length = 1, max_length = 4096, example = "manuals/heating.pdf")]
    file_path: String,
    /// Read it even if nothing changed
    #[serde(default)]
    force_reindex: bool,
}

/// Files of the documents folder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Files {
    /// Their paths there
    #[schema(min_items = 1, max_items = 1000)]
    file_paths: Vec<String>,
    /// Read them even if nothing changed
    #[serde(default)]
    force_reindex: bool,
}

/// What a batch began.
#[derive(Debug, Serialize, ToSchema)]
struct Batch {
    /// Files that are being read
    accepted: usize,
    /// Paths that cannot be, with the reason
    refused: Vec<Refused>,
    /// Milliseconds it took
    processing_time_ms: f64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Refused {
    /// As it was given
    file_path: String,
    /// Why
    reason: String,
}

/// How the index is.
#[derive(Debug, Serialize, ToSchema)]
struct IndexState {
    /// The embedding model of the index that serves
    model: Option<String>,
    /// Numbers per vector
    dimension: Option<i32>,
    /// How far it is
    progress: Option<Progress>,
    /// The model of an index that is being built beside it
    building_model: Option<String>,
    /// How far that is
    building: Option<Progress>,
    /// What is the matter with it
    problems: Vec<String>,
}

/// What the index is to be made with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Anew {
    /// The embedding model; without one, the configured one
    #[schema(max_length = 200)]
    model: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(batch)).routes(routes!(state))
}

/// What takes as long as a document is long, or as a model needs to be loaded.
pub(super) fn reading() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(index)).routes(routes!(reindex))
}

/// Read a file of the documents folder now
#[utoipa::path(post, path = "/rag/index", tag = "rag", security(("bearer" = [])), request_body = File,
    responses((status = 200, description = "It was read", body = Indexed), (status = 202, description = "It is being read", body = Indexed)))]
async fn index(
    State(app): State<App>,
    _user: User,
    Json(file): Json<File>,
) -> Result<(StatusCode, Json<Indexed>), Problem> {
    let begun = Instant::now();
    let looked = look(&app, vec![file.file_path]).await?.into_iter().next();
    let looked = looked.unwrap_or_else(|| Err((StatusCode::NOT_FOUND, String::new(), Refusal::Missing.to_string())));
    let seen = looked.map_err(|(status, _, reason)| Problem::new(status, "not-readable", reason))?;
    let why = Why::Wanted { force: file.force_reindex };
    intake::announce(&app, FOLDER, std::slice::from_ref(&seen), why).await?;
    let settled = intake::settled(&app, FOLDER, &seen.path, SETTLED_WITHIN).await?;
    indexed(&app, settled, &seen.file_name, begun).await
}

/// Read files of the documents folder in the background
#[utoipa::path(post, path = "/rag/index/batch", tag = "rag", security(("bearer" = [])), request_body = Files,
    responses((status = 202, description = "They are being read", body = Batch)))]
async fn batch(
    State(app): State<App>,
    _user: User,
    Json(files): Json<Files>,
) -> Result<(StatusCode, Json<Batch>), Problem> {
    let begun = Instant::now();
    if files.file_paths.is_empty() || files.file_paths.len() > BATCH_MAX {
        return Err(Problem::invalid("file_paths", format!("1 to {BATCH_MAX} paths")));
    }
    let (mut seen, mut refused) = (Vec::new(), Vec::new());
    for looked in look(&app, files.file_paths).await? {
        match looked {
            Ok(file) if seen.iter().all(|other: &Seen| other.path != file.path) => seen.push(file),
            Ok(_) => {}
            Err((_, file_path, reason)) => refused.push(Refused { file_path, reason }),
        }
    }
    intake::announce(&app, FOLDER, &seen, Why::Wanted { force: files.force_reindex }).await?;
    let batch = Batch { accepted: seen.len(), refused, processing_time_ms: ms(begun) };
    Ok((StatusCode::ACCEPTED, Json(batch)))
}

/// How the index is
#[utoipa::path(get, path = "/rag/index", tag = "rag", security(("bearer" = [])),
    responses((status = 200, description = "Its model and how far it is", body = IndexState)))]
async fn state(State(app): State<App>, _user: User) -> Result<Json<IndexState>, Problem> {
    let connection = app.db.get().await?;
    let mut index = IndexState {
        model: None,
        dimension: None,
        progress: None,
        building_model: None,
        building: None,
        problems: Vec::new(),
    };
    for generation in generation::in_use(&connection).await? {
        let progress = Some(generation::progress(&connection, generation.id).await?);
        if generation.serving {
            index.problems.extend(vectors::changed_model(app.config.embed_model.as_deref(), &generation));
            (index.model, index.dimension, index.progress) =
                (Some(generation.model), Some(generation.dimension), progress);
        } else {
            (index.building_model, index.building) = (Some(generation.model), progress);
        }
    }
    index.problems.extend(app.rag.desk.trouble());
    Ok(Json(index))
}

/// Make the index anew
///
/// The old one serves until the new one is whole; the same request again goes on with what was begun. For administrators.
#[utoipa::path(post, path = "/rag/reindex", tag = "rag", security(("bearer" = [])), request_body = Anew,
    responses((status = 202, description = "It is being made", body = IndexState)))]
async fn reindex(
    State(app): State<App>,
    Admin(user): Admin,
    origin: Origin,
    Json(anew): Json<Anew>,
) -> Result<(StatusCode, Json<IndexState>), Problem> {
    if anew.model.as_ref().is_some_and(|model| model.chars().count() > 200) {
        return Err(Problem::invalid("model", "200 letters at most"));
    }
    if app.ollama()?.is_none() {
        return Err(Problem::conflict(
            "no language model was chosen (TARS_LLM=none): there are no vectors to make anew",
        ));
    }
    let begun = vectors::reindex(&app, anew.model.as_deref()).await;
    let generation = begun.map_err(|error| match error.downcast::<Problem>() {
        Ok(problem) => problem,
        Err(error) => Problem::unavailable(crate::error::causes_of(&error).join(": ")),
    })?;
    audit::record(&app, &origin, Who::User(&user), "index.renew", &generation.id.to_string(), "ok").await;
    let Json(index) = state(State(app), user).await?;
    Ok((StatusCode::ACCEPTED, Json(index)))
}

/// What is said of a path: the file that lies there, or why it cannot be read.
type Looked = Result<Seen, (StatusCode, String, String)>;

async fn look(app: &App, given: Vec<String>) -> Result<Vec<Looked>, Problem> {
    let folder = app.rag.desk.folder.clone();
    let one = move |given: String| see(&folder, &given).map_err(|(status, reason)| (status, given, reason));
    let looked = app.rag.desk.looks.run(LOOKED_WITHIN, move || given.into_iter().map(one).collect()).await;
    looked.map_err(|_| Problem::unavailable("the documents folder does not answer"))
}

fn see(folder: &std::path::Path, given: &str) -> Result<Seen, (StatusCode, String)> {
    let refusal = |refusal: Refusal| {
        let status = match refusal {
            Refusal::Outside => StatusCode::FORBIDDEN,
            Refusal::Missing => StatusCode::NOT_FOUND,
            Refusal::Io(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, refusal.to_string())
    };
    let path: PathBuf = beneath::relative(folder, given).map_err(refusal)?;
    let file = beneath::open(folder, &path).map_err(refusal)?;
    // Under the name that a scan finds it by, be it given through a link.
    let path = beneath::place(folder, &file).map_err(refusal)?;
    if Kind::of(&path).is_none() {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "its format is not read: .pdf .docx .txt .md .csv .json .html are".to_owned(),
        ));
    }
    let metadata = file.metadata().map_err(|error| refusal(Refusal::Io(error)))?;
    Seen::new(&path, &metadata).ok_or((StatusCode::NOT_FOUND, "its name is not UTF-8".to_owned()))
}
