//! `/sites`, their plan and their removal.

mod choices;

use super::{
    ListView, Problems,
    deployments::{DeploymentView, deployment_view},
};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery, id},
    app::{App, AppState},
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    reconcile::drift::{self, Drift},
    services::{
        agents::{self, PolicyPatch},
        deployments,
        preflight::look_ahead,
        sites::{self, NewSite, PatternsGiven, SitePatch},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    agents::{AgentPolicy, Purpose, Treatment},
    desired::{RouteChoice, RouteChoiceKind},
    names::Hostname,
    visit::VisitStore,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{OverQuota, Site, WorkersPlan};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, change, delete))
        .routes(routes!(plan))
        .merge(choices::router())
}

/// A site.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SiteView {
    id: String,
    name: String,
    connection_id: String,
    account_id: String,
    zone_id: String,
    zone_name: String,
    hostnames: Vec<String>,
    /// `new`, `deploying`, `in_sync`, `drifted`, `failed`, `unknown` or `removed`.
    #[schema(value_type = String)]
    status: domain::deployment::SiteStatus,
    settings: SettingsView,
    /// The route patterns that cover a part of a host name in the place of all of it, by host name.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<String>>)]
    route_patterns: BTreeMap<Hostname, Vec<String>>,
    /// What was decided about foreign routes: `{kind (adopt·accept), route, pattern, script, at}` each.
    #[schema(value_type = Vec<serde_json::Value>)]
    route_choices: Vec<ChoiceView>,
    /// When the account was last read for this site.
    observed_at: Option<String>,
    created_at: String,
    updated_at: String,
    /// Of a site that is read by its id: what somebody changed in the account, `{seenAt, changes[{what, found,
    /// repair, by?}], conflicts[]}`; none: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    drift: Option<Drift>,
    /// Of a site that is read by its id or was changed: what you changed here and the next deployment brings, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_deployed: Option<Vec<String>>,
    /// Of the same: whether the site stands on the Worker of an earlier deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<bool>,
}

/// The site with what waits for its next deployment.
async fn view_of_one(app: &App, site: &Site) -> Outcome<SiteView> {
    let pending = deployments::pending(app, site).await?;
    Ok(SiteView {
        drift: drift::known(app, site).await?,
        not_deployed: Some(pending.changes),
        rolled_back: Some(pending.is_rolled_back),
        ..view(site)
    })
}

/// What the owner can set.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingsView {
    /// How long the Worker waits for KV before the origin answers, in milliseconds.
    kv_deadline_ms: u32,
    /// Whether a deployment by which people get an error or our content is taken back at once.
    undo_on_failed_proof: bool,
    /// Cloudflare's Workers plan of the account, which no token can read: `unknown` (taken for paid until Cloudflare says
    /// that a day's writes are spent), `free` or `paid`.
    #[schema(value_type = String)]
    workers_plan: WorkersPlan,
    /// What becomes of content that takes more KV writes than a free account has left today: `ask` (nothing is written
    /// until you say how) or `spread` (over days).
    #[schema(value_type = String)]
    over_quota: OverQuota,
    /// Which agents get variants: `{purposes: {training, search, user}, single: {token: …}}`, each `serve` or `origin`.
    #[schema(value_type = Object)]
    agents: AgentPolicy,
    /// What a slash at the end of a path means: `keep` (another page), `strip` or `add` (the same page, written so).
    trailing_slash: &'static str,
    /// The query parameters that make another page; all others are ignored.
    query_parameters: Vec<String>,
    /// Whether variants may hold scripts.
    allow_scripts: bool,
    /// What becomes of a variant whose page changed since it was made: `mark`, `pause` (unpublish) or `remake` (a new draft).
    #[schema(value_type = String)]
    on_page_change: store::OnPageChange,
    /// Whether variants are withheld from the edge while the origin redirects, fails or asks for sign-in.
    withhold_broken: bool,
    /// Whether each published HTML variant brings a Markdown one along, made from it.
    markdown_from_html: bool,
    /// How many days single visits are kept; counts stay.
    visits_kept_days: u16,
    /// Whether a visit keeps a shortened address: the first 24 bits of IPv4, 48 of IPv6.
    keeps_network: bool,
    /// Where visits are kept: `console` (in our database; the Worker sends them here) or `analytics_engine` (in the account's
    /// Workers Analytics Engine; unverified in production).
    #[schema(value_type = String)]
    visit_store: VisitStore,
}

