//! `GET /openapi.json`: the API as a document, made from the handlers themselves.

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderName, header};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi as Api, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// What stands at the head of the document.
#[derive(OpenApi)]
#[openapi(
    info(title = "tars", description = "Documents in, answers with their sources out. Documents are common to all users; conversations are private. Errors are application/problem+json (RFC 9457)."),
    components(schemas(problem::Body)),
    modifiers(&Bearer),
    tags(
        (name = "who", description = "Signing in, users, API keys"),
        (name = "rag", description = "Documents, passages, answers, conversations"),
        (name = "operate", description = "Health, numbers, what was done"),
    ),
)]
pub(super) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut Api) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token of POST /auth/token, or an API key (tars_…)"))
            .build();
        api.components.get_or_insert_with(Components::new).add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document as it is sent.
#[derive(Clone)]
pub(super) struct Text(Arc<str>);

impl Text {
    /// Adds what is true of every operation: any of them may answer with a problem.
    pub(super) fn of(mut api: Api) -> Self {
        let problem = ResponseBuilder::new()
            .description("What is wrong (RFC 9457)")
            .content(
                "application/problem+json",
                ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
            )
            .build();
        for item in api.paths.paths.values_mut() {
            let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in all.into_iter().flatten() {
                let Operation { responses, .. } = operation;
                responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
            }
        }
        Self(api.to_json().unwrap_or_default().into())
    }
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operate", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = serde_json::Value)))]
async fn openapi(Extension(text): Extension<Text>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], text.0.to_string())
}
