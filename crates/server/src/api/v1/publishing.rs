//! What is around a variant's publication: history, the way back, comparing, schedules, checks, and what an agent reads.

use super::{
    ListView, Problems,
    variants::{VariantView, WhichVariant, require_plain, view},
};
use crate::{
    api::extract::{ApiJson, ApiQuery, id, read_body},
    app::AppState,
    audit::{self, Kind},
    auth::ApiCaller,
    clock::{parse_rfc3339, rfc3339},
    problem::{Outcome, Problem},
    services::{
        compare::{self, Comparison, Side},
        history,
        lints::{self, LintView, Reading},
        schedules::{self, Wanted},
        sites,
        variants::{self, VariantName},
    },
};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use domain::{
    lint,
    time::Millis,
    variant::{CONTENT_MAX, Revision},
};
use serde::{Deserialize, Serialize};
use store::{HistoryEntry, Page, Variant};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_history))
        .routes(routes!(compare_revisions))
        .routes(routes!(roll_back))
        .routes(routes!(read_schedule, set_schedule, cancel_schedule))
        .routes(routes!(list_schedules))
        .routes(routes!(lint_content))
        .routes(routes!(read_reading))
}

fn parse_revision(field: &str, text: &str) -> Outcome<Revision> {
    text.parse()
        .map_err(|_| Problem::field(field, "must be 64 hex digits"))
}

/// `?format=&path=&limit=&cursor=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// How many items, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Something that happened to a variant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct HistoryView {
    /// `saved`, `saved_again`, `published`, `rolled_back`, `published_on_schedule`, `restored`, `unpublished`, `expired`,
    /// `deleted`, `publication_scheduled`, `expiry_scheduled`, `publication_cancelled`, `expiry_cancelled` or `schedule_void`.
    kind: String,
    /// The revision that it is about.
    revision: Option<String>,
    /// Whether that revision is still kept.
    is_kept: bool,
    /// When; null for publications of before this was kept.
    at: Option<String>,
    /// Who; null when that is not known.
    author: Option<String>,
    /// What was said about it.
    note: Option<String>,
    /// The time that was set.
    due: Option<String>,
}

fn history_view(entry: &HistoryEntry) -> HistoryView {
    HistoryView {
        kind: entry.kind.as_str(),
        revision: entry.revision.as_ref().map(ToString::to_string),
        is_kept: entry.is_kept,
        at: entry.at.map(rfc3339),
        author: entry.author.clone(),
        note: entry.note.clone(),
        due: entry.due.map(rfc3339),
    }
}

/// What happened to a variant, newest first: saves, publications, schedules.
#[utoipa::path(get, path = "/sites/{id}/history", operation_id = "variant_history", tag = "variants",
    params(("id" = String, Path), HistoryQuery), responses((status = 200, body = ListView<HistoryView>), Problems))]
async fn read_history(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<HistoryQuery>,
) -> Outcome<Json<ListView<HistoryView>>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let page = Page {
        after: query.cursor,
        limit,
    };
    let listed = history::list(&app, caller.workspace, &name, &page).await?;
    Ok(Json(ListView::of(listed, history_view)))
}

/// `?format=&path=&from=&to=&side=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CompareQuery {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// A revision; the published one unless given.
    from: Option<String>,
    /// A revision; the newest one unless given.
    to: Option<String>,
    /// `source` (unless told) or `text`, what an agent reads.
    side: Option<String>,
}

/// What differs between two revisions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ComparisonView {
    from: String,
    to: String,
    #[serde(flatten)]
    comparison: Comparison,
}

/// Compare two revisions of a variant, line by line, with the words that differ.
#[utoipa::path(get, path = "/sites/{id}/compare", operation_id = "compare_revisions", tag = "variants",
    params(("id" = String, Path), CompareQuery), responses((status = 200, body = ComparisonView), Problems))]
