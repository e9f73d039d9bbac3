//! Drafts made from live pages, and the pages behind published variants.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, id},
    app::AppState,
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        live_pages::{
            making::{self, DELAY_MS, NewMaking},
            watch,
        },
        sites,
        variants::VariantName,
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{ids::MakingId, variant::Format};
use serde::{Deserialize, Serialize};
use store::{
    Making, MakingCounts, MakingPage, MakingStatus, Page, PageStatus, PageWatch, WatchFilter,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(make))
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(pages))
        .routes(routes!(cancel))
        .routes(routes!(watched, decide))
}

/// What is to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MakeBody {
    /// `html` (unless told) or `markdown`.
    format: Option<String>,
    /// The pages' paths, 50,000 at most; left out with a sitemap.
    #[serde(default)]
    paths: Vec<String>,
    /// The path of a sitemap on the site; the empty text for the one that robots.txt names, or /sitemap.xml.
    sitemap: Option<String>,
    /// Fetch also what robots.txt keeps the name EdgeDelivery from.
    #[serde(default)]
    ignore_robots: bool,
    /// The pause between two pages, in milliseconds: 100 to 60,000, 500 unless told. What robots.txt asks for counts, too.
    delay_ms: Option<u32>,
}

/// A run of making drafts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct MakingView {
    id: String,
    site_id: String,
    /// `html` or `markdown`.
    format: String,
    /// `queued`, `running`, `done`, `cancelled` or `failed`.
    #[schema(value_type = String)]
    status: MakingStatus,
    /// Pages that are known so far; a sitemap is read first.
    total: u64,
    /// Drafts that were saved.
    made: u64,
    /// Pages whose newest revision says just that already.
    unchanged: u64,
    /// Pages of which nothing could be made; `GET /makings/{id}/pages?status=refused` says why.
    refused: u64,
    requested_by: String,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// Why it failed.
    #[schema(value_type = Option<Problem>)]
    problem: Option<serde_json::Value>,
}

fn view(making: &Making, counts: MakingCounts) -> MakingView {
    MakingView {
        id: making.id.to_string(),
        site_id: making.site.to_string(),
        format: making.format.to_string(),
        status: making.status,
        total: counts.waiting + counts.made + counts.unchanged + counts.refused,
        made: counts.made,
        unchanged: counts.unchanged,
        refused: counts.refused,
        requested_by: making.requested_by.clone(),
        created_at: rfc3339(making.created_at),
        started_at: making.started_at.map(rfc3339),
        finished_at: making.finished_at.map(rfc3339),
        problem: making
            .problem
            .as_ref()
            .and_then(|text| serde_json::from_str(text).ok()),
    }
}

async fn counted(app: &AppState, making: &Making) -> Outcome<Json<MakingView>> {
    let counts = app.store.making_counts(making.workspace, making.id).await?;
    Ok(Json(view(making, counts)))
}

/// Make drafts from live pages: of those named, or of all that a sitemap names. The main content is taken out of each page
/// and cleaned; no model is asked. Nothing is published. One run a site at a time.
#[utoipa::path(post, path = "/sites/{id}/variants:make", operation_id = "make_variants", tag = "live pages",
    params(("id" = String, Path)), request_body = MakeBody, responses((status = 202, body = MakingView), Problems))]
async fn make(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<MakeBody>,
) -> Outcome<(StatusCode, Json<MakingView>)> {
    let format = match body.format {
        None => Format::Html,
        Some(word) => word
            .parse()
            .map_err(|_| Problem::field("format", "must be `html` or `markdown`"))?,
    };
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let pages = body.paths.len();
    let new = NewMaking {
        site: site.id,
        format,
        paths: body.paths,
        sitemap: body.sitemap,
        ignore_robots: body.ignore_robots,
        delay_ms: body.delay_ms.unwrap_or(DELAY_MS),
    };
    let making = making::begin(&app, caller.workspace, new, &caller.name).await?;
    let event = making_event(&site, &making, pages);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, counted(&app, &making).await?))
}

