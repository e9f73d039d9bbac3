//! `/sites/{id}/sync`: how far the published content is at the edge.

use super::Problems;
use crate::{
    api::extract::id,
    app::{App, AppState},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        sites,
        sync::{self, SyncReport},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::ids::SiteId;
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use store::{Site, SyncPauseReason};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often a stream looks without being told; another process may do the work.
const LOOK: Duration = Duration::from_secs(1);

/// A line of silence so often keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read, hurry))
        .routes(routes!(events))
        .routes(routes!(edge))
}

/// How far the published content is at the edge.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
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
    /// The revision of the manifest that was written last; `GET …/sync/edge` says which one the edge uses.
    manifest: Option<String>,
    /// The run that is going on.
    run: Option<RunView>,
    /// Why what is pending waits.
    paused: Option<PauseView>,
    /// The account's KV writes of the day, UTC, as far as they are ours.
    quota: QuotaView,
}

/// A run.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct RunView {
    started_at: String,
    /// Variants to write and to take off, as it began.
    total: u64,
    done: u64,
    /// Bytes sent.
    bytes: u64,
    /// Seconds that are left if it goes on as it does.
    eta_seconds: Option<u64>,
}

/// A pause for the account's quota of KV writes.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PauseView {
    /// `quota_ask`: say `settings.overQuota: "spread"`, or `settings.workersPlan: "paid"`. `quota_spread`: today's share is
    /// written. `quota_spent`: Cloudflare said that the day's writes are spent.
    #[schema(value_type = String)]
    reason: SyncPauseReason,
    /// When it goes on by itself; not set: when you have said how.
    until: Option<String>,
    /// Writes that wait.
    writes: u64,
    /// Days of a free account that they take.
    days: u64,
}

/// KV writes of an account.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotaView {
    /// Ours today; others in the account have theirs.
    writes_today: u64,
    /// What is left of a free account's 1,000; not set: no limit is known.
    left_today: Option<u64>,
    resets_at: String,
    /// Days that what is pending would take on the Workers Free plan.
    days_on_free_plan: u64,
}

/// What the edge says itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct EdgeView {
    /// Whether all that is published is live on every host that was asked.
    live: bool,
    /// The revision of the manifest that was written last.
    manifest: Option<String>,
    /// Variants that are still on their way.
    pending: u64,
    /// The site's first hosts, asked just now.
    hosts: Vec<HostView>,
}

/// What one host's Worker says; another of Cloudflare's locations may say something else for half a minute.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct HostView {
    host: String,
    /// Whether the site's Worker answered.
    answered: bool,
    /// Whether it uses the manifest that was written last.
    live: bool,
    /// The revision of the manifest that it uses; not set: it has no index yet, and reads each page's own key.
    manifest: Option<String>,
    /// Pages of which it knows that they have an HTML variant.
    html: u64,
    /// The same for Markdown.
    markdown: u64,
}

fn view(report: SyncReport) -> SyncView {
    let SyncReport { counts, quota, .. } = report;
    SyncView {
        pending: counts.pending,
        live: counts.live,
        failed: counts.failed,
        last_synced_at: counts.last_synced_at.map(rfc3339),
        api_calls: counts.api_calls,
        manifest: report.manifest.map(rfc3339),
        run: report.run.map(|run| RunView {
            started_at: rfc3339(run.started_at),
            total: run.total,
            done: run.done,
            bytes: run.bytes,
            eta_seconds: report.eta_s,
        }),
        paused: report.pause.map(|pause| PauseView {
            reason: pause.reason,
            until: pause
                .until
                .filter(|_| pause.reason != SyncPauseReason::QuotaAsk)
                .map(rfc3339),
            writes: pause.writes,
            days: pause.days,
        }),
        quota: QuotaView {
            writes_today: quota.writes,
            left_today: quota.left,
            resets_at: rfc3339(quota.resets_at),
            days_on_free_plan: quota.days_on_free_plan,
        },
    }
}

async fn site_of(app: &App, caller: &ApiCaller, text: &str) -> Outcome<Site> {
    sites::get(app, caller.workspace, id(text, "site")?).await
}

/// How far the published content is at the edge.
#[utoipa::path(get, path = "/sites/{id}/sync", operation_id = "sync_status", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, body = SyncView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<SyncView>> {
    let site = site_of(&app, &caller, &text).await?;
    Ok(Json(view(sync::report(&app, &site).await?)))
}

/// Hurry: content reaches the edge by itself; this only makes it start now.
#[utoipa::path(post, path = "/sites/{id}/sync", operation_id = "sync_hurry", tag = "sync", params(("id" = String, Path)),
    responses((status = 202, body = SyncView), Problems))]
async fn hurry(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<SyncView>)> {
    let site = site_of(&app, &caller, &text).await?;
    sync::hurry(&app, caller.workspace, site.id).await?;
    let view = view(sync::report(&app, &site).await?);
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Follow it: each message is what `GET …/sync` would say, sent whenever that changes. The stream ends when nothing is
/// pending any more.
#[utoipa::path(get, path = "/sites/{id}/sync/events", operation_id = "sync_events", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/event-stream", body = String), Problems))]
async fn events(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site: SiteId = site_of(&app, &caller, &text).await?.id;
    let workspace = caller.workspace;
    let stream = async_stream::stream! {
        let mut changes = app.signals.sync_changes();
        let mut last = None;
        while let Ok(site) = sites::get(&app, workspace, site).await
            && let Ok(report) = sync::report(&app, &site).await
        {
            let now = view(report);
            let is_over = now.pending + now.failed == 0 && now.run.is_none();
            if last.as_ref() != Some(&now)
                && let Ok(event) = Event::default().event("sync").json_data(&now)
            {
                yield Ok::<_, Infallible>(event);
            }
            last = Some(now);
            if is_over {
                break;
            }
            // Told, or not told: either way it is time to look.
            let _ = tokio::time::timeout(LOOK, changes.recv()).await;
        }
    };
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

/// Ask the edge which manifest it uses, by a signed question to the Worker of each host.
#[utoipa::path(get, path = "/sites/{id}/sync/edge", operation_id = "sync_edge", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, body = EdgeView), Problems))]
async fn edge(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<EdgeView>> {
    let site = site_of(&app, &caller, &text).await?;
    let asked = sync::ask_the_edge(&app, caller.workspace, site.id).await?;
    Ok(Json(EdgeView {
        live: asked.is_live(),
        manifest: asked.written.map(rfc3339),
        pending: asked.pending,
        hosts: asked
            .hosts
            .iter()
            .map(|host| HostView {
                host: host.host.clone(),
                answered: host.manifest.is_some(),
                live: asked.has(host),
                manifest: host
                    .manifest
                    .and_then(|manifest| manifest.revision)
                    .map(rfc3339),
                html: host.manifest.map_or(0, |manifest| manifest.html),
                markdown: host.manifest.map_or(0, |manifest| manifest.markdown),
            })
            .collect(),
    }))
}
