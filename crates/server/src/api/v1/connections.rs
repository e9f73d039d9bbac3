//! `/connections`.

use super::{
    ListView, Problems,
    deployments::{DeploymentView, deployment_view},
};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery, id},
    app::{App, AppState},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        connections::{self, ZoneChoice},
        token_check::{UNWATCHED, permissions_json},
        token_url,
        warnings::{self, Warning},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Connection, SiteName};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, change, delete))
        .routes(routes!(check))
        .routes(routes!(zones))
}

/// A connection; the token itself is never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionView {
    id: String,
    name: String,
    /// `ready`, `incomplete`, `expired`, `disabled` or `unreadable`.
    #[schema(value_type = String)]
    status: domain::connection::ConnectionStatus,
    /// `user` or `account`.
    #[schema(value_type = String)]
    token_kind: domain::connection::TokenKind,
    /// The last four characters.
    token_hint: String,
    /// When the token was stored: then it was connected, replaced or rolled.
    token_stored_at: String,
    expires_at: Option<String>,
    /// Whole days until then; null for a token without an end.
    days_left: Option<i64>,
    /// What is to be done about it, the most urgent first.
    warnings: Vec<Warning>,
    /// The sites that are deployed through it.
    sites: Vec<SiteRef>,
    #[schema(value_type = Vec<Value>)]
    accounts: Vec<domain::connection::ReachableAccount>,
    /// `{name, scope, level, accountId?, zoneId?, granted (yes, no, unknown), detail, fixUrl}` each.
    #[schema(value_type = Vec<Value>)]
    permissions: Value,
    created_at: String,
    checked_at: String,
    /// When it is checked again by itself; null when that is off.
    next_check_at: Option<String>,
    /// Since when its sites are being removed, after which it is disconnected.
    leaving_since: Option<String>,
    /// The token before this one, which stays valid at Cloudflare until it is deleted there.
    former_token: Option<FormerTokenView>,
    /// What came of replacing the token just now, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// A site, by its name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SiteRef {
    id: String,
    name: String,
}

/// A token that another one took the place of.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct FormerTokenView {
    /// The last four characters.
    token_hint: String,
    replaced_at: String,
    /// Where it is deleted.
    delete_url: String,
}

fn view(app: &App, connection: &Connection, sites: &[SiteName]) -> ConnectionView {
    let now = app.clock.now();
    ConnectionView {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        status: warnings::status_now(connection.status, connection.expires_at, now),
        token_kind: connection.token_kind,
        token_hint: connection.token_hint.clone(),
        token_stored_at: rfc3339(connection.token_stored_at),
        expires_at: connection.expires_at.map(rfc3339),
        days_left: warnings::days_left(connection.expires_at, now),
        warnings: warnings::of(&warnings::glance_at(connection), now),
        sites: sites
            .iter()
            .filter(|site| site.connection == connection.id)
            .map(|site| SiteRef {
                id: site.id.to_string(),
                name: site.name.clone(),
            })
            .collect(),
        accounts: connection.accounts.clone(),
        permissions: permissions_json(&connection.permissions),
        created_at: rfc3339(connection.created_at),
        checked_at: rfc3339(connection.checked_at),
        next_check_at: app
            .config
            .check_every
            .map(|_| rfc3339(connection.next_check_at)),
        leaving_since: connection.leaving_since.map(rfc3339),
        former_token: connection
            .former_token
            .as_ref()
            .map(|former| FormerTokenView {
                token_hint: former.hint.clone(),
                replaced_at: rfc3339(former.replaced_at),
                delete_url: token_url::tokens_page(former.kind).to_owned(),
            }),
        notes: Vec::new(),
    }
}

async fn one(app: &App, connection: &Connection) -> Outcome<ConnectionView> {
    let sites = app.store.site_names(connection.workspace).await?;
    Ok(view(app, connection, &sites))
}

/// A token to connect.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewConnection {
    /// A Cloudflare API token with the five permissions.
    token: String,
    /// A name for people; the account's name unless given.
    name: Option<String>,
}

/// What is to be changed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConnectionPatch {
    /// Another name.
    name: Option<String>,
    /// A token in the place of the stored one; sites keep working.
    token: Option<String>,
}

/// Connect Cloudflare: the token is checked permission by permission; only a good one is stored.
#[utoipa::path(post, path = "/connections", tag = "connections", request_body = NewConnection,
    responses((status = 201, body = ConnectionView), Problems))]
async fn create(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(new): ApiJson<NewConnection>,
) -> Outcome<(StatusCode, Json<ConnectionView>)> {
    let connection = connections::connect(
        &app,
        caller.workspace,
        &new.token,
        new.name.as_deref(),
        UNWATCHED,
    )
    .await?;
    Ok((StatusCode::CREATED, Json(one(&app, &connection).await?)))
}