fn view(site: &Site) -> SiteView {
    SiteView {
        id: site.id.to_string(),
        name: site.name.clone(),
        connection_id: site.connection.to_string(),
        account_id: site.account.to_string(),
        zone_id: site.zone.to_string(),
        zone_name: site.zone_name.clone(),
        hostnames: site.hostnames.iter().map(ToString::to_string).collect(),
        status: site.status,
        settings: SettingsView {
            kv_deadline_ms: site.settings.kv_deadline_ms,
            undo_on_failed_proof: site.settings.undo_on_failed_proof,
            workers_plan: site.settings.workers_plan,
            over_quota: site.settings.over_quota,
            agents: whole_policy(&site.settings.agents),
            trailing_slash: site.settings.paths.trailing_slash.as_str(),
            query_parameters: site.settings.paths.query_parameters.clone(),
            allow_scripts: site.settings.allow_scripts,
            on_page_change: site.settings.on_page_change,
            withhold_broken: site.settings.withhold_broken,
            markdown_from_html: site.settings.markdown_from_html,
            visits_kept_days: site.settings.visits_kept_days,
            keeps_network: site.settings.keeps_network,
            visit_store: site.settings.visit_store,
        },
        route_patterns: site.settings.route_patterns.clone(),
        route_choices: site.settings.route_choices.iter().map(choice).collect(),
        observed_at: site.observed_at.map(rfc3339),
        created_at: rfc3339(site.created_at),
        updated_at: rfc3339(site.updated_at),
        drift: None,
        not_deployed: None,
        rolled_back: None,
    }
}

/// A policy with its defaults written out.
fn whole_policy(policy: &AgentPolicy) -> AgentPolicy {
    let purposes = Purpose::ALL.into_iter();
    AgentPolicy {
        purposes: purposes
            .map(|purpose| (purpose, policy.of_purpose(purpose)))
            .collect(),
        single: policy.single.clone(),
    }
}

/// What was decided about a foreign route.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChoiceView {
    kind: RouteChoiceKind,
    route: String,
    pattern: String,
    script: Option<String>,
    at: String,
}

fn choice(choice: &RouteChoice) -> ChoiceView {
    ChoiceView {
        kind: choice.kind,
        route: choice.route.to_string(),
        pattern: choice.pattern.clone(),
        script: choice.script.clone(),
        at: rfc3339(choice.at),
    }
}

/// A site to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSiteBody {
    connection_id: String,
    zone_id: String,
    name: String,
    /// The hosts to cover; the zone's own name unless given.
    hostnames: Option<Vec<String>>,
}

/// What is to be changed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SitePatchBody {
    name: Option<String>,
    hostnames: Option<Vec<String>>,
    settings: Option<SettingsPatchBody>,
    /// Patterns that cover a part of a host name, by host name: `{"shop.example": "shop.example/blog/*"}` or a list of
    /// them. `null` or an empty list covers all of it again; host names that are not named stay as they are.
    #[schema(value_type = Option<serde_json::Value>)]
    route_patterns: Option<BTreeMap<String, Option<OneOrMany>>>,
    /// Another connection of the same account, for example after the site's own was disconnected.
    connection_id: Option<String>,
}

/// A pattern, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn patterns(given: BTreeMap<String, Option<OneOrMany>>) -> PatternsGiven {
    let list = |patterns| match patterns {
        None => Vec::new(),
        Some(OneOrMany::One(pattern)) => vec![pattern],
        Some(OneOrMany::Many(patterns)) => patterns,
    };
    given
        .into_iter()
        .map(|(host, patterns)| (host, list(patterns)))
        .collect()
}

