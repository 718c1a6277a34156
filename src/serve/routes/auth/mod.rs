//! `/auth/…`: signing in and out, one's own password and keys.

mod keys;
mod own;
mod sign_in;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::token))
        .routes(routes!(sign_in::refresh))
        .routes(routes!(own::logout))
        .routes(routes!(own::me))
        .routes(routes!(own::change_password))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::remove))
}
