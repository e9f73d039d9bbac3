//! The JSON API under `/api/v1`, described by `/api/v1/openapi.json` and shown on `/api/v1/docs`.
//!
//! It takes access keys alone (`Authorization: Bearer ed_…`), never cookies. Every error is a problem document; what
//! axum itself would refuse in plain text is turned into one too.

pub(crate) mod extract;
mod v1;

pub(crate) use self::v1::{
    agents, audit_view, deployment_json, kept_view, making_event, preview_view, traffic_view,
};

use crate::{
    app::AppState,
    problem::{Code, Problem},
};
use axum::{Json, Router, http::Uri, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Edge Delivery",
        description = "Connect Cloudflare, deploy sites, publish variants. Lists are `{items, nextCursor}`; ids are opaque; every error is an RFC 9457 problem with a stable `code`, `causes[]` and `remedies[]`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&AccessKeyScheme),
    security(("accessKey" = []))
)]
struct Document;

struct AccessKeyScheme;

impl Modify for AccessKeyScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description =
            Some("An access key: `edge-delivery admin access-key create`".to_owned());
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("accessKey", SecurityScheme::Http(scheme));
    }
}

/// The whole API: routes, document and page.
pub(crate) fn router() -> Router<AppState> {
    let (routes, document) = described();
    let served = document.clone();
    Router::new()
        .merge(routes)
        .route("/api/v1/openapi.json", get(async move || Json(served)))
        .merge(SwaggerUi::new("/api/v1/docs").url("/api/v1/docs/openapi.json", document))
        .route("/api", axum::routing::any(no_such_call))
        .route("/api/{*rest}", axum::routing::any(no_such_call))
        .method_not_allowed_fallback(wrong_method)
}

fn described() -> (Router<AppState>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .nest("/api/v1", OpenApiRouter::new().merge(v1::router()))
        .split_for_parts();
    // The router's `{*path}` is no template of OpenAPI's.
    document.paths.paths = std::mem::take(&mut document.paths.paths)
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    (routes, document)
}

async fn no_such_call(uri: Uri) -> Problem {
    Problem::new(
        Code::NotFound,
        format!(
            "There is no call {}.",
            uri.path().chars().take(200).collect::<String>()
        ),
    )
    .cause("The path is mistyped, or of another version of the API.")
    .remedy("See /api/v1/docs or /api/v1/openapi.json for every call there is.")
}

async fn wrong_method() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "This call does not take that method.",
    )
    .cause("The path is right, but the method is another one.")
    .remedy("See /api/v1/docs for the methods of each call.")
}
