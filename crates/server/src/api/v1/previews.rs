//! Signed previews of a site's variants.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, id},
    app::AppState,
    audit,
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        previews::{self, NewPreview, OpenPreview},
        sites,
        variants::VariantName,
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::ids::{PreviewId, SiteId};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(revoke))
        .routes(routes!(rotate_key))
}

/// A link that is open. Whoever has its address sees the revision until it ends.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewView {
    id: String,
    site_id: String,
    /// `html` or `markdown`.
    format: String,
    /// The page's path, with the query that matters.
    path: String,
    revision: String,
    /// The host name that it is bound to.
    host: String,
    /// The address; null when the site's preview key cannot be opened.
    url: Option<String>,
    created_by: String,
    created_at: String,
    /// An hour after it was made.
    expires_at: String,
}

/// What the API and the command line tell of a link.
pub(crate) fn view(open: &OpenPreview) -> PreviewView {
    let link = &open.link;
    PreviewView {
        id: link.id.to_string(),
        site_id: link.site.to_string(),
        format: link.format.to_string(),
        path: link.path.clone(),
        revision: link.revision.to_string(),
        host: link.host.clone(),
        url: (!open.url.is_empty()).then(|| open.url.clone()),
        created_by: link.author.clone(),
        created_at: rfc3339(link.created_at),
        expires_at: rfc3339(link.expires_at),
    }
}

/// A link to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPreviewBody {
    /// `html` or `markdown`.
    format: String,
    /// The page's path, with the query that matters.
    path: String,
    /// Which revision; the newest unless given.
    revision: Option<String>,
    /// On which host name; the site's first unless given.
    host: Option<String>,
}

/// Make a link with which somebody sees a revision on the live site for an hour. The site must be deployed. It costs one
/// write of KV.
#[utoipa::path(post, path = "/sites/{id}/previews", operation_id = "create_preview", tag = "previews", params(("id" = String, Path)),
    request_body = NewPreviewBody, responses((status = 201, body = PreviewView), Problems))]
async fn create(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<NewPreviewBody>,
) -> Outcome<(StatusCode, Json<PreviewView>)> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &body.format, &body.path)?;
    let revision = body
        .revision
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Problem::field("revision", "must be 64 hex digits"))?;
    let new = NewPreview {
        name: &name,
        revision,
        host: body.host.as_deref(),
        author: &caller.name,
    };
    let open = previews::create(&app, caller.workspace, &new).await?;
    audit::record_preview(
        &app,
        &caller.actor,
        audit::Kind::PreviewMade,
        &site,
        &open.link,
    )
    .await;
    Ok((StatusCode::CREATED, Json(view(&open))))
}

/// List a site's open links, newest first.
#[utoipa::path(get, path = "/sites/{id}/previews", operation_id = "list_previews", tag = "previews", params(("id" = String, Path)),
    responses((status = 200, body = ListView<PreviewView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ListView<PreviewView>>> {
    let open = previews::list(&app, caller.workspace, id(&text, "site")?).await?;
    Ok(Json(ListView::whole(open.iter().map(view).collect())))
}

/// Revoke a link: its draft goes out of KV. Where it was shown a moment ago it may be shown a minute longer.
#[utoipa::path(delete, path = "/sites/{id}/previews/{previewId}", operation_id = "revoke_preview", tag = "previews",
    params(("id" = String, Path), ("previewId" = String, Path)), responses((status = 204), Problems))]
async fn revoke(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((text, preview)): Path<(String, String)>,
) -> Outcome<StatusCode> {
    let site = sites::get(&app, caller.workspace, id::<SiteId>(&text, "site")?).await?;
    let preview = id::<PreviewId>(&preview, "preview")?;
    let link = previews::revoke(&app, caller.workspace, site.id, preview).await?;
    audit::record_preview(
        &app,
        &caller.actor,
        audit::Kind::PreviewRevoked,
        &site,
        &link,
    )
    .await;
    Ok(StatusCode::NO_CONTENT)
}

/// What a new key ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct RotatedView {
    /// How many links were open.
    revoked: usize,
    /// The Worker gets the new key with the next deployment; until then no link can be made.
    needs_deployment: bool,
}

/// Revoke every link and make another preview key, which the Worker gets with the next deployment: the plan shows it.
#[utoipa::path(post, path = "/sites/{id}/previews/rotate-key", operation_id = "rotate_preview_key", tag = "previews",
    params(("id" = String, Path)), responses((status = 200, body = RotatedView), Problems))]
async fn rotate_key(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<RotatedView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let revoked = previews::rotate_key(&app, caller.workspace, site.id).await?;
    audit::record_preview_key(&app, &caller.actor, &site, revoked).await;
    Ok(Json(RotatedView {
        revoked,
        needs_deployment: true,
    }))
}
