//! Variants of pages.

use super::{ListView, Problems, variant_path::VariantAddress};
use crate::{
    api::extract::{ApiJson, ApiQuery, id, read_body},
    app::AppState,
    audit,
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::variants::{self, PutOptions, VariantName},
};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::variant::{CONTENT_MAX, Format, Revision};
use serde::{Deserialize, Serialize};
use store::{IfMatch, Page, RevisionInfo, Variant};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    let home = axum::routing::get(read).put(put).delete(delete);
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, put, delete))
        // The home page: no path at all, with or without the slash.
        .route("/sites/{id}/variants/{format}", home.clone())
        .route("/sites/{id}/variants/{format}/", home)
        .routes(routes!(revisions))
        .routes(routes!(publish))
        .routes(routes!(unpublish))
}

/// A variant without its content.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct VariantView {
    site_id: String,
    /// `html` or `markdown`.
    format: String,
    /// The page's path in its normal form.
    path: String,
    /// `published`, `draft` (never published) or `unpublished`.
    state: &'static str,
    /// The published revision.
    published_revision: Option<String>,
    /// The newest revision.
    latest_revision: String,
    created_at: String,
    updated_at: String,
    published_at: Option<String>,
}

fn view(variant: &Variant) -> VariantView {
    VariantView {
        site_id: variant.site.to_string(),
        format: variant.format.to_string(),
        path: variant.path.clone(),
        state: variants::state_word(variant),
        published_revision: variant.published.as_ref().map(ToString::to_string),
        latest_revision: variant.latest.to_string(),
        created_at: rfc3339(variant.created_at),
        updated_at: rfc3339(variant.updated_at),
        published_at: variant.published_at.map(rfc3339),
    }
}

fn etag(revision: &Revision) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\""))
        .expect("hex digits in quotes are a header value")
}

/// `?limit=&cursor=&prefix=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// How many items, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Only paths that begin so.
    prefix: Option<String>,
}

/// List a site's variants, by path.
#[utoipa::path(get, path = "/sites/{id}/variants", operation_id = "list_variants", tag = "variants",
    params(("id" = String, Path), ListQuery), responses((status = 200, body = ListView<VariantView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Outcome<Json<ListView<VariantView>>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let page = Page {
        after: query.cursor,
        limit,
    };
    let listed = variants::list(
        &app,
        caller.workspace,
        id(&text, "site")?,
        &page,
        query.prefix.as_deref(),
    )
    .await?;
    Ok(Json(ListView::of(listed, view)))
}

/// `?publish=&note=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// `false` keeps it a draft.
    #[serde(default = "yes")]
    publish: bool,
    /// A note for the history.
    note: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Save a content as a new revision and publish it (unless `?publish=false`). `{path}` is the page's percent-encoded path;
/// leave it out for the home page. `If-Match` with the ETag of the newest revision guards against lost edits,
/// `If-None-Match: *` against overwriting.
#[utoipa::path(put, path = "/sites/{id}/variants/{format}/{*path}", operation_id = "put_variant", tag = "variants",
    params(("id" = String, Path), ("format" = String, Path), ("path" = String, Path), PutQuery), request_body(content = String, content_type = "text/html"),
    responses((status = 200, body = VariantView), (status = 201, body = VariantView), Problems))]
async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    VariantAddress(name): VariantAddress,
    ApiQuery(query): ApiQuery<PutQuery>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    require_plain(&headers)?;
    let content = read_body(body, CONTENT_MAX).await?;
    require_content_type(name.format, &headers)?;
    let existed = app
        .store
        .variant(caller.workspace, name.site, name.format, name.path.as_str())
        .await?
        .is_some();
    let options = PutOptions {
        publish: query.publish,
        if_match: if_match(&headers)?,
        author: &caller.name,
        note: query.note.as_deref(),
    };
    let variant = variants::put(&app, caller.workspace, &name, &content, options).await?;
    let kind = if query.publish {
        audit::Kind::VariantPublished
    } else {
        audit::Kind::VariantSaved
    };
    audit::record_variant(&app, &caller.actor, kind, &name).await;
    let status = if existed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((
        status,
        [(header::ETAG, etag(&variant.latest))],
        Json(view(&variant)),
    )
        .into_response())
}

/// A compressed body would be stored, and served, as the bytes that it is.
pub(super) fn require_plain(headers: &HeaderMap) -> Outcome<()> {
    let is_plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_plain {
        return Ok(());
    }
    Err(
        Problem::field("content-encoding", "is one that is not undone here")
            .cause("The body is compressed, or the header says so.")
            .remedy("Send the content as it is, without the header `content-encoding`."),
    )
}

/// Programs often send no type, or one that says nothing; a type that says something must be the format's.
fn require_content_type(format: Format, headers: &HeaderMap) -> Outcome<()> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let wrong = |detail: &str| {
        Problem::field("content-type", detail.to_owned())
            .cause(format!(
                "The address says {format}; the body's content-type says something else."
            ))
            .remedy(format!(
                "Send the header `content-type: {}`.",
                format.content_type()
            ))
    };
    let Some(mime) = value
        .to_str()
        .ok()
        .and_then(|text| text.parse::<mime::Mime>().ok())
    else {
        return Err(wrong("cannot be read"));
    };
    let fits = matches!(
        (format, mime.essence_str()),
        (
            _,
            "application/octet-stream" | "application/x-www-form-urlencoded" | "text/plain"
        ) | (Format::Html, "text/html" | "application/xhtml+xml")
            | (Format::Markdown, "text/markdown" | "text/x-markdown")
    );
    if !fits {
        return Err(wrong(&format!("does not fit the format {format}")));
    }
    match mime.get_param(mime::CHARSET) {
        Some(charset) if charset != mime::UTF_8 => Err(wrong("must be in UTF-8")),
        _ => Ok(()),
    }
}

