//! `/rag/documents`: send, list, show, delete and restore.

use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use ring::digest;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::bounds;
use crate::answer::ms;
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::User;
use crate::auth::key::hex;
use crate::documents::intake::{self, Outcome, Seen, Why};
use crate::documents::{UPLOADS, sweep, trash};
use crate::extract::{Json, Origin, Path, Query};
use crate::problem::Problem;
use crate::reading::{FILE_MAX_BYTES, Kind};
use crate::resources;

/// How long an upload may take to be read before the answer is that it goes on.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);
const EMBEDDED_WITHIN: Duration = Duration::from_secs(10);
/// Room for what stands round the file in a form.
const FORM_BYTES: usize = 64 << 10;
/// So much of the disk is left to the stores, whatever is sent.
const LEFT_FREE_BYTES: u64 = 512 << 20;
/// A client that sends nothing for so long has left.
const NEXT_BYTES_WITHIN: Duration = Duration::from_mins(1);

/// What became of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Indexed {
    /// For `GET /rag/uploads/{id}`; none for a file of the documents folder
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upload_id: Option<String>,
    /// The same content was there before
    existed: bool,
    /// The document it is; none while it is still being read
    document_id: Option<Uuid>,
    /// Its file's name
    file_name: String,
    /// `ready`, or `waiting` while it is still being read
    state: &'static str,
    /// Whether its vectors are there; by words it is found at once
    embedded: bool,
    /// Pieces it was cut into
    chunks_created: i32,
    /// Milliseconds it took
    processing_time_ms: f64,
}

/// A document.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
struct Document {
    /// Which one it is
    document_id: Uuid,
    /// Its file's name
    file_name: String,
    /// The folder that lies in, below the documents folder
    folder: String,
    /// Its format
    kind: String,
    /// Its size
    bytes: i64,
    /// Of its content
    sha256: String,
    /// Pieces it was cut into
    total_chunks: i32,
    /// `ready`, or `trashed`
    state: &'static str,
    /// Why its newest content could not be read, why it is in the trash, or what of it has no vectors
    reason: Option<String>,
    /// When its content was indexed
    #[schema(value_type = Option<String>, format = DateTime)]
    indexed_at: Option<jiff::Timestamp>,
    /// When it is erased for good
    #[schema(value_type = Option<String>, format = DateTime)]
    erased_at: Option<jiff::Timestamp>,
    /// When it came
    #[schema(value_type = String, format = DateTime)]
    added_at: jiff::Timestamp,
    /// Where it came from: `uploads`, `documents` (the folder), or both
    from: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Documents {
    /// One page of them
    documents: Vec<Document>,
    /// All of them
    total_documents: i64,
}

/// Which documents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// How many at most
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// How many to pass over
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    offset: Option<u32>,
    /// Those in the trash instead
    #[param(default = false)]
    trashed: Option<bool>,
    /// Only those with all of these words in their name or folder
    #[param(max_length = 200)]
    query: Option<String>,
    /// Only those in this folder and below it
    #[param(max_length = 1000)]
    folder: Option<String>,
    /// `name` (with folders first), `newest` or `largest`
    #[param(default = "name")]
    sort: Option<Sort>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DocumentOrder)]
enum Sort {
    #[default]
    Name,
    Newest,
    Largest,
}

/// A folder below the documents folder.
#[derive(Debug, Serialize, ToSchema)]
struct Folder {
    /// Its path there
    folder: String,
    /// Documents in it, those below it left out
    documents: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Folders {
    /// The first thousand, by their names
    folders: Vec<Folder>,
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form")]
struct Form {
    /// The document
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(restore))
        .routes(routes!(folders))
}

pub(super) fn uploads() -> OpenApiRouter<App> {
    let limit = usize::try_from(FILE_MAX_BYTES).unwrap_or(usize::MAX) + FORM_BYTES;
    OpenApiRouter::new().routes(routes!(upload)).layer(DefaultBodyLimit::max(limit))
}

/// Send a document
///
/// .pdf .docx .txt .md .csv .json .html, up to 256 MiB. It is common to all users. The same content twice is one document.
#[utoipa::path(post, path = "/rag/documents", tag = "rag", security(("bearer" = [])),
    request_body(content = Form, content_type = "multipart/form-data"),
    responses((status = 201, description = "It was read", body = Indexed), (status = 202, description = "It is being read", body = Indexed)))]