async fn compare_revisions(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<CompareQuery>,
) -> Outcome<Json<ComparisonView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let side = match query.side.as_deref() {
        None | Some("source") => Side::Source,
        Some("text") => Side::Text,
        Some(_) => return Err(Problem::field("side", "must be `source` or `text`")),
    };
    let variant = variants::get(&app, caller.workspace, &name).await?;
    let from = match (query.from, variant.published) {
        (Some(text), _) => parse_revision("from", &text)?,
        (None, Some(published)) => published,
        (None, None) => {
            return Err(Problem::field(
                "from",
                "is needed, since nothing is published",
            ));
        }
    };
    let to = match query.to {
        Some(text) => parse_revision("to", &text)?,
        None => variant.latest,
    };
    let comparison = compare::revisions(&app, caller.workspace, &name, (&from, &to), side).await?;
    Ok(Json(ComparisonView {
        from: from.to_string(),
        to: to.to_string(),
        comparison,
    }))
}

/// Which variant goes back to what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBackBody {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// A revision that was published once; what was published before unless given.
    to: Option<String>,
}

/// Publish again what was published before.
#[utoipa::path(post, path = "/sites/{id}/rollback", operation_id = "roll_back_variant", tag = "variants",
    params(("id" = String, Path)), request_body = RollBackBody, responses((status = 200, body = VariantView), Problems))]
async fn roll_back(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<RollBackBody>,
) -> Outcome<Json<VariantView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &body.format, &body.path)?;
    let to = body
        .to
        .map(|text| parse_revision("to", &text))
        .transpose()?;
    let variant = history::roll_back(&app, caller.workspace, &name, to, &caller.name).await?;
    audit::record_variant(&app, &caller.actor, Kind::VariantRolledBack, &name).await;
    Ok(Json(view(&variant)))
}

/// What is to happen to a variant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleView {
    /// When a revision is published.
    publish_at: Option<String>,
    /// Which.
    revision: Option<String>,
    /// Who set that.
    publish_set_by: Option<String>,
    /// When it is taken off the edge.
    expire_at: Option<String>,
    /// Who set that.
    expire_set_by: Option<String>,
}

/// The schedule of a variant, if it has one.
pub(super) fn schedule_view(variant: &Variant) -> Option<ScheduleView> {
    if variant.scheduled.is_none() && variant.expires.is_none() {
        return None;
    }
    let (scheduled, expires) = (variant.scheduled.as_ref(), variant.expires.as_ref());
    Some(ScheduleView {
        publish_at: scheduled.map(|it| rfc3339(it.at)),
        revision: scheduled.map(|it| it.revision.to_string()),
        publish_set_by: scheduled.map(|it| it.author.clone()),
        expire_at: expires.map(|it| rfc3339(it.at)),
        expire_set_by: expires.map(|it| it.author.clone()),
    })
}

/// A schedule, in the place of the one that there is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScheduleBody {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// When to publish, RFC 3339; null or left out: not.
    publish_at: Option<String>,
    /// What to publish; the newest revision unless given.
    revision: Option<String>,
    /// When to take it off the edge, RFC 3339; null or left out: not.
    expire_at: Option<String>,
    /// Whether findings of the checks that are to be confirmed are meant.
    #[serde(default)]
    force: bool,
}

fn time(field: &str, text: Option<&str>) -> Outcome<Option<Millis>> {
    text.map(|text| {
        parse_rfc3339(text).ok_or_else(|| {
            Problem::field(
                field,
                "must be an RFC 3339 time with a zone, as in 2027-01-31T08:00:00Z",
            )
        })
    })
    .transpose()
}

/// Set when a revision is published, and when the variant is taken off the edge. Both times are optional; what is left
/// out is cancelled.
#[utoipa::path(put, path = "/sites/{id}/schedule", operation_id = "set_schedule", tag = "variants",
    params(("id" = String, Path)), request_body = ScheduleBody, responses((status = 200, body = VariantView), Problems))]
async fn set_schedule(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<ScheduleBody>,
) -> Outcome<Json<VariantView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &body.format, &body.path)?;
    let wanted = Wanted {
        publish_at: time("publishAt", body.publish_at.as_deref())?,
        revision: body
            .revision
            .map(|text| parse_revision("revision", &text))
            .transpose()?,
        expire_at: time("expireAt", body.expire_at.as_deref())?,
        force: body.force,
    };
    let variant = schedules::set(&app, caller.workspace, &name, wanted, &caller.name).await?;
    audit::record_schedule(&app, &caller.actor, &name, &variant).await;
    Ok(Json(view(&variant)))
}

