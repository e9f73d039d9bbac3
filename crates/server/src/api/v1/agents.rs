//! `/agents`: who is known, who a user agent is, and the registry of all that.

mod view;

pub(crate) use view::{AgentView, CheckView, RegistryView};

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, id, read_body},
    app::AppState,
    audit::{self, Event, Kind},
    auth::ApiCaller,
    problem::{Outcome, Problem},
    services::{
        agents::{self, Back, Standing},
        sites,
    },
};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use domain::{
    agents::{Evidence, Purpose, document::DOCUMENT_MAX},
    ids::WorkspaceId,
};
use serde::Deserialize;
use store::Site;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, stage))
        .routes(routes!(read))
        .routes(routes!(check))
        .routes(routes!(registry))
        .routes(routes!(document))
        .routes(routes!(activate))
        .routes(routes!(discard))
        .routes(routes!(revert))
}

/// Which entries are wanted; without a word all agents.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AgentFilter {
    /// `agent` (unless told), `excluded`, `robots_only` or `all`.
    pub(crate) kind: Option<String>,
    /// `training`, `search` or `user`.
    pub(crate) purpose: Option<String>,
    /// Who runs it, ignoring case.
    pub(crate) operator: Option<String>,
    /// `operator` or `reported`.
    pub(crate) evidence: Option<String>,
    /// A part of token, name or operator, ignoring case.
    pub(crate) q: Option<String>,
    /// Tell what they get at the site with this id alone.
    pub(crate) site: Option<String>,
}

impl AgentFilter {
    /// Those of the entries that are wanted.
    pub(crate) fn choose(&self, entries: Vec<AgentView>) -> Outcome<Vec<AgentView>> {
        let one_of = |field: &str, given: &Option<String>, words: &[&str]| match given {
            Some(word) if !words.contains(&word.as_str()) => Err(Problem::field(
                field,
                format!("must be one of {}", words.join(", ")),
            )),
            _ => Ok(()),
        };
        one_of(
            "kind",
            &self.kind,
            &["agent", "excluded", "robots_only", "all"],
        )?;
        one_of("purpose", &self.purpose, &["training", "search", "user"])?;
        one_of("evidence", &self.evidence, &["operator", "reported"])?;
        let same = |wanted: &Option<String>, word: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| word == Some(wanted))
        };
        let kind = self.kind.as_deref().unwrap_or("agent");
        let q = self.q.as_deref().unwrap_or_default().to_lowercase();
        Ok(entries
            .into_iter()
            .filter(|it| kind == "all" || it.kind == kind)
            .filter(|it| same(&self.purpose, it.purpose.map(Purpose::as_str)))
            .filter(|it| same(&self.evidence, it.evidence.map(Evidence::as_str)))
            .filter(|it| {
                let wanted = self.operator.as_deref();
                wanted.is_none_or(|wanted| it.operator.to_lowercase() == wanted.to_lowercase())
            })
            .filter(|it| {
                [&it.token, &it.name, &it.operator]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&q))
            })
            .collect())
    }
}

async fn sites_of(app: &AppState, ws: WorkspaceId, wanted: Option<&String>) -> Outcome<Vec<Site>> {
    match wanted {
        None => agents::all_sites(app, ws).await,
        Some(text) => Ok(vec![sites::get(app, ws, id(text, "site")?).await?]),
    }
}

/// List the agents that are known, with what each gets where a variant is published. All in one part.
#[utoipa::path(get, path = "/agents", operation_id = "list_agents", tag = "agents", params(AgentFilter),
    responses((status = 200, body = ListView<AgentView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(filter): ApiQuery<AgentFilter>,
) -> Outcome<Json<ListView<AgentView>>> {
    let registry = agents::active(&app, caller.workspace).await?;
    let sites = sites_of(&app, caller.workspace, filter.site.as_ref()).await?;
    let chosen = filter.choose(AgentView::all(&registry, &sites))?;
    Ok(Json(ListView::whole(chosen)))
}

/// Read one entry, by its token.
#[utoipa::path(get, path = "/agents/{token}", operation_id = "read_agent", tag = "agents", params(("token" = String, Path)),
    responses((status = 200, body = AgentView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(token): Path<String>,
) -> Outcome<Json<AgentView>> {
    let registry = agents::active(&app, caller.workspace).await?;
    let sites = agents::all_sites(&app, caller.workspace).await?;
    AgentView::find(&registry, &token, &sites)
        .map(Json)
        .ok_or_else(|| no_such(&token))
}

/// That the registry knows no such token.
pub(crate) fn no_such(token: &str) -> Problem {
    let shown: String = token.chars().take(80).collect();
    Problem::new(
        crate::problem::Code::NotFound,
        format!("The registry of agents knows no token {shown:?}."),
    )
    .cause("It is mistyped, or the registry in force does not have it.")
    .remedy("List the agents; a whole user agent is looked up with `agents check`, or GET /api/v1/agents/check.")
}

/// A user agent to be looked up.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct CheckQuery {
    /// The whole `User-Agent` header.
    user_agent: String,
    /// Tell what it gets at the site with this id alone.
    site: Option<String>,
}

/// Who would this user agent be?
#[utoipa::path(get, path = "/agents/check", operation_id = "check_user_agent", tag = "agents", params(CheckQuery),
    responses((status = 200, body = CheckView), Problems))]