async fn upload(
    State(app): State<App>,
    user: User,
    origin: Origin,
    headers: HeaderMap,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<(StatusCode, Json<Indexed>), Problem> {
    let begun = Instant::now();
    let mut form = form.map_err(|_| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "send a multipart/form-data form with a field \"file\"",
        )
    })?;
    // Said before the first byte is read: the client need not send the rest.
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > FILE_MAX_BYTES + FORM_BYTES as u64) {
        return Err(Problem::of_too_large());
    }
    let free = resources::disk(&app.rag.desk.uploads).map(|disk| disk.free_bytes);
    if !has_room(free, announced.unwrap_or(FILE_MAX_BYTES)) {
        let detail = "there is no room for it on the disk: have something removed, or the disk enlarged";
        return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "no-room", detail));
    }
    // Nothing is taken in that could not be remembered.
    drop(app.db.get().await?);
    let mut stored = None;
    while let Some(field) = next(&mut form).await? {
        if field.name() != Some("file") || stored.is_some() {
            return Err(Problem::invalid("file", "the form has one field, \"file\", with one file"));
        }
        stored = Some(store(&app, field).await?);
    }
    let (seen, existed) = stored.ok_or_else(|| Problem::invalid("file", "the form has no field \"file\""))?;
    let settled = intake::settled(&app, UPLOADS, &seen.path, SETTLED_WITHIN).await?;
    let answer = indexed(&app, settled, &seen.file_name, begun).await;
    let (object, outcome) = match &answer {
        Ok((_, Json(indexed))) => (indexed.document_id.map(|id| id.to_string()).unwrap_or_default(), "ok"),
        Err(_) => (String::new(), "set-aside"),
    };
    audit::record(&app, &origin, Who::User(&user), "document.add", &object, outcome).await;
    answer.map(|(status, Json(indexed))| {
        let status = if status == StatusCode::OK { StatusCode::CREATED } else { status };
        (status, Json(Indexed { upload_id: Some(seen.path), existed, ..indexed }))
    })
}

/// Whether an upload's content, which its path is named by, is that of a document that people see.
async fn is_known(app: &App, path: &str) -> Result<bool, Problem> {
    const ASK: &str = "select exists (select from documents where sha256 = decode($1, 'hex') and trashed_at is null and revision > 0)";
    let sum = path.split('.').next().unwrap_or_default();
    Ok(app.db.get().await?.query_one(ASK, &[&sum]).await?.get(0))
}

async fn next(form: &mut Multipart) -> Result<Option<Field<'_>>, Problem> {
    match tokio::time::timeout(NEXT_BYTES_WITHIN, form.next_field()).await {
        Ok(field) => field.map_err(|error| broken(&error)),
        Err(_) => Err(slow()),
    }
}

/// Writes the file under its sum, whole or not at all: a reader never sees half of it, and the same one twice is one.
/// Then it gets its place and its job. Also says whether a document of the same content was there before.
async fn store(app: &App, mut field: Field<'_>) -> Result<(Seen, bool), Problem> {
    let file_name = clean_name(field.file_name().unwrap_or_default())?;
    let kind = Kind::of(FilePath::new(&file_name)).ok_or_else(|| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "its format is not read: .pdf .docx .txt .md .csv .json .html are",
        )
    })?;
    let folder = &app.rag.desk.uploads;
    let disk = |error: std::io::Error| {
        tracing::error!(error = %error, "an upload could not be kept");
        Problem::unavailable("the upload cannot be kept: the disk says no")
    };
    let partial = tempfile::Builder::new().prefix(sweep::PARTIAL).tempfile_in(folder).map_err(disk)?;
    let mut file = tokio::fs::File::from_std(partial.as_file().try_clone().map_err(disk)?);
    let (mut sum, mut bytes) = (digest::Context::new(&digest::SHA256), 0);
    loop {
        let chunk = tokio::time::timeout(NEXT_BYTES_WITHIN, field.chunk()).await.map_err(|_| slow())?;
        let Some(chunk) = chunk.map_err(|error| broken(&error))? else { break };
        bytes += chunk.len() as u64;
        if bytes > FILE_MAX_BYTES {
            return Err(Problem::of_too_large());
        }
        sum.update(&chunk);
        file.write_all(&chunk).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    file.sync_all().await.map_err(disk)?;
    let path = format!("{}.{}", hex(sum.finish().as_ref()), kind.name());
    // Until it has its place nobody may take the file for one that nothing belongs to.
    let _kept = app.rag.desk.keeping.read().await;
    let whole = partial.persist(folder.join(&path)).map_err(|error| disk(error.error))?;
    let metadata = whole.metadata().map_err(disk)?;
    // Its name must outlast a power cut as well: the place does.
    let named = tokio::fs::File::open(folder).await.map_err(disk)?;
    named.sync_all().await.map_err(disk)?;
    let mut seen = Seen::new(FilePath::new(&path), &metadata).ok_or_else(Problem::internal)?;
    seen.file_name = file_name;
    let existed = is_known(app, &seen.path).await?;
    intake::announce(app, UPLOADS, std::slice::from_ref(&seen), Why::Wanted { force: false }).await?;
    Ok((seen, existed))
}

