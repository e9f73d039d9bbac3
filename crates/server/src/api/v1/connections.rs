//! `/connections`.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery, id},
    app::AppState,
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        connections,
        token_check::{UNWATCHED, permissions_json},
        token_text::cleaned_away,
        zones::{self, Judge, Search, Want, ZoneChoice},
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
    accounts: Vec<AccountView>,
    /// `{name, scope, level, accountId?, zoneId?, granted (yes, no, unknown), detail, fixUrl}` each.
    #[schema(value_type = Vec<Value>)]
    permissions: Value,
    created_at: String,
    checked_at: String,
}

/// An account that the token reaches.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct AccountView {
    id: String,
    name: String,
    /// Whether it is used; all are unless some were chosen.
    chosen: bool,
}

fn view(connection: &Connection) -> ConnectionView {
    let judge = Judge::of(connection);
    ConnectionView {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        status: connection.status,
        token_kind: connection.token_kind,
        token_hint: connection.token_hint.clone(),
        expires_at: connection.expires_at.map(rfc3339),
        accounts: connection
            .accounts
            .iter()
            .map(|account| AccountView {
                id: account.id.to_string(),
                name: account.name.clone(),
                chosen: judge.uses(&account.id),
            })
            .collect(),
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
    /// The ids of the accounts to use; all of them: also those that the token reaches later.
    accounts: Option<Vec<String>>,
}

/// Connect Cloudflare: the token is checked permission by permission; only a good one is stored.
#[utoipa::path(post, path = "/connections", tag = "connections", request_body = NewConnection,
    responses((status = 201, body = GivenView), Problems))]
async fn create(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(new): ApiJson<NewConnection>,
) -> Outcome<(StatusCode, Json<GivenView>)> {
    let outcome = connections::connect(
        &app,
        caller.workspace,
        &new.token,
        new.name.as_deref(),
        UNWATCHED,
    )
    .await;
    audit::record_token(&app, &caller.actor, None, &outcome).await;
    let given = GivenView {
        connection: view(&outcome?),
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

/// Rename a connection, replace its token, or choose which of its accounts are used.
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
        let outcome =
            connections::replace_token(&app, caller.workspace, id, token, UNWATCHED).await;
        audit::record_token(&app, &caller.actor, Some(&connection), &outcome).await;
        connection = outcome?;
    }
    if let Some(accounts) = &patch.accounts {
        connection = zones::choose_accounts(&app, caller.workspace, id, accounts).await?;
    }
    if let Some(name) = &patch.name {
        let former = connection.name;
        connection = connections::rename(&app, caller.workspace, id, name).await?;
        let event = Event::connection(Kind::ConnectionRenamed, &connection);
        audit::record(&app, &caller.actor, event.with("formerName", former)).await;
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
    let id = id(&text, "connection")?;
    let connection = connections::get(&app, caller.workspace, id).await?;
    connections::disconnect(&app, caller.workspace, id, query.force).await?;
    let event = Event::connection(Kind::ConnectionDisconnected, &connection);
    audit::record(&app, &caller.actor, event.with("force", query.force)).await;
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
    let connection =
        connections::check_now(&app, caller.workspace, id(&text, "connection")?).await?;
    let event = Event::connection(Kind::ConnectionChecked, &connection);
    audit::record(&app, &caller.actor, event).await;
    Ok(Json(view(&connection)))
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
    /// As far as is known: routes that were not asked yet may still turn out to be refused.
    deployable: bool,
    /// Why not.
    reason: Option<String>,
    /// *Workers Routes: Edit* on this zone: `yes`, `no` or `unknown`.
    #[schema(value_type = String)]
    routes: domain::connection::Granted,
    /// The evidence, or why it is unknown.
    routes_detail: String,
}

fn zone_view(choice: ZoneChoice) -> ZoneView {
    ZoneView {
        deployable: choice.is_deployable(),
        reason: choice.reason(),
        id: choice.zone.id.to_string(),
        name: choice.zone.name,
        account_id: choice.zone.account_id.to_string(),
        account_name: choice.account_name,
        status: choice.zone.status,
        paused: choice.zone.paused,
        plan: choice.zone.plan,
        routes: choice.routes,
        routes_detail: choice.routes_detail,
    }
}

/// Zones, and when they were read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ZoneListView {
    items: Vec<ZoneView>,
    /// Send it as `cursor` for the next part; null at the end.
    next_cursor: Option<String>,
    /// When they were read at Cloudflare.
    read_at: Option<String>,
}

/// Which zones.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ZonesQuery {
    /// How many items, 1 to 200; all unless told (50 with a cursor).
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// A part of the name, in upper or lower case.
    q: Option<String>,
    /// Of this account.
    account_id: Option<String>,
    /// Only deployable ones, or only the others.
    deployable: Option<bool>,
    /// Read them at Cloudflare now.
    #[serde(default)]
    refresh: bool,
}

impl ZonesQuery {
    /// Everything is read now, as long as that is cheap; a part comes from what was read some minutes ago; a walk through
    /// pages is not disturbed.
    fn want(&self) -> Want {
        if self.refresh {
            Want::Now
        } else if *self == Self::default() {
            Want::Fresh
        } else if self.cursor.is_some() {
            Want::Kept
        } else {
            Want::Recent
        }
    }
}

/// The zones of every account that the token reaches: without parameters all, those that can be deployed to first; a part
/// of them by name.
#[utoipa::path(get, path = "/connections/{id}/zones", tag = "connections", params(("id" = String, Path), ZonesQuery),
    responses((status = 200, body = ZoneListView), Problems))]
async fn zones(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<ZonesQuery>,
) -> Result<Json<ZoneListView>, Problem> {
    let mut connection = connections::get(&app, caller.workspace, id(&text, "connection")?).await?;
    let account = query
        .account_id
        .as_ref()
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Problem::field("accountId", "is no account's id"))?;
    let want = query.want();
    let search = Search {
        text: query.q,
        account,
        deployable: query.deployable,
    };
    let page = match (query.limit, &query.cursor) {
        (None, None) => None,
        _ => Some(
            PageQuery {
                limit: query.limit,
                cursor: query.cursor,
            }
            .page()?,
        ),
    };
    let reading = zones::ensure(&app, &mut connection, want).await?;
    let (choices, next_cursor) = match page {
        None => (zones::all(&app, &connection, search).await?, None),
        Some(page) => {
            let listed = zones::page(&app, &connection, search, &page).await?;
            (listed.items, listed.next)
        }
    };
    Ok(Json(ZoneListView {
        items: choices.into_iter().map(zone_view).collect(),
        next_cursor,
        read_at: reading.read_at.map(rfc3339),
    }))
}