/// What the audit log is told of a run.
pub(crate) fn making_event(site: &store::Site, making: &Making, pages: usize) -> Event {
    let event = Event::site(Kind::VariantsMaking, site).with("format", making.format.as_str());
    match &making.sitemap {
        Some(sitemap) => event.with("sitemap", sitemap.as_str()),
        None => event.with("pages", pages),
    }
}

/// The newest runs of a site, newest first, 50 at most.
#[utoipa::path(get, path = "/sites/{id}/makings", operation_id = "list_makings", tag = "live pages",
    params(("id" = String, Path)), responses((status = 200, body = ListView<MakingView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ListView<MakingView>>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let mut views = Vec::new();
    for making in app.store.makings(caller.workspace, site.id, 50).await? {
        let counts = app.store.making_counts(caller.workspace, making.id).await?;
        views.push(view(&making, counts));
    }
    Ok(Json(ListView::whole(views)))
}

/// How far a run is.
#[utoipa::path(get, path = "/makings/{id}", operation_id = "read_making", tag = "live pages",
    params(("id" = String, Path)), responses((status = 200, body = MakingView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<MakingView>> {
    let making = making::get(&app, caller.workspace, id(&text, "making")?).await?;
    counted(&app, &making).await
}

/// `?status=&limit=&cursor=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PagesQuery {
    /// Only `waiting`, `made`, `unchanged` or `refused`.
    #[param(value_type = Option<String>)]
    status: Option<PageStatus>,
    /// How many items, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PageView {
    path: String,
    /// `waiting`, `made`, `unchanged` or `refused`.
    #[schema(value_type = String)]
    status: PageStatus,
    /// Why it was refused.
    detail: Option<String>,
}

/// What became of each page of a run.
#[utoipa::path(get, path = "/makings/{id}/pages", operation_id = "making_pages", tag = "live pages",
    params(("id" = String, Path), PagesQuery), responses((status = 200, body = ListView<PageView>), Problems))]
async fn pages(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<PagesQuery>,
) -> Outcome<Json<ListView<PageView>>> {
    let making = making::get(&app, caller.workspace, id(&text, "making")?).await?;
    let page = page_of(query.limit, query.cursor)?;
    let listed = app
        .store
        .making_pages(caller.workspace, making.id, &page, query.status)
        .await?;
    Ok(Json(ListView::of(listed, |page: &MakingPage| PageView {
        path: page.path.clone(),
        status: page.status,
        detail: page.detail.clone(),
    })))
}

fn page_of(limit: Option<u32>, after: Option<String>) -> Outcome<Page> {
    let limit = limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    Ok(Page { after, limit })
}

/// Stop a run after the page it is at. Drafts that were made stay.
#[utoipa::path(post, path = "/makings/{id}/cancel", operation_id = "cancel_making", tag = "live pages",
    params(("id" = String, Path)), responses((status = 202, body = MakingView), Problems))]
async fn cancel(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<MakingView>)> {
    let id: MakingId = id(&text, "making")?;
    let making = making::cancel(&app, caller.workspace, id).await?;
    let site = sites::get(&app, caller.workspace, making.site).await?;
    let event = Event::site(Kind::VariantsMakingCancelled, &site);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, counted(&app, &making).await?))
}

/// `?state=&path=&limit=&cursor=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WatchedQuery {
    /// Only `changed`, or only `withheld`; both unless told.
    state: Option<String>,
    /// What is known of this page, whatever its state.
    path: Option<String>,
    /// How many items, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The page behind a variant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct WatchView {
    /// The variant's format.
    format: String,
    /// The page's path.
    path: String,
    /// `fine`, `changed` (its main text is another one than when the variant was made), `withheld` (the variant is not at the
    /// edge, since the origin does not show the page) or `unchecked`.
    state: &'static str,
    /// Since when it is changed.
    changed_at: Option<String>,
    /// Since when it is withheld.
    withheld_at: Option<String>,
    /// Why: `redirects`, `fails` or `sign_in`.
    reason: Option<String>,
    /// In words: why it is withheld, or why the last look told nothing.
    detail: Option<String>,
    /// When it was last looked at.
    checked_at: Option<String>,
    /// Whether the variant is served whatever the page is.
    serve_anyway: bool,
}

