//! `/sites/{id}/traffic`: which agents came, what they got, what was missing.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiQuery, id},
    app::AppState,
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::agents,
    services::traffic::{
        self, AgentCounts, Asked, Bucket, Counts, Estimate, PathCounts, Point, Question, Summary,
    },
};
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    agents::Registry,
    identity::Identity,
    path::may_be_page,
    time::Millis,
    traffic::HOUR_MS,
    visit::{Visit, VisitOutcome, VisitStore},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(recent))
}

/// How many visits, and what became of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountsView {
    /// All.
    visits: u64,
    /// Got the variant.
    variant: u64,
    /// Had the variant already (304).
    not_modified: u64,
    /// Got the page that people get.
    origin: u64,
    /// Got the page that people get, since KV was slow or failed.
    error: u64,
    /// Came from an address that their operator publishes, or signed.
    verified: u64,
    /// Could not be checked.
    claimed: u64,
    /// Came from an address that their operator does not publish.
    contradicted: u64,
}

/// One point of the series.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PointView {
    /// When it begins.
    at: String,
    /// All visits.
    visits: u64,
    /// Those that got a variant, or have it.
    served: u64,
    /// Visits that Workers told of having lost.
    dropped: u64,
    /// All visits of the point one span before.
    previous: u64,
    /// Visits by agent.
    agents: BTreeMap<String, u64>,
}

/// The visits of one agent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct AgentView {
    /// Its token.
    agent: String,
    /// Who runs it; null when it is not in the registry.
    operator: Option<String>,
    /// What it comes for; null when it is not in the registry.
    purpose: Option<String>,
    /// The hour of its last visit.
    last_seen: Option<String>,
    /// How many it had in the span right before.
    previous: u64,
    #[serde(flatten)]
    counts: CountsView,
}

/// The visits of one purpose.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PurposeView {
    /// `training`, `search`, `user`; null for agents that are not in the registry.
    purpose: Option<String>,
    #[serde(flatten)]
    counts: CountsView,
}

/// The visits of one page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PathView {
    /// The path; null for all pages that are not named.
    path: Option<String>,
    /// Whether it may be a page; a file such as robots.txt needs no variant.
    may_be_page: bool,
    /// Whether a variant of it is published now.
    has_variant: bool,
    #[serde(flatten)]
    counts: CountsView,
}

/// The visits of one identity.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct IdentityView {
    /// `verified`, `claimed` or `contradicted`.
    identity: String,
    visits: u64,
}

/// A site's traffic.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrafficView {
    from: String,
    to: String,
    bucket: Bucket,
    /// The time zone whose midnight begins a day.
    time_zone: String,
    totals: CountsView,
    /// The same for the span of the same length right before.
    previous: CountsView,
    /// Visits that Workers could not deliver, as they told later.
    dropped: u64,
    /// Where these visits are kept: `console` or `analytics_engine`.
    store: &'static str,
    /// Whether the counts are estimates, made from some of the visits. Only with `analytics_engine`.
    sampled: bool,
    /// How many data points they are estimated from; null where every visit was counted by us.
    sampled_points: Option<u64>,
    /// How many visits a data point stands for on average; null likewise.
    sample_interval: Option<f64>,
    /// What to know of these counts, in words.
    notes: Vec<String>,
    series: Vec<PointView>,
    by_agent: Vec<AgentView>,
    by_purpose: Vec<PurposeView>,
    by_path: Vec<PathView>,
    by_identity: Vec<IdentityView>,
    /// Pages that agents asked for and that have no variant, most missed first.
    missed_paths: Vec<PathView>,
}

fn counts(counts: &Counts) -> CountsView {
    CountsView {
        visits: counts.visits,
        variant: counts.of(VisitOutcome::Variant),
        not_modified: counts.of(VisitOutcome::NotModified),
        origin: counts.of(VisitOutcome::Origin),
        error: counts.of(VisitOutcome::Error),
        verified: counts.by(Identity::Verified),
        claimed: counts.by(Identity::Claimed),
        contradicted: counts.by(Identity::Contradicted),
    }
}

fn hour(hour: i64) -> String {
    rfc3339(Millis(hour * HOUR_MS))
}

fn point(point: &Point) -> PointView {
    PointView {
        at: hour(point.start),
        visits: point.counts.visits,
        served: point.counts.served(),
        dropped: point.dropped,
        previous: point.previous,
        agents: point.agents.clone(),
    }
}

fn agent(registry: &Registry, found: &AgentCounts) -> AgentView {
    let known = registry.agent(&found.agent);
    AgentView {
        agent: found.agent.clone(),
        operator: known.map(|agent| agent.operator.clone()),
        purpose: known.map(|agent| agent.purpose.as_str().to_owned()),
        last_seen: found.last_seen.map(hour),
        previous: found.previous,
        counts: counts(&found.counts),
    }
}

fn path(found: &PathCounts) -> PathView {
    PathView {
        path: Some(found.path.clone()).filter(|path| !path.is_empty()),
        may_be_page: may_be_page(&found.path),
        has_variant: found.has_variant,
        counts: counts(&found.counts),
    }
}

fn notes(registry: &Registry, question: &Question, summary: &Summary) -> Vec<String> {
    let unlisted = traffic::unlisted(registry, &question.filter);
    let unlisted = unlisted.iter().map(|it| it.note("GET /api/v1/agents"));
    summary.notes().into_iter().chain(unlisted).collect()
}