/// What is to happen to a variant; null: nothing.
#[utoipa::path(get, path = "/sites/{id}/schedule", operation_id = "read_schedule", tag = "variants",
    params(("id" = String, Path), WhichVariant), responses((status = 200, body = Option<ScheduleView>), Problems))]
async fn read_schedule(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(which): ApiQuery<WhichVariant>,
) -> Outcome<Json<Option<ScheduleView>>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = which.name(&site)?;
    let variant = variants::get(&app, caller.workspace, &name).await?;
    Ok(Json(schedule_view(&variant)))
}

/// Cancel what is to happen to a variant.
#[utoipa::path(delete, path = "/sites/{id}/schedule", operation_id = "cancel_schedule", tag = "variants",
    params(("id" = String, Path), WhichVariant), responses((status = 200, body = VariantView), Problems))]
async fn cancel_schedule(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(which): ApiQuery<WhichVariant>,
) -> Outcome<Json<VariantView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = which.name(&site)?;
    let variant = schedules::cancel(&app, caller.workspace, &name, &caller.name).await?;
    audit::record_schedule(&app, &caller.actor, &name, &variant).await;
    Ok(Json(view(&variant)))
}

/// The variants that something is to happen to, by their next time; at most 1,000.
#[utoipa::path(get, path = "/sites/{id}/schedules", operation_id = "list_schedules", tag = "variants",
    params(("id" = String, Path)), responses((status = 200, body = ListView<VariantView>), Problems))]
async fn list_schedules(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ListView<VariantView>>> {
    let found = schedules::upcoming(&app, caller.workspace, id(&text, "site")?).await?;
    Ok(Json(ListView::whole(found.iter().map(view).collect())))
}

/// What the checks found, and what an agent would read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckedView {
    /// The findings.
    lints: Vec<LintView>,
    /// Whether saving it would be refused.
    is_refused: bool,
    /// Whether publishing it needs `force`.
    needs_confirmation: bool,
    /// What an agent reads; null for what is no text.
    reading: Option<Reading>,
}

/// Check a content without saving it. The body is the content, as for `PUT`.
#[utoipa::path(post, path = "/sites/{id}/variants:lint", operation_id = "lint_variant", tag = "variants",
    params(("id" = String, Path), WhichVariant), request_body(content = String, content_type = "text/html"),
    responses((status = 200, body = CheckedView), Problems))]
async fn lint_content(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(which): ApiQuery<WhichVariant>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Json<CheckedView>> {
    require_plain(&headers)?;
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = which.name(&site)?;
    // One byte more than may be saved, so that too much is a finding like others.
    let content = read_body(body, CONTENT_MAX + 1).await?;
    let found = lints::lint(&site, &name, &content).await;
    let reading = std::str::from_utf8(&content)
        .ok()
        .map(|text| Reading::of(name.format, text));
    Ok(Json(CheckedView {
        is_refused: lint::is_refused(&found),
        needs_confirmation: lint::needs_confirmation(&found),
        lints: lints::views(&found),
        reading,
    }))
}

/// `?format=&path=&revision=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadingQuery {
    /// `html` or `markdown`.
    format: String,
    /// The page's path.
    path: String,
    /// Which revision; the newest unless given.
    revision: Option<String>,
}

/// What an agent reads of a variant: its text without markup, and about how many tokens it is.
#[utoipa::path(get, path = "/sites/{id}/reading", operation_id = "read_reading", tag = "variants",
    params(("id" = String, Path), ReadingQuery), responses((status = 200, body = Reading), Problems))]
async fn read_reading(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<ReadingQuery>,
) -> Outcome<Json<Reading>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let variant = variants::get(&app, caller.workspace, &name).await?;
    let revision = match query.revision {
        Some(text) => parse_revision("revision", &text)?,
        None => variant.latest,
    };
    let content = variants::content(&app, caller.workspace, &name, &revision).await?;
    Ok(Json(Reading::of(
        name.format,
        &String::from_utf8_lossy(&content),
    )))
}