/// List connections.
#[utoipa::path(get, path = "/connections", tag = "connections", params(PageQuery),
    responses((status = 200, body = ListView<ConnectionView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Outcome<Json<ListView<ConnectionView>>> {
    let listed = connections::list(&app, caller.workspace, &page.page()?).await?;
    let sites = app.store.site_names(caller.workspace).await?;
    Ok(Json(ListView::of(listed, |connection| {
        view(&app, connection, &sites)
    })))
}

/// Read a connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ConnectionView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ConnectionView>> {
    let connection = connections::get(&app, caller.workspace, id(&text, "connection")?).await?;
    Ok(Json(one(&app, &connection).await?))
}

/// Rename a connection or replace its token.
#[utoipa::path(patch, path = "/connections/{id}", tag = "connections", params(("id" = String, Path)),
    request_body = ConnectionPatch, responses((status = 200, body = ConnectionView), Problems))]
async fn change(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(patch): ApiJson<ConnectionPatch>,
) -> Outcome<Json<ConnectionView>> {
    let id = id(&text, "connection")?;
    let mut connection = connections::get(&app, caller.workspace, id).await?;
    let mut notes = Vec::new();
    if let Some(token) = &patch.token {
        let replaced =
            connections::replace_token(&app, caller.workspace, id, token, UNWATCHED).await?;
        notes.push(replaced.kind.words(&replaced.connection));
        notes.extend(replaced.notes);
        connection = replaced.connection;
    }
    if let Some(name) = &patch.name {
        connection = connections::rename(&app, caller.workspace, id, name).await?;
    }
    let mut view = one(&app, &connection).await?;
    view.notes = notes;
    Ok(Json(view))
}

/// `?force=` or `?removeSites=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LeaveQuery {
    /// Also while sites use it: they keep running, unmanaged.
    #[serde(default)]
    force: bool,
    /// Remove every site of it first, then disconnect.
    #[serde(default)]
    remove_sites: bool,
}

/// The removals that come before a disconnection.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct LeavingView {
    /// One for each site; each is read under `/deployments/{id}`.
    deployments: Vec<DeploymentView>,
}

/// Disconnect: the sealed token is deleted. Refused while sites use it, unless forced (they keep running, unmanaged) or
/// `removeSites` is set: then 202 with their removals, and it is disconnected after the last of them.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", params(("id" = String, Path), LeaveQuery),
    responses((status = 204), (status = 202, body = LeavingView), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<LeaveQuery>,
) -> Outcome<Response> {
    let id = id(&text, "connection")?;
    if query.remove_sites && query.force {
        return Err(Problem::field(
            "force",
            "and removeSites exclude each other",
        ));
    }
    if query.remove_sites {
        let removals = connections::leave(&app, caller.workspace, id, &caller.name).await?;
        if !removals.is_empty() {
            let deployments = removals.iter().map(deployment_view).collect();
            let body = Json(LeavingView { deployments });
            return Ok((StatusCode::ACCEPTED, body).into_response());
        }
    }
    connections::disconnect(&app, caller.workspace, id, query.force).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Check the stored token again now.
#[utoipa::path(post, path = "/connections/{id}/check", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ConnectionView), Problems))]
async fn check(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ConnectionView>> {
    let id = id(&text, "connection")?;
    let connection = connections::check_now(&app, caller.workspace, id).await?;
    Ok(Json(one(&app, &connection).await?))
}

/// A zone and whether a site can be deployed to it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ZoneView {
    id: String,
    name: String,
    account_id: String,
    account_name: String,
    status: String,
    paused: bool,
    plan: Option<String>,
    deployable: bool,
    /// Why not.
    reason: Option<String>,
}

fn zone_view(choice: ZoneChoice) -> ZoneView {
    ZoneView {
        id: choice.zone.id.to_string(),
        name: choice.zone.name,
        account_id: choice.zone.account_id.to_string(),
        account_name: choice.account_name,
        status: choice.zone.status,
        paused: choice.zone.paused,
        plan: choice.zone.plan,
        deployable: choice.deployable,
        reason: choice.reason,
    }
}

/// Every zone of every account that the token reaches.
#[utoipa::path(get, path = "/connections/{id}/zones", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ListView<ZoneView>), Problems))]
async fn zones(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<ListView<ZoneView>>, Problem> {
    let choices = connections::zones(&app, caller.workspace, id(&text, "connection")?).await?;
    Ok(Json(ListView::whole(
        choices.into_iter().map(zone_view).collect(),
    )))
}