fn if_match(headers: &HeaderMap) -> Outcome<IfMatch> {
    let text = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or("?").trim().to_owned())
    };
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(IfMatch::Any),
        (None, Some(star)) if star == "*" => Ok(IfMatch::None),
        (None, Some(_)) => Err(Problem::field(
            "If-None-Match",
            "must be * when something is saved",
        )),
        (Some(tag), _) => tag
            .trim_matches('"')
            .parse()
            .map(IfMatch::Revision)
            .map_err(|_| {
                Problem::field(
                    "If-Match",
                    "must be the ETag of the newest revision, in quotes",
                )
            }),
    }
}

/// `?revision=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadQuery {
    /// Which revision; the newest unless given.
    revision: Option<String>,
}

/// Read a variant's content.
#[utoipa::path(get, path = "/sites/{id}/variants/{format}/{*path}", operation_id = "read_variant", tag = "variants",
    params(("id" = String, Path), ("format" = String, Path), ("path" = String, Path), ReadQuery),
    responses((status = 200, content_type = "text/html", body = String), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    VariantAddress(name): VariantAddress,
    ApiQuery(query): ApiQuery<ReadQuery>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let variant = variants::get(&app, caller.workspace, &name).await?;
    let revision = match query.revision {
        Some(text) => text
            .parse()
            .map_err(|_| Problem::field("revision", "must be 64 hex digits"))?,
        None => variant.latest,
    };
    let tag = etag(&revision);
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let content = variants::content(&app, caller.workspace, &name, &revision).await?;
    // A variant is a stranger's HTML: shown by a browser at this address, it must not be able to do anything.
    let answer = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(name.format.content_type()),
        ),
        (header::ETAG, tag),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Ok((answer, content).into_response())
}

/// Delete a variant with its history, here and at the edge.
#[utoipa::path(delete, path = "/sites/{id}/variants/{format}/{*path}", operation_id = "delete_variant", tag = "variants",
    params(("id" = String, Path), ("format" = String, Path), ("path" = String, Path)), responses((status = 204), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    VariantAddress(name): VariantAddress,
    headers: HeaderMap,
) -> Outcome<StatusCode> {
    variants::delete(&app, caller.workspace, &name, &if_match(&headers)?).await?;
    audit::record_variant(&app, &caller.actor, audit::Kind::VariantDeleted, &name).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Which variant of a site.
#[derive(Debug, Deserialize, utoipa::ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichVariant {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
}

/// One revision.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct RevisionView {
    revision: String,
    bytes: u64,
    author: String,
    note: Option<String>,
    created_at: String,
    is_published: bool,
}

fn revision_view(info: RevisionInfo) -> RevisionView {
    RevisionView {
        revision: info.revision.to_string(),
        bytes: info.bytes,
        author: info.author,
        note: info.note,
        created_at: rfc3339(info.created_at),
        is_published: info.is_published,
    }
}

/// A variant's history, newest first.
#[utoipa::path(get, path = "/sites/{id}/revisions", tag = "variants", params(("id" = String, Path), WhichVariant),
    responses((status = 200, body = ListView<RevisionView>), Problems))]
async fn revisions(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(which): ApiQuery<WhichVariant>,
) -> Outcome<Json<ListView<RevisionView>>> {
    let name = VariantName::parse(id(&text, "site")?, &which.format, &which.path)?;
    let found = variants::revisions(&app, caller.workspace, &name).await?;
    Ok(Json(ListView::whole(
        found.into_iter().map(revision_view).collect(),
    )))
}

/// What is to be published.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PublishBody {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// The revision, 64 hex digits.
    revision: String,
}

/// Publish one of a variant's revisions.
#[utoipa::path(post, path = "/sites/{id}/publish", tag = "variants", params(("id" = String, Path)),
    request_body = PublishBody, responses((status = 200, body = VariantView), Problems))]
async fn publish(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<PublishBody>,
) -> Outcome<Json<VariantView>> {
    let name = VariantName::parse(id(&text, "site")?, &body.format, &body.path)?;
    let revision = body
        .revision
        .parse()
        .map_err(|_| Problem::field("revision", "must be 64 hex digits"))?;
    let variant = variants::publish(&app, caller.workspace, &name, &revision).await?;
    audit::record_variant(&app, &caller.actor, audit::Kind::VariantPublished, &name).await;
    Ok(Json(view(&variant)))
}

/// Take a variant off the edge; its revisions stay.
#[utoipa::path(post, path = "/sites/{id}/unpublish", tag = "variants", params(("id" = String, Path)),
    request_body = WhichVariant, responses((status = 200, body = VariantView), Problems))]
async fn unpublish(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(which): ApiJson<WhichVariant>,
) -> Outcome<Json<VariantView>> {
    let name = VariantName::parse(id(&text, "site")?, &which.format, &which.path)?;
    let variant = variants::unpublish(&app, caller.workspace, &name).await?;
    audit::record_variant(&app, &caller.actor, audit::Kind::VariantUnpublished, &name).await;
    Ok(Json(view(&variant)))
}
