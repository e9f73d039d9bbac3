//! `/agents/verification`: the lists that agents are verified by.

use super::{ListView, Problems};
use crate::{
    api::extract::ApiQuery,
    app::{App, AppState},
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::Outcome,
    services::verification::{self, Freshness, Standing},
};
use axum::{Json, extract::State, http::StatusCode};
use domain::identity::{Ground, Identity, ListKind};
use serde::{Deserialize, Serialize};
use store::ListOrigin;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(refresh))
        .routes(routes!(check))
}

/// A list that an operator publishes of its agents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct VerificationListView {
    /// Where the operator publishes it.
    url: String,
    /// `ranges` (of addresses) or `keys` (for HTTP message signatures).
    #[schema(value_type = String)]
    kind: ListKind,
    operator: String,
    /// The tokens of the agents that are checked against it.
    agents: Vec<String>,
    /// `fresh`: verifies and contradicts; `stale` (7 days old or more): verifies what is in it; `too_old`, `missing`: tells nothing.
    #[schema(value_type = String)]
    freshness: Freshness,
    /// How many prefixes or keys it holds.
    entries: Option<u64>,
    /// `shipped` (with the program) or `fetched`.
    #[schema(value_type = Option<String>)]
    origin: Option<ListOrigin>,
    /// When it was first seen as it is.
    changed_at: Option<String>,
    /// When it was last seen so.
    confirmed_at: Option<String>,
    last_attempt_at: Option<String>,
    /// Why the last fetch failed.
    last_error: Option<String>,
    /// How many fetches failed in a row.
    failures: u32,
    /// Null when lists are fetched only when somebody asks.
    next_fetch_at: Option<String>,
}

fn view(app: &App, standing: Standing) -> VerificationListView {
    let list = standing.list.as_ref();
    let current = list.and_then(|list| list.current.as_ref());
    VerificationListView {
        kind: standing.source.kind,
        freshness: standing.freshness,
        entries: current.map(|current| current.entries),
        origin: current.map(|current| current.origin),
        changed_at: current.map(|current| rfc3339(current.valid_from)),
        confirmed_at: current.map(|current| rfc3339(current.confirmed_at)),
        last_attempt_at: list.and_then(|list| list.last_attempt_at.map(rfc3339)),
        last_error: list.and_then(|list| list.last_error.clone()),
        failures: list.map_or(0, |list| list.failures),
        next_fetch_at: list
            .filter(|_| app.config.verification_every.is_some())
            .map(|list| rfc3339(list.next_fetch_at)),
        url: standing.source.url,
        operator: standing.source.operator,
        agents: standing.source.agents,
    }
}

async fn views(app: &App) -> Outcome<Json<ListView<VerificationListView>>> {
    let standings = verification::standings(app).await?;
    let items = standings.into_iter().map(|standing| view(app, standing));
    Ok(Json(ListView::whole(items.collect())))
}

/// List what agents are verified by. All in one part.
#[utoipa::path(get, path = "/agents/verification", tag = "agents",
    responses((status = 200, body = ListView<VerificationListView>), Problems))]
async fn list(
    State(app): State<AppState>,
    _caller: ApiCaller,
) -> Outcome<Json<ListView<VerificationListView>>> {
    views(&app).await
}

/// Fetch every list now. It is done in the background: the answer shows the lists as they are before.
#[utoipa::path(post, path = "/agents/verification/refresh", tag = "agents",
    responses((status = 202, body = ListView<VerificationListView>), Problems))]
async fn refresh(
    State(app): State<AppState>,
    caller: ApiCaller,
) -> Outcome<(StatusCode, Json<ListView<VerificationListView>>)> {
    verification::refresh(&app).await?;
    audit::record(&app, &caller.actor, Event::new(Kind::VerificationRefreshed)).await;
    Ok((StatusCode::ACCEPTED, views(&app).await?))
}

/// Who is asked about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CheckQuery {
    /// The agent's token, such as `GPTBot`.
    agent: String,
    /// An IPv4 or IPv6 address.
    address: String,
}

/// Who somebody with this agent's name would be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckView {
    agent: String,
    operator: String,
    address: String,
    /// `verified`, `claimed` or `contradicted`.
    #[schema(value_type = String)]
    identity: Identity,
    /// What that rests on, in a stable word: `address`, `not_listed`, `no_list_yet`, …
    #[schema(value_type = String)]
    ground: Ground,
    /// The same in a sentence.
    detail: &'static str,
}

/// Tell who somebody with an agent's name would be, coming from this address now. Nothing is recorded.
#[utoipa::path(get, path = "/agents/verification/check", tag = "agents", params(CheckQuery),
    responses((status = 200, body = CheckView), Problems))]
async fn check(
    State(app): State<AppState>,
    _caller: ApiCaller,
    ApiQuery(query): ApiQuery<CheckQuery>,
) -> Outcome<Json<CheckView>> {
    let asked = verification::ask(&app, &query.agent, &query.address).await?;
    Ok(Json(CheckView {
        agent: asked.agent.token,
        operator: asked.agent.operator,
        address: asked.address.to_string(),
        identity: asked.judgement.identity,
        ground: asked.judgement.ground,
        detail: verification::in_words(asked.judgement.ground),
    }))
}
