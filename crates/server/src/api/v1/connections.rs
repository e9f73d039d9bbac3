//! `/connections`.

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
    services::{
        connections,
        token_check::{UNWATCHED, optional_json, permissions_json},
        token_text::cleaned_away,
        token_url,
        warnings::{self, Warning},
        zones::{self, Judge, Search, Want, ZoneChoice},
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
    accounts: Vec<AccountView>,
    /// `{name, scope, level, accountId?, zoneId?, granted (yes, no, unknown), detail, fixUrl}` each.
    #[schema(value_type = Vec<Value>)]
    permissions: Value,
    /// What is not needed, in the same shape: *Account Analytics: Read*, for sites whose visits are kept in Analytics Engine.
    #[schema(value_type = Vec<Value>)]
    optional_permissions: Value,
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

/// An account that the token reaches.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct AccountView {
    id: String,
    name: String,
    /// Whether it is used; all are unless some were chosen.
    chosen: bool,
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
    let judge = Judge::of(connection);
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
        optional_permissions: optional_json(&connection.permissions, connection.token_kind),
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
    audit::record_token(&app, &caller.actor, None, &outcome, false).await;
    let given = GivenView {
        connection: one(&app, &outcome?).await?,
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
    let mut notes = Vec::new();
    if let Some(token) = &patch.token {
        let outcome =
            connections::replace_token(&app, caller.workspace, id, token, UNWATCHED).await;
        let stored = outcome.as_ref().map(|it| it.connection.clone());
        let stored = stored.map_err(Clone::clone);
        let is_same = outcome
            .as_ref()
            .is_ok_and(|it| it.kind == connections::ReplacementKind::Same);
        audit::record_token(&app, &caller.actor, Some(&connection), &stored, is_same).await;
        let replaced = outcome?;
        notes.push(replaced.kind.words(&replaced.connection));
        notes.extend(replaced.notes);
        connection = replaced.connection;
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
        connection: ConnectionView {
            notes,
            ..one(&app, &connection).await?
        },
        cleaned: patch.token.as_deref().map_or_else(Vec::new, cleaned_away),
    }))
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
        let connection = connections::get(&app, caller.workspace, id).await?;
        let removals = connections::leave(&app, caller.workspace, id, &caller.name).await?;
        if !removals.is_empty() {
            audit::record_leaving(&app, &caller.actor, &connection, &removals).await;
            let deployments = removals.iter().map(deployment_view).collect();
            let body = Json(LeavingView { deployments });
            return Ok((StatusCode::ACCEPTED, body).into_response());
        }
    }
    let gone = connections::disconnect(&app, caller.workspace, id, query.force).await?;
    let event = Event::connection(Kind::ConnectionDisconnected, &gone);
    audit::record(&app, &caller.actor, event.with("force", query.force)).await;
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
    let event = Event::connection(Kind::ConnectionChecked, &connection);
    audit::record(&app, &caller.actor, event).await;
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
