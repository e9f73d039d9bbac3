//! `/sites/{id}/visits`: what is kept of visits, and their deletion; `/sites/{id}/traffic/unknown-bots`; and the key that a
//! site's Worker proves itself with.

use super::{
    Problems,
    deployments::{DeploymentView, deployment_view},
};
use crate::{
    api::extract::{ApiQuery, id},
    app::{App, AppState},
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        site_keys, sites,
        traffic::{self, UnknownBots},
        visits::{self, COUNTS_KEPT, KEPT_DAYS_RANGE},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{time::Millis, traffic::HOUR_MS};
use serde::{Deserialize, Serialize};
use store::Site;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The days that are looked at unless told.
const DAYS: u16 = 7;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read, delete))
        .routes(routes!(unknown_bots))
        .routes(routes!(rotate))
}

/// What is kept of a site's visits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptView {
    /// How many days single visits are kept: the setting `visitsKeptDays`.
    kept_days: u16,
    /// How long counts are kept.
    counts_kept: &'static str,
    /// Whether a visit keeps a shortened address: the setting `keepsNetwork`.
    keeps_network: bool,
    /// When the oldest single visit was that is still there.
    oldest: Option<String>,
    /// When the deletion of all visits was asked for, as long as it is not done; until then none are shown, and those that
    /// come are counted afterwards.
    deletion_asked_at: Option<String>,
}

/// What the API and the command line tell of what is kept.
pub(crate) async fn kept_view(app: &App, site: &Site) -> Outcome<KeptView> {
    let kept = visits::kept(app, site.workspace, site).await?;
    Ok(KeptView {
        kept_days: kept.days,
        counts_kept: COUNTS_KEPT,
        keeps_network: kept.keeps_network,
        oldest: kept.oldest.map(rfc3339),
        deletion_asked_at: kept.deletion.map(|deletion| rfc3339(deletion.asked_at)),
    })
}

/// What is kept of a site's visits, and for how long.
#[utoipa::path(get, path = "/sites/{id}/visits", operation_id = "kept_visits", tag = "traffic", params(("id" = String, Path)),
    responses((status = 200, body = KeptView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<KeptView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    Ok(Json(kept_view(&app, &site).await?))
}

/// Delete every visit of a site that came so far, single ones and counts. Nothing of them is shown from the answer on; the
/// rest is done in the background, and `deletionAskedAt` is null when it is over.
#[utoipa::path(delete, path = "/sites/{id}/visits", operation_id = "delete_visits", tag = "traffic", params(("id" = String, Path)),
    responses((status = 202, body = KeptView), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<KeptView>)> {
    let site = visits::delete_all(&app, caller.workspace, id(&text, "site")?).await?;
    audit::record(
        &app,
        &caller.actor,
        Event::site(Kind::SiteVisitsDeleted, &site),
    )
    .await;
    Ok((StatusCode::ACCEPTED, Json(kept_view(&app, &site).await?)))
}

/// How far back to look.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UnknownQuery {
    /// The last so many days, 1 to 365; 7 unless told. Single visits are looked at, so no more than are kept.
    days: Option<u16>,
}

/// A bot that is in no list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnknownBotView {
    /// Its user agent, of which the first 256 characters are kept.
    user_agent: String,
    visits: u64,
    /// How many of them got a variant: Markdown, asked for by name.
    served: u64,
    first_seen: String,
    last_seen: String,
}

/// Bots that are in no list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnknownBotsView {
    /// From when on every visit was looked at.
    from: String,
    /// Whether that is as far back as was asked, and every user agent was told apart; false: there was too much to read.
    complete: bool,
    /// How many user agents there are; at most 200 are named.
    user_agents: usize,
    /// Most visits first.
    items: Vec<UnknownBotView>,
}

fn unknown_view(found: UnknownBots) -> UnknownBotsView {
    let bots = found.bots.into_iter().map(|bot| UnknownBotView {
        user_agent: bot.user_agent,
        visits: bot.visits,
        served: bot.served,
        first_seen: rfc3339(bot.first_seen),
        last_seen: rfc3339(bot.last_seen),
    });
    UnknownBotsView {
        from: rfc3339(found.from),
        complete: found.is_complete,
        user_agents: found.user_agents,
        items: bots.collect(),
    }
}

/// Bots that came and are in no list, by user agent: those that call themselves bots, and whoever else asked for Markdown by
/// name.
#[utoipa::path(get, path = "/sites/{id}/traffic/unknown-bots", operation_id = "unknown_bots", tag = "traffic",
    params(("id" = String, Path), UnknownQuery), responses((status = 200, body = UnknownBotsView), Problems))]
async fn unknown_bots(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<UnknownQuery>,
) -> Outcome<Json<UnknownBotsView>> {
    let days = query.days.unwrap_or(DAYS);
    if !KEPT_DAYS_RANGE.contains(&days) {
        return Err(Problem::field("days", "must be between 1 and 365"));
    }
    let from = Millis(app.clock.now().0 - i64::from(days) * 24 * HOUR_MS);
    let site = id(&text, "site")?;
    let found = traffic::unknown_bots(&app, caller.workspace, site, from).await?;
    Ok(Json(unknown_view(found)))
}

/// What became of a site's key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct RotationView {
    /// `deploying`: the deployment brings the new key, and the former one is taken until ten minutes after the Worker has
    /// it. `waiting`: the site stands on an earlier Worker, and its next deployment brings it. `done`: the site was never
    /// deployed, so nobody had the former one.
    state: &'static str,
    /// The deployment that brings it.
    #[schema(nullable)]
    deployment: Option<DeploymentView>,
}

/// Make another key for the site's Worker, with which it reports visits and is asked for its health, and deploy it. The
/// former one is taken until the Worker is known to have the new one, and ten minutes longer. The deployment brings what
/// else waits for one. While a new key is on its way, that one is brought.
#[utoipa::path(post, path = "/sites/{id}/ingest-key/rotate", operation_id = "rotate_ingest_key", tag = "traffic",
    params(("id" = String, Path)), responses((status = 202, body = RotationView), Problems))]
async fn rotate(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<RotationView>)> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let rotation = site_keys::rotate(&app, caller.workspace, site.id, &caller.name).await?;
    audit::record_site_key(&app, &caller.actor, &site, &rotation).await;
    let view = RotationView {
        state: rotation.word(),
        deployment: rotation.deployment().map(deployment_view),
    };
    Ok((StatusCode::ACCEPTED, Json(view)))
}