fn has_room(free_bytes: Option<u64>, announced: u64) -> bool {
    free_bytes.is_none_or(|free| free >= LEFT_FREE_BYTES.saturating_add(announced))
}

/// A name without a path, short enough and without what a terminal would act upon.
fn clean_name(given: &str) -> Result<String, Problem> {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.trim().is_empty() || name.len() > 255 {
        return Err(Problem::invalid("file", "it needs a file name of 1 to 255 bytes"));
    }
    Ok(name)
}

fn slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "nothing more came of the upload")
}

fn broken(error: &axum::extract::multipart::MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::of_too_large();
    }
    Problem::bad_request("the form cannot be read to its end")
}

/// What to answer once a file has been read, or is still being read.
///
/// # Errors
/// 422 with the reason when it was set aside.
pub(super) async fn indexed(
    app: &App,
    settled: Option<Outcome>,
    file_name: &str,
    begun: Instant,
) -> Result<(StatusCode, Json<Indexed>), Problem> {
    const ASK: &str = "select d.chunk_count, d.revision from documents d where d.id = $1";
    let waiting = Indexed {
        upload_id: None,
        existed: false,
        document_id: None,
        file_name: file_name.to_owned(),
        state: "waiting",
        embedded: false,
        chunks_created: 0,
        processing_time_ms: ms(begun),
    };
    let Some(outcome) = settled else { return Ok((StatusCode::ACCEPTED, Json(waiting))) };
    if let Some(reason) = outcome.reason {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "set-aside",
            format!("the document was set aside: {reason}"),
        ));
    }
    let Some(id) = outcome.document else { return Ok((StatusCode::ACCEPTED, Json(waiting))) };
    let connection = app.db.get().await?;
    let row = connection.query_one(ASK, &[&id]).await?;
    drop(connection);
    let embedded = crate::documents::vectors::embedded(app, id, EMBEDDED_WITHIN).await?;
    let done = Indexed {
        document_id: Some(id),
        state: "ready",
        embedded,
        chunks_created: row.get(0),
        processing_time_ms: ms(begun),
        ..waiting
    };
    Ok((StatusCode::OK, Json(done)))
}

const COLUMNS: &str = "select id, file_name, folder, kind, bytes, encode(sha256, 'hex'), chunk_count,
    trashed_at is not null, coalesce(trashed_why, reason, (select 'the embedding model refuses ' || v.skipped
        || ' of its pieces: they are found by words only' from vectors v join generations g on g.id = v.generation
        where g.state = 'serving' and v.document_id = documents.id and v.skipped > 0)), indexed_at, trashed_at + make_interval(days => $1),
    created_at, array(select distinct case p.source when 1 then 'uploads' else 'documents' end from places p
        where p.document_id = documents.id order by 1) from documents";

fn document(row: &Row) -> Document {
    Document {
        document_id: row.get(0),
        file_name: row.get(1),
        folder: row.get(2),
        kind: row.get(3),
        bytes: row.get(4),
        sha256: row.get(5),
        total_chunks: row.get(6),
        state: if row.get(7) { "trashed" } else { "ready" },
        reason: row.get(8),
        indexed_at: row.get(9),
        erased_at: row.get(10),
        added_at: row.get(11),
        from: row.get(12),
    }
}

/// The documents
#[utoipa::path(get, path = "/rag/documents", tag = "rag", security(("bearer" = [])), params(Listed),
    responses((status = 200, description = "One page of them", body = Documents)))]
