//! `/connections`.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery, id},
    app::AppState,
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        connections::{self, ZoneChoice},
        token_check::{UNWATCHED, permissions_json},
        token_text::cleaned_away,
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Connection;
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
    expires_at: Option<String>,
    #[schema(value_type = Vec<Value>)]
    accounts: Vec<domain::connection::ReachableAccount>,
    /// `{name, scope, level, accountId?, zoneId?, granted (yes, no, unknown), detail, fixUrl}` each.
    #[schema(value_type = Vec<Value>)]
    permissions: Value,
    created_at: String,
    checked_at: String,
}

fn view(connection: &Connection) -> ConnectionView {
    ConnectionView {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        status: connection.status,
        token_kind: connection.token_kind,
        token_hint: connection.token_hint.clone(),
        expires_at: connection.expires_at.map(rfc3339),
        accounts: connection.accounts.clone(),
        permissions: permissions_json(&connection.permissions),
        created_at: rfc3339(connection.created_at),
        checked_at: rfc3339(connection.checked_at),
    }
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

/// A connection after a token was given for it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct GivenView {
    #[serde(flatten)]
    connection: ConnectionView,
    /// What was cleaned away from the token as it was given, in words; not there when nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    cleaned: Vec<&'static str>,
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
    responses((status = 201, body = GivenView), Problems))]
async fn create(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(new): ApiJson<NewConnection>,
) -> Outcome<(StatusCode, Json<GivenView>)> {
    let connection = connections::connect(
        &app,
        caller.workspace,
        &new.token,
        new.name.as_deref(),
        UNWATCHED,
    )
    .await?;
    let given = GivenView {
        connection: view(&connection),
        cleaned: cleaned_away(&new.token),
    };
    Ok((StatusCode::CREATED, Json(given)))
}

/// List connections.
#[utoipa::path(get, path = "/connections", tag = "connections", params(PageQuery),
    responses((status = 200, body = ListView<ConnectionView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Outcome<Json<ListView<ConnectionView>>> {
    Ok(Json(ListView::of(
        connections::list(&app, caller.workspace, &page.page()?).await?,
        view,
    )))
}

/// Read a connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ConnectionView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ConnectionView>> {
    Ok(Json(view(
        &connections::get(&app, caller.workspace, id(&text, "connection")?).await?,
    )))
}

/// Rename a connection or replace its token.
#[utoipa::path(patch, path = "/connections/{id}", tag = "connections", params(("id" = String, Path)),
    request_body = ConnectionPatch, responses((status = 200, body = GivenView), Problems))]
async fn change(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(patch): ApiJson<ConnectionPatch>,
) -> Outcome<Json<GivenView>> {
    let id = id(&text, "connection")?;
    let mut connection = connections::get(&app, caller.workspace, id).await?;
    if let Some(token) = &patch.token {
        connection =
            connections::replace_token(&app, caller.workspace, id, token, UNWATCHED).await?;
    }
    if let Some(name) = &patch.name {
        connection = connections::rename(&app, caller.workspace, id, name).await?;
    }
    Ok(Json(GivenView {
        connection: view(&connection),
        cleaned: patch.token.as_deref().map_or_else(Vec::new, cleaned_away),
    }))
}

/// `?force=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ForceQuery {
    /// Also while sites use it: they keep running, unmanaged.
    #[serde(default)]
    force: bool,
}

/// Disconnect: the sealed token is deleted. Refused while sites use it, unless forced.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", params(("id" = String, Path), ForceQuery),
    responses((status = 204), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<ForceQuery>,
) -> Outcome<StatusCode> {
    connections::disconnect(
        &app,
        caller.workspace,
        id(&text, "connection")?,
        query.force,
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check the stored token again now.
#[utoipa::path(post, path = "/connections/{id}/check", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ConnectionView), Problems))]
async fn check(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ConnectionView>> {
    Ok(Json(view(
        &connections::check_now(&app, caller.workspace, id(&text, "connection")?).await?,
    )))
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
