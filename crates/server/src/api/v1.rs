//! Version 1: one file per resource.

pub(crate) mod agents;
mod alerts;
mod audit;
mod connections;
mod deployments;
mod imports;
mod live_pages;
mod previews;
mod publishing;
mod sites;
mod sync;
mod traffic;
mod variant_path;
mod variants;
mod verification;
mod visits;
mod webhook;

pub(crate) use self::{
    audit::view as audit_view, deployments::as_json as deployment_json, live_pages::making_event,
    previews::view as preview_view, traffic::view as traffic_view, visits::kept_view,
};

use crate::{app::AppState, problem::Problem};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

/// Every call of version 1.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(connections::router())
        .merge(sites::router())
        .merge(deployments::router())
        .merge(variants::router())
        .merge(previews::router())
        .merge(publishing::router())
        .merge(imports::router())
        .merge(live_pages::router())
        .merge(sync::router())
        .merge(traffic::router())
        .merge(alerts::router())
        .merge(visits::router())
        .merge(agents::router())
        .merge(audit::router())
        .merge(webhook::router())
        .merge(verification::router())
}

/// A part of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListView<T> {
    /// The items of this part.
    items: Vec<T>,
    /// Send it as `cursor` for the next part; null at the end.
    next_cursor: Option<String>,
}

impl<T> ListView<T> {
    fn of<U>(listed: store::Listed<U>, view: impl Fn(&U) -> T) -> Self {
        Self {
            items: listed.items.iter().map(view).collect(),
            next_cursor: listed.next,
        }
    }

    fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }
}

/// The problems that any call may answer.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(crate) enum Problems {
    /// Cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// No valid access key.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// No such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Not possible in the present state, or something is in the way.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// Input that cannot be used.
    #[response(status = 422, content_type = "application/problem+json")]
    Validation(Problem),
    /// Too many requests.
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(Problem),
    /// Cloudflare did not answer.
    #[response(status = 502, content_type = "application/problem+json")]
    Cloudflare(Problem),
}
