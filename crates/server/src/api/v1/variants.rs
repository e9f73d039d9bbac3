//! Variants of pages.

use super::{
    ListView, Problems,
    publishing::{ScheduleView, schedule_view},
    variant_path::VariantAddress,
};
use crate::{
    api::extract::{ApiJson, ApiQuery, id, read_body},
    app::AppState,
    audit,
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        lints::{self, LintView},
        sites,
        variants::{self, PutOptions, VariantName},
    },
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
use store::{IfMatch, Page, RevisionInfo, Site, Variant};
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
pub(super) struct VariantView {
    site_id: String,
    /// `html` or `markdown`.
    format: String,
    /// The page's path in its normal form, with the query that matters.
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
    /// Whether something newer was saved than what is published.
    is_changed_since: bool,
    /// What is to happen to it at a set time.
    schedule: Option<ScheduleView>,
}

/// A variant that was saved, with what the checks found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SavedView {
    #[serde(flatten)]
    variant: VariantView,
    /// The findings; those to confirm were confirmed, or it is a draft.
    lints: Vec<LintView>,
}

pub(super) fn view(variant: &Variant) -> VariantView {
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
        is_changed_since: variant
            .published
            .as_ref()
            .is_some_and(|published| *published != variant.latest),
        schedule: schedule_view(variant),
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
    /// Only those `published`, `changed` (since they were published), `draft` (nothing published) or `scheduled`.
    state: Option<String>,
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
    let state = match query.state.as_deref() {
        None => None,
        Some(word) => Some(variants::state_of_word(word).ok_or_else(|| {
            Problem::field(
                "state",
                "must be `published`, `changed`, `draft` or `scheduled`",
            )
        })?),
    };
    let listed = variants::list(
        &app,
        caller.workspace,
        id(&text, "site")?,
        &page,
        query.prefix.as_deref(),
        state,
    )
    .await?;
    Ok(Json(ListView::of(listed, view)))
}

/// `?publish=&note=&force=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// `false` keeps it a draft.
    #[serde(default = "yes")]
    publish: bool,
    /// A note for the history.
    note: Option<String>,
    /// The page's query, percent-encoded once more, where a parameter of it makes another page: `q%3Dtea`.
    query: Option<String>,
    /// `true` confirms the findings that keep a content from being published.
    #[serde(default)]
    force: bool,
}

const fn yes() -> bool {
    true
}

/// Save a content as a new revision and publish it (unless `?publish=false`). `{path}` is the page's percent-encoded path;
/// leave it out for the home page. A query that makes another page stands in `?query=`. `If-Match` with the ETag of the newest revision guards against lost edits,
/// `If-None-Match: *` against overwriting. The content is checked; `lints[]` of the answer says what was found.
#[utoipa::path(put, path = "/sites/{id}/variants/{format}/{*path}", operation_id = "put_variant", tag = "variants",
    params(("id" = String, Path), ("format" = String, Path), ("path" = String, Path), PutQuery), request_body(content = String, content_type = "text/html"),
    responses((status = 200, body = SavedView), (status = 201, body = SavedView), Problems))]
async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    address: VariantAddress,
    ApiQuery(query): ApiQuery<PutQuery>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    require_plain(&headers)?;
    let name = address
        .name(&app, caller.workspace, query.query.as_deref())
        .await?;
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
        force: query.force,
    };
    let saved = variants::put(&app, caller.workspace, &name, &content, options).await?;
    let kind = if query.publish {
        audit::Kind::VariantPublished
    } else {
        audit::Kind::VariantSaved
    };
    audit::record_checked(&app, &caller.actor, kind, &name, &saved.lints).await;
    let status = if existed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((
        status,
        [(header::ETAG, etag(&saved.variant.latest))],
        Json(SavedView {
            variant: view(&saved.variant),
            lints: lints::views(&saved.lints),
        }),
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
        (Some(star), _) if star == "*" => Ok(IfMatch::Exists),
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
    /// The page's query, percent-encoded once more, where a parameter of it makes another page.
    query: Option<String>,
}

/// Read a variant's content.
#[utoipa::path(get, path = "/sites/{id}/variants/{format}/{*path}", operation_id = "read_variant", tag = "variants",
    params(("id" = String, Path), ("format" = String, Path), ("path" = String, Path), ReadQuery),
    responses((status = 200, content_type = "text/html", body = String), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    address: VariantAddress,
    ApiQuery(query): ApiQuery<ReadQuery>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let name = address
        .name(&app, caller.workspace, query.query.as_deref())
        .await?;
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

/// `?query=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQueryOf {
    /// The page's query, percent-encoded once more, where a parameter of it makes another page.
    query: Option<String>,
}

/// Delete a variant with its history, here and at the edge.
#[utoipa::path(delete, path = "/sites/{id}/variants/{format}/{*path}", operation_id = "delete_variant", tag = "variants",
    params(("id" = String, Path), ("format" = String, Path), ("path" = String, Path), PageQueryOf), responses((status = 204), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    address: VariantAddress,
    ApiQuery(query): ApiQuery<PageQueryOf>,
    headers: HeaderMap,
) -> Outcome<StatusCode> {
    let name = address
        .name(&app, caller.workspace, query.query.as_deref())
        .await?;
    variants::delete(
        &app,
        caller.workspace,
        &name,
        &if_match(&headers)?,
        &caller.name,
    )
    .await?;
    audit::record_variant(&app, &caller.actor, audit::Kind::VariantDeleted, &name).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Which variant of a site.
#[derive(Debug, Deserialize, utoipa::ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichVariant {
    /// `html` or `markdown`.
    format: String,
    /// The page's path, with the query that matters.
    path: String,
}

impl WhichVariant {
    /// As the name of a variant of this site.
    pub(super) fn name(&self, site: &Site) -> Outcome<VariantName> {
        VariantName::parse(site, &self.format, &self.path)
    }
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
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &which.format, &which.path)?;
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
    /// The page's path, with the query that matters.
    path: String,
    /// The revision, 64 hex digits.
    revision: String,
    /// Whether findings of the checks that are to be confirmed are meant.
    #[serde(default)]
    force: bool,
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
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &body.format, &body.path)?;
    let revision = body
        .revision
        .parse()
        .map_err(|_| Problem::field("revision", "must be 64 hex digits"))?;
    let what = (&revision, body.force);
    let saved = variants::publish(&app, caller.workspace, &name, what, &caller.name).await?;
    let kind = audit::Kind::VariantPublished;
    audit::record_checked(&app, &caller.actor, kind, &name, &saved.lints).await;
    Ok(Json(view(&saved.variant)))
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
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &which.format, &which.path)?;
    let variant = variants::unpublish(&app, caller.workspace, &name, &caller.name).await?;
    audit::record_variant(&app, &caller.actor, audit::Kind::VariantUnpublished, &name).await;
    Ok(Json(view(&variant)))
}
