//! `/sites/{id}/sync`: how far the published content is at the edge.

use super::Problems;
use crate::{
    api::extract::id,
    app::AppState,
    auth::ApiCaller,
    clock::rfc3339,
    problem::Outcome,
    services::{sites, sync},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read, hurry))
}

/// How far the published content is at the edge.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SyncView {
    /// Variants that are still on their way, or to be taken off.
    pending: u64,
    /// Variants that Cloudflare acknowledged.
    live: u64,
    /// Variants that Cloudflare refused the last time; they are tried again.
    failed: u64,
    last_synced_at: Option<String>,
    /// Calls made to Cloudflare's API for this so far.
    api_calls: u64,
}

async fn view(app: &AppState, caller: &ApiCaller, text: &str) -> Outcome<Json<SyncView>> {
    let site = sites::get(app, caller.workspace, id(text, "site")?).await?;
    let status = sync::status(app, caller.workspace, site.id).await?;
    Ok(Json(SyncView {
        pending: status.pending,
        live: status.live,
        failed: status.failed,
        last_synced_at: status.last_synced_at.map(rfc3339),
        api_calls: status.api_calls,
    }))
}

/// How far the published content is at the edge.
#[utoipa::path(get, path = "/sites/{id}/sync", operation_id = "sync_status", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, body = SyncView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<SyncView>> {
    view(&app, &caller, &text).await
}

/// Hurry: content reaches the edge by itself; this only makes it start now.
#[utoipa::path(post, path = "/sites/{id}/sync", operation_id = "sync_hurry", tag = "sync", params(("id" = String, Path)),
    responses((status = 202, body = SyncView), Problems))]
async fn hurry(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<SyncView>)> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    sync::hurry(&app, caller.workspace, site.id).await?;
    Ok((StatusCode::ACCEPTED, view(&app, &caller, &text).await?))
}
