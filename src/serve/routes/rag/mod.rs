//! `/rag/…`: documents in, passages and answers out.

mod conversations;
mod documents;
mod index;
mod passages;
mod query;
mod search;
mod set_aside;
mod sources;
mod uploads;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::problem::Problem;

/// What is answered within the frame's deadline.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(conversations::routes())
        .merge(documents::routes())
        .merge(index::routes())
        .merge(passages::routes())
        .merge(search::routes())
        .merge(set_aside::routes())
        .merge(sources::routes())
        .merge(uploads::routes())
}

/// Uploads, and what takes as long as a model writes or a document is long.
pub(crate) fn streams() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(documents::uploads()).merge(index::reading()).merge(query::routes())
}

/// Which part of a list: limit and offset.
///
/// # Errors
/// 422 outside of what the lists say.
fn bounds(limit: Option<u32>, offset: Option<u32>) -> Result<(i64, i64), Problem> {
    let (limit, offset) = (limit.unwrap_or(50), offset.unwrap_or(0));
    if !(1..=500).contains(&limit) {
        return Err(Problem::invalid("limit", "1 to 500"));
    }
    if offset > 1_000_000 {
        return Err(Problem::invalid("offset", "0 to 1000000"));
    }
    Ok((limit.into(), offset.into()))
}