async fn check(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(query): ApiQuery<CheckQuery>,
) -> Outcome<Json<CheckView>> {
    let registry = agents::active(&app, caller.workspace).await?;
    let sites = sites_of(&app, caller.workspace, query.site.as_ref()).await?;
    Ok(Json(CheckView::of(&registry, &query.user_agent, &sites)))
}

/// Which registry is in force, what is staged with what it would change, and what was in force before.
#[utoipa::path(get, path = "/agents/registry", operation_id = "read_agent_registry", tag = "agents",
    responses((status = 200, body = RegistryView), Problems))]
async fn registry(State(app): State<AppState>, caller: ApiCaller) -> Outcome<Json<RegistryView>> {
    let standing = agents::standing(&app, caller.workspace).await?;
    Ok(Json(RegistryView::of(&standing)))
}

/// The registry in force as a document, to be changed and sent again.
#[utoipa::path(get, path = "/agents/document", operation_id = "read_agent_document", tag = "agents",
    responses((status = 200, body = Object, content_type = "application/json"), Problems))]
async fn document(State(app): State<AppState>, caller: ApiCaller) -> Outcome<Response> {
    let registry = agents::active(&app, caller.workspace).await?;
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((json, registry.to_document()).into_response())
}

/// Stage a registry: `{schema: 1, version, agents[], excluded[], robotsOnly[]}`, at most 256 KiB (docs/agents.md).
/// It is checked and shown with what it would change; nothing changes until it is activated.
#[utoipa::path(put, path = "/agents", operation_id = "stage_agent_registry", tag = "agents",
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, body = RegistryView), Problems))]
async fn stage(
    State(app): State<AppState>,
    caller: ApiCaller,
    body: Body,
) -> Outcome<Json<RegistryView>> {
    let bytes = read_body(body, DOCUMENT_MAX).await?;
    let standing = agents::stage(&app, caller.workspace, &bytes, &caller.name).await?;
    audit::record(&app, &caller.actor, staged_event(&standing)).await;
    Ok(Json(RegistryView::of(&standing)))
}

/// That a registry was staged, for the audit log.
pub(crate) fn staged_event(standing: &Standing) -> Event {
    let event = Event::new(Kind::AgentsStaged);
    match &standing.staged {
        Some(staged) => event
            .with("version", staged.row.version.as_str())
            .with("agents", staged.row.agents),
        None => event,
    }
}

/// That another registry is in force, for the audit log.
pub(crate) fn active_event(kind: Kind, standing: &Standing) -> Event {
    Event::new(kind)
        .with("version", standing.registry.version())
        .with("agents", standing.registry.agents().len())
}

/// What is to be put in force.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ActivateBody {
    /// Only if this one is staged still.
    digest: Option<String>,
}

/// Put the staged registry in force. Each site's Worker gets it with the site's next deployment.
#[utoipa::path(post, path = "/agents/activate", operation_id = "activate_agent_registry", tag = "agents", request_body = ActivateBody,
    responses((status = 200, body = RegistryView), Problems))]
async fn activate(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(body): ApiJson<ActivateBody>,
) -> Outcome<Json<RegistryView>> {
    let digest = body.digest.as_deref();
    let standing = agents::activate(&app, caller.workspace, digest, &caller.name).await?;
    let event = active_event(Kind::AgentsActivated, &standing);
    audit::record(&app, &caller.actor, event).await;
    Ok(Json(RegistryView::of(&standing)))
}

/// Forget the staged registry.
#[utoipa::path(delete, path = "/agents/staged", operation_id = "discard_agent_registry", tag = "agents",
    responses((status = 200, body = RegistryView), Problems))]
async fn discard(State(app): State<AppState>, caller: ApiCaller) -> Outcome<Json<RegistryView>> {
    let standing = agents::discard(&app, caller.workspace).await?;
    audit::record(&app, &caller.actor, Event::new(Kind::AgentsDiscarded)).await;
    Ok(Json(RegistryView::of(&standing)))
}

/// Where to go back to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RevertBody {
    /// `built_in` or `former`.
    to: String,
    /// Which former one; the last unless given.
    id: Option<String>,
}

/// Go back to the built-in registry or to a former one.
#[utoipa::path(post, path = "/agents/revert", operation_id = "revert_agent_registry", tag = "agents", request_body = RevertBody,
    responses((status = 200, body = RegistryView), Problems))]
async fn revert(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(body): ApiJson<RevertBody>,
) -> Outcome<Json<RegistryView>> {
    let to = match body.to.as_str() {
        "built_in" => Back::BuiltIn,
        "former" => {
            let wanted = body.id.as_deref().map(str::parse).transpose();
            Back::Former(wanted.map_err(|_| Problem::field("id", "names no former registry"))?)
        }
        _ => return Err(Problem::field("to", "must be built_in or former")),
    };
    let standing = agents::go_back(&app, caller.workspace, to, &caller.name).await?;
    let event = active_event(Kind::AgentsReverted, &standing);
    audit::record(&app, &caller.actor, event).await;
    Ok(Json(RegistryView::of(&standing)))
}