/// Settings to be changed.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsPatchBody {
    /// 50 to 2,000.
    kv_deadline_ms: Option<u32>,
    undo_on_failed_proof: Option<bool>,
    /// `unknown`, `free` or `paid`.
    #[schema(value_type = Option<String>)]
    workers_plan: Option<WorkersPlan>,
    /// `ask` or `spread`.
    #[schema(value_type = Option<String>)]
    over_quota: Option<OverQuota>,
    agents: Option<AgentPolicyBody>,
    /// `mark`, `pause` or `remake`.
    #[schema(value_type = Option<String>)]
    on_page_change: Option<store::OnPageChange>,
    withhold_broken: Option<bool>,
    /// Takes effect with the next publication of each HTML variant.
    markdown_from_html: Option<bool>,
    /// 1 to 365.
    visits_kept_days: Option<u16>,
    /// From the next visits on; those that are kept stay as they are until their days are over.
    keeps_network: Option<bool>,
    /// `console` or `analytics_engine`. Takes effect with the next deployment; past visits stay where they are.
    #[schema(value_type = Option<String>)]
    visit_store: Option<VisitStore>,
    /// Whether variants may hold scripts; agents run none.
    allow_scripts: Option<bool>,
    /// `keep`, `strip` or `add`. Variants get the paths that they have by it.
    trailing_slash: Option<String>,
    /// The names of the query parameters that make another page, decoded; at most 20.
    query_parameters: Option<Vec<String>>,
    /// Merges variants that become one page by these settings; without it such a change is refused (`path_conflict`).
    #[serde(default)]
    merge_paths: bool,
}

/// Which agents get variants; what is not named stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct AgentPolicyBody {
    /// `{training?, search?, user?}`, each `serve` or `origin`.
    #[schema(value_type = Object)]
    purposes: BTreeMap<Purpose, Treatment>,
    /// By token: `serve` or `origin` for this one alone, or null to take that back. Only so are search engines and
    /// link previews served.
    #[schema(value_type = Object)]
    single: BTreeMap<String, Option<Treatment>>,
}

/// Make a site. Nothing changes at Cloudflare until it is deployed.
#[utoipa::path(post, path = "/sites", tag = "sites", request_body = NewSiteBody,
    responses((status = 201, body = SiteView), Problems))]
async fn create(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(body): ApiJson<NewSiteBody>,
) -> Outcome<(StatusCode, Json<SiteView>)> {
    let new = NewSite {
        connection: body
            .connection_id
            .parse()
            .map_err(|_| Problem::field("connectionId", "names no connection"))?,
        zone: body
            .zone_id
            .parse()
            .map_err(|_| Problem::field("zoneId", "is not a zone id, which has 32 hex digits"))?,
        name: body.name,
        hostnames: body.hostnames,
    };
    let site = sites::create(&app, caller.workspace, new).await?;
    audit::record(&app, &caller.actor, Event::site(Kind::SiteCreated, &site)).await;
    Ok((StatusCode::CREATED, Json(view(&site))))
}