/// The answer for programs.
pub(crate) fn view(registry: &Registry, question: &Question, summary: &Summary) -> TrafficView {
    let store = match summary.estimate {
        Some(_) => VisitStore::AnalyticsEngine,
        None => VisitStore::Console,
    };
    TrafficView {
        from: hour(summary.from_hour),
        to: hour(summary.to_hour),
        bucket: question.bucket,
        time_zone: question.zone.iana_name().unwrap_or("UTC").to_owned(),
        totals: counts(&summary.totals),
        previous: counts(&summary.previous),
        dropped: summary.dropped,
        store: store.as_str(),
        sampled: summary.estimate.as_ref().is_some_and(Estimate::is_sampled),
        sampled_points: summary.estimate.as_ref().map(|estimate| estimate.points),
        sample_interval: summary.estimate.as_ref().map(Estimate::rate),
        notes: notes(registry, question, summary),
        series: summary.series.iter().map(point).collect(),
        by_agent: summary
            .agents
            .iter()
            .map(|found| agent(registry, found))
            .collect(),
        by_purpose: summary
            .purposes
            .iter()
            .map(|(purpose, found)| PurposeView {
                purpose: purpose.map(|purpose| purpose.as_str().to_owned()),
                counts: counts(found),
            })
            .collect(),
        by_path: summary.paths.iter().map(path).collect(),
        by_identity: Identity::ALL
            .into_iter()
            .map(|identity| IdentityView {
                identity: identity.as_str().to_owned(),
                visits: summary.totals.by(identity),
            })
            .collect(),
        missed_paths: summary.missed.iter().map(path).collect(),
    }
}

/// Which agents came, what they got, and what was missing.
#[utoipa::path(get, path = "/sites/{id}/traffic", operation_id = "traffic", tag = "traffic",
    params(("id" = String, Path), Asked), responses((status = 200, body = TrafficView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Outcome<Json<TrafficView>> {
    let question = asked.question(app.clock.now())?;
    let site = id(&text, "site")?;
    let summary = traffic::ask(&app, caller.workspace, site, &question).await?;
    let registry = agents::active(&app, caller.workspace).await?;
    Ok(Json(view(&registry, &question, &summary)))
}

/// The most visits of one answer.
const VISITS_MAX: usize = 200;

/// Which visits to show.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecentQuery {
    /// How many at most, 1 to 200; 50 unless told.
    limit: Option<usize>,
    /// Tokens of agents.
    agent: Option<String>,
    /// `training`, `search`, `user`.
    purpose: Option<String>,
    /// The beginning of the path.
    path: Option<String>,
    /// `variant`, `not_modified`, `origin`, `error`.
    outcome: Option<String>,
    /// `verified`, `claimed`, `contradicted`.
    identity: Option<String>,
}

/// One visit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct VisitView {
    at: String,
    /// The agent's token; `unknown` for one that the registry does not know.
    agent: String,
    path: String,
    /// `variant`, `not_modified`, `origin` or `error`.
    outcome: String,
    identity: String,
    /// The answer's status; null when the origin answered without the Worker.
    status: Option<u16>,
    /// The exact revision that it got or had, if any.
    revision: Option<String>,
    /// The format that it got or had: `html` or `markdown`.
    format: Option<String>,
    /// Two letters, as Cloudflare says.
    country: Option<String>,
    /// The number of the network that it came from, as Cloudflare says.
    asn: Option<u32>,
    /// The shortened address that it came from, where the site keeps it.
    network: Option<String>,
    /// Milliseconds spent in the Worker.
    spent_ms: u16,
    /// Its user agent, where the agent is not known by it.
    user_agent: Option<String>,
}

fn visit(visit: Visit) -> VisitView {
    VisitView {
        at: rfc3339(visit.at),
        agent: visit.agent,
        path: visit.path,
        outcome: visit.outcome.as_str().to_owned(),
        identity: visit.identity.as_str().to_owned(),
        status: Some(visit.status).filter(|status| *status > 0),
        revision: visit.revision.map(|revision| revision.to_string()),
        format: visit.format.map(|format| format.as_str().to_owned()),
        country: visit.country,
        asn: visit.asn,
        network: visit.network,
        spent_ms: visit.spent_ms,
        user_agent: visit.user_agent,
    }
}

/// The newest visits one by one, newest first. There is no next page: older ones are counted.
#[utoipa::path(get, path = "/sites/{id}/traffic/recent", operation_id = "recent_visits", tag = "traffic",
    params(("id" = String, Path), RecentQuery), responses((status = 200, body = ListView<VisitView>), Problems))]
async fn recent(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<RecentQuery>,
) -> Outcome<Json<ListView<VisitView>>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=VISITS_MAX).contains(&limit) {
        return Err(Problem::field("limit", "must be 1 to 200"));
    }
    let asked = Asked {
        agent: query.agent,
        purpose: query.purpose,
        path: query.path,
        outcome: query.outcome,
        identity: query.identity,
        ..Asked::default()
    };
    let question = asked.question(app.clock.now())?;
    let site = id(&text, "site")?;
    let found = traffic::recent(&app, caller.workspace, site, &question.filter, limit).await?;
    Ok(Json(ListView {
        items: found.into_iter().map(visit).collect(),
        next_cursor: None,
    }))
}