fn watch_view(watch: &PageWatch) -> WatchView {
    let state = match (&watch.withheld, watch.changed_at, watch.checked_at) {
        (Some(_), ..) => "withheld",
        (None, Some(_), _) => "changed",
        (None, None, Some(_)) => "fine",
        (None, None, None) => "unchecked",
    };
    let withheld = watch.withheld.as_ref();
    WatchView {
        format: watch.format.to_string(),
        path: watch.path.clone(),
        state,
        changed_at: watch.changed_at.map(rfc3339),
        withheld_at: withheld.map(|it| rfc3339(it.at)),
        reason: withheld.map(|it| it.reason.clone()),
        detail: withheld
            .map(|it| it.detail.clone())
            .or_else(|| watch.unknown.clone()),
        checked_at: watch.checked_at.map(rfc3339),
        serve_anyway: watch.serve_anyway,
    }
}

/// The pages behind published variants that changed since, or whose variant is withheld; with `path`, what is known of that
/// one.
#[utoipa::path(get, path = "/sites/{id}/pages", operation_id = "list_pages", tag = "live pages",
    params(("id" = String, Path), WatchedQuery), responses((status = 200, body = ListView<WatchView>), Problems))]
async fn watched(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<WatchedQuery>,
) -> Outcome<Json<ListView<WatchView>>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let page = page_of(query.limit, query.cursor)?;
    if let Some(path) = &query.path {
        let path = crate::services::variants::parse_path(path, &site.settings.paths)?;
        let found = app
            .store
            .page_watches_of(caller.workspace, site.id, &[path.as_str()])
            .await?;
        let mut views: Vec<_> = found.values().map(watch_view).collect();
        views.sort_by(|a, b| a.format.cmp(&b.format));
        return Ok(Json(ListView::whole(views)));
    }
    let filter = match query.state.as_deref() {
        None => WatchFilter::Either,
        Some("changed") => WatchFilter::Changed,
        Some("withheld") => WatchFilter::Withheld,
        Some(_) => return Err(Problem::field("state", "must be changed or withheld")),
    };
    let listed = app
        .store
        .list_page_watches(caller.workspace, site.id, filter, &page)
        .await?;
    Ok(Json(ListView::of(listed, watch_view)))
}

/// What is decided about the page behind a variant.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DecideBody {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// `true`: the variant is served whatever the page is; `false`: it is withheld while the origin does not show the page.
    serve_anyway: Option<bool>,
    /// `true`: the change of the page was looked at, and the variant is right as it is.
    accept_change: Option<bool>,
    /// `true`: look at the page as soon as possible.
    check: Option<bool>,
}

/// Decide about the page behind a variant: serve it anyway, accept its change, have it looked at now.
#[utoipa::path(patch, path = "/sites/{id}/pages", operation_id = "decide_page", tag = "live pages",
    params(("id" = String, Path)), request_body = DecideBody, responses((status = 200, body = WatchView), Problems))]
async fn decide(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<DecideBody>,
) -> Outcome<Json<WatchView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &body.format, &body.path)?;
    let workspace = caller.workspace;
    if let Some(serve_anyway) = body.serve_anyway {
        watch::serve_anyway(&app, workspace, &name, serve_anyway).await?;
        audit::record_override(&app, &caller.actor, &name, serve_anyway).await;
    }
    if body.accept_change == Some(true) {
        watch::accept_change(&app, workspace, &name, &caller.name).await?;
        audit::record_variant(&app, &caller.actor, Kind::PageChangeAccepted, &name).await;
    }
    if body.check == Some(true) {
        watch::hurry(&app, workspace, &name).await?;
    }
    Ok(Json(watch_view(
        &watch::known(&app, workspace, &name).await?,
    )))
}