/// List sites.
#[utoipa::path(get, path = "/sites", tag = "sites", params(PageQuery),
    responses((status = 200, body = ListView<SiteView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Outcome<Json<ListView<SiteView>>> {
    Ok(Json(ListView::of(
        sites::list(&app, caller.workspace, &page.page()?).await?,
        view,
    )))
}

/// Read a site.
#[utoipa::path(get, path = "/sites/{id}", tag = "sites", params(("id" = String, Path)),
    responses((status = 200, body = SiteView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<SiteView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    Ok(Json(view_of_one(&app, &site).await?))
}

/// Change a site's name, hosts, settings or connection. Hosts and settings reach Cloudflare with the next deployment.
#[utoipa::path(patch, path = "/sites/{id}", tag = "sites", params(("id" = String, Path)), request_body = SitePatchBody,
    responses((status = 200, body = SiteView), Problems))]
async fn change(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<SitePatchBody>,
) -> Outcome<Json<SiteView>> {
    let settings = body.settings.unwrap_or_default();
    let patch = SitePatch {
        name: body.name,
        hostnames: body.hostnames,
        kv_deadline_ms: settings.kv_deadline_ms,
        undo_on_failed_proof: settings.undo_on_failed_proof,
        workers_plan: settings.workers_plan,
        over_quota: settings.over_quota,
        agents: settings.agents.map(|body| PolicyPatch {
            purposes: body.purposes,
            single: body.single,
        }),
        allow_scripts: settings.allow_scripts,
        on_page_change: settings.on_page_change,
        withhold_broken: settings.withhold_broken,
        markdown_from_html: settings.markdown_from_html,
        visits_kept_days: settings.visits_kept_days,
        keeps_network: settings.keeps_network,
        visit_store: settings.visit_store,
        route_patterns: body.route_patterns.map(patterns),
        trailing_slash: settings.trailing_slash,
        query_parameters: settings.query_parameters,
        merge_paths: settings.merge_paths,
        connection: body
            .connection_id
            .map(|text| {
                text.parse()
                    .map_err(|_| Problem::field("connectionId", "names no connection"))
            })
            .transpose()?,
    };
    let names_agents = patch.agents.is_some();
    let site = sites::update(&app, caller.workspace, id(&text, "site")?, patch).await?;
    audit::record(&app, &caller.actor, Event::site(Kind::SiteChanged, &site)).await;
    if names_agents {
        let registry = agents::active(&app, caller.workspace).await?;
        audit::record_policy(&app, &caller.actor, &site, &registry).await;
    }
    Ok(Json(view_of_one(&app, &site).await?))
}

/// Remove a site: everything of it leaves the account, then the site is gone. The answer is that deployment.
#[utoipa::path(delete, path = "/sites/{id}", tag = "sites", params(("id" = String, Path)),
    responses((status = 202, body = DeploymentView), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<DeploymentView>)> {
    let deployment =
        sites::remove(&app, caller.workspace, id(&text, "site")?, &caller.name).await?;
    let event = Event::deployment(Kind::DeploymentRequested, &deployment);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, Json(deployment_view(&deployment))))
}

/// What deploying would change now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlanView {
    /// `{action, resource, name, before, after, reason, reversible}` each; empty: in sync.
    #[schema(value_type = Vec<serde_json::Value>)]
    steps: Vec<domain::plan::Step>,
    /// What stands in the way: `{code, resource, name, id, host, owner, detail, remedies, choices}` each; a choice is
    /// `adopt`, `accept`, `narrower_pattern`, `leave_out_host` or `new_site`.
    #[schema(value_type = Vec<serde_json::Value>)]
    conflicts: Vec<domain::plan::Conflict>,
    /// What to know: `{code, detail}` each.
    #[schema(value_type = Vec<serde_json::Value>)]
    warnings: Vec<domain::plan::Warning>,
    /// What somebody changed behind our back: `{resource, name, what, ours, theirs, lastApplied, by, repaired}` each.
    #[schema(value_type = Vec<serde_json::Value>)]
    differences: Vec<domain::plan::Difference>,
    /// Foreign routes that match some of the site's requests: `{pattern, script, ours, relation, shared, oursWins,
    /// detail}` each.
    #[schema(value_type = Vec<serde_json::Value>)]
    other_routes: Vec<domain::plan::OtherRoute>,
}

/// Read the account and plan: the steps from what is there to what is wanted.
#[utoipa::path(get, path = "/sites/{id}/plan", tag = "sites", params(("id" = String, Path)),
    responses((status = 200, body = PlanView), Problems))]
async fn plan(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<PlanView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let (mut plan, _) = deployments::plan(&app, caller.workspace, &site).await?;
    look_ahead(&app, &site, &mut plan).await;
    Ok(Json(PlanView {
        steps: plan.steps,
        conflicts: plan.conflicts,
        warnings: plan.warnings,
        differences: plan.differences,
        other_routes: plan.other_routes,
    }))
}