async fn list(State(app): State<App>, _user: User, Query(listed): Query<Listed>) -> Result<Json<Documents>, Problem> {
    const WHERE: &str = "where (trashed_at is not null) = $1 and ($2::text is null or folder = $2 or starts_with(folder, $2 || '/'))
        and (select bool_and(strpos(lower(folder || '/' || file_name), word) > 0) from unnest($3::text[]) word) is not false";
    let (limit, offset) = bounds(listed.limit, listed.offset)?;
    let (words, folder) = (listed.query.unwrap_or_default(), listed.folder);
    let too_long = |text: &str, most: usize| text.chars().count() > most || text.contains('\0');
    if too_long(&words, 200) || folder.as_deref().is_some_and(|folder| too_long(folder, 1000)) {
        return Err(Problem::invalid("query", "200 letters at most, 1000 for a folder, and no NUL"));
    }
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let order = match listed.sort.unwrap_or_default() {
        Sort::Name => "folder, file_name, id",
        Sort::Newest => "created_at desc, id",
        Sort::Largest => "bytes desc, id",
    };
    let trashed = listed.trashed.unwrap_or(false);
    let connection = app.db.get().await?;
    let columns = COLUMNS.replace("$1", "$4");
    let ask = format!("{columns} {WHERE} order by {order} limit $5 offset $6");
    let rows = connection.query(&ask, &[&trashed, &folder, &words, &trash::KEEP_DAYS, &limit, &offset]).await?;
    let count = format!("select count(*) from documents {WHERE}");
    let total_documents = connection.query_one(&count, &[&trashed, &folder, &words]).await?.get(0);
    Ok(Json(Documents { documents: rows.iter().map(document).collect(), total_documents }))
}

/// The folders that documents lie in
#[utoipa::path(get, path = "/rag/folders", tag = "rag", security(("bearer" = [])),
    responses((status = 200, description = "The first thousand", body = Folders)))]
async fn folders(State(app): State<App>, _user: User) -> Result<Json<Folders>, Problem> {
    const ASK: &str = "select folder, count(*) from documents where trashed_at is null and folder <> ''
        group by folder order by folder limit 1000";
    let rows = app.db.get().await?.query(ASK, &[]).await?;
    let of = |row: &Row| Folder { folder: row.get(0), documents: row.get(1) };
    Ok(Json(Folders { folders: rows.iter().map(of).collect() }))
}

/// One document
#[utoipa::path(get, path = "/rag/documents/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, description = "What is known of it", body = Document)))]
async fn show(State(app): State<App>, _user: User, Path(id): Path<Uuid>) -> Result<Json<Document>, Problem> {
    let connection = app.db.get().await?;
    let row = connection.query_opt(&format!("{COLUMNS} where id = $2"), &[&trash::KEEP_DAYS, &id]).await?;
    row.as_ref().map(|row| Json(document(row))).ok_or_else(|| Problem::not_found("document"))
}

/// Move a document to the trash
///
/// Nobody finds it from now on; it is erased after 30 days. Its file in the documents folder is not touched.
#[utoipa::path(delete, path = "/rag/documents/{id}", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 204, description = "It is in the trash")))]
async fn delete(
    State(app): State<App>,
    user: User,
    origin: Origin,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    changed(trash::delete(&app, id).await?)?;
    audit::record(&app, &origin, Who::User(&user), "document.delete", &id.to_string(), "ok").await;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a document out of the trash
#[utoipa::path(post, path = "/rag/documents/{id}/restore", tag = "rag", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, description = "It is found again", body = Document)))]
async fn restore(
    State(app): State<App>,
    user: User,
    origin: Origin,
    Path(id): Path<Uuid>,
) -> Result<Json<Document>, Problem> {
    changed(trash::restore(&app, id).await?)?;
    audit::record(&app, &origin, Who::User(&user), "document.restore", &id.to_string(), "ok").await;
    show(State(app), user, Path(id)).await
}

fn changed(changed: bool) -> Result<(), Problem> {
    if changed { Ok(()) } else { Err(Problem::not_found("document")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_room_is_the_stores() {
        assert!(has_room(Some(2 << 30), 200 << 20) && has_room(None, 1));
        assert!(!has_room(Some(600 << 20), 200 << 20) && !has_room(Some(0), 0) && !has_room(Some(1 << 30), u64::MAX));
    }

    #[test]
    fn a_name_is_only_a_name() {
        assert_eq!(clean_name("../../etc/x.txt").unwrap(), "x.txt");
        assert_eq!(clean_name("C:\\a\\b.pdf").unwrap(), "b.pdf");
        assert_eq!(clean_name("a\u{1b}[31m.md").unwrap(), "a[31m.md");
        assert!(clean_name("").is_err() && clean_name(&"x".repeat(300)).is_err());
    }
}
