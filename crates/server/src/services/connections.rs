//! Connections: a token is checked, sealed and stored; it is opened again for calls to Cloudflare and for nothing else.

use super::{
    token_check::{self, TokenReport, UNWATCHED, Watch, check_routes, reachable_zone},
    token_text::{PastedToken, recognise},
};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    vault::SealedRow,
};
use cloudflare::{Api, ApiToken};
use domain::{
    connection::{ConnectionStatus, Granted, Permission, ReachableZone, is_good_enough},
    ids::{AccountId, ConnectionId, WorkspaceId},
    names::DisplayName,
    secret::Secret,
};
use store::{Connection, Listed, Page};
use uuid::Uuid;

/// A zone that could be chosen for a site.
#[derive(Debug, Clone)]
pub(crate) struct ZoneChoice {
    /// The zone.
    pub(crate) zone: ReachableZone,
    /// Its account's name.
    pub(crate) account_name: String,
    /// Whether a site can be deployed to it.
    pub(crate) deployable: bool,
    /// Why not.
    pub(crate) reason: Option<String>,
}

fn sealed_row(id: ConnectionId) -> SealedRow {
    SealedRow {
        table: "connections",
        column: "sealed_token",
        id: id.to_string(),
    }
}

/// Checks a pasted token and stores it sealed. Nothing is stored when it is not good enough.
pub(crate) async fn connect(
    app: &App,
    ws: WorkspaceId,
    raw_token: &str,
    name: Option<&str>,
    watch: Watch<'_>,
) -> Outcome<Connection> {
    let name = name.map(parse_name).transpose()?;
    let pasted = recognise(raw_token)?;
    let report = token_check::check(&app.cloudflare, app.clock, &pasted, watch)
        .await?
        .require_good_enough()?;
    let id = ConnectionId::from_uuid(Uuid::now_v7());
    let now = app.clock.now();
    let connection = Connection {
        id,
        workspace: ws,
        name: name.unwrap_or_else(|| default_name(&report)),
        token_id: report.token_id,
        token_kind: report.kind,
        token_hint: pasted.token.hint(),
        sealed_token: app
            .seal(&sealed_row(id), &Secret::new(pasted.token.expose()))
            .await?,
        status: ConnectionStatus::Ready,
        expires_at: report.expires_at,
        accounts: report.accounts,
        zones: report.zones,
        permissions: report.permissions,
        created_at: now,
        checked_at: now,
        token_stored_at: now,
        next_check_at: now.plus_seconds(6 * 3_600),
        leaving_since: None,
        former_token: None,
    };
    app.store.create_connection(&connection).await?;
    tracing::info!(connection.id = %id, "connected Cloudflare");
    Ok(connection)
}

fn parse_name(text: &str) -> Outcome<String> {
    text.parse::<DisplayName>()
        .map(String::from)
        .map_err(|error| Problem::field("name", error.to_string()))
}

fn default_name(report: &TokenReport) -> String {
    match report.accounts.as_slice() {
        [only] => only.name.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
        [] => "Cloudflare".to_owned(),
    }
}

/// One page of the connections.
pub(crate) async fn list(app: &App, ws: WorkspaceId, page: &Page) -> Outcome<Listed<Connection>> {
    Ok(app.store.list_connections(ws, page).await?)
}

/// A connection, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId, id: ConnectionId) -> Outcome<Connection> {
    app.store
        .connection(ws, id)
        .await?
        .ok_or_else(|| Problem::not_found("connection", &id.to_string()))
}

/// Gives a connection another name.
pub(crate) async fn rename(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    name: &str,
) -> Outcome<Connection> {
    let name = parse_name(name)?;
    app.store.rename_connection(ws, id, &name).await?;
    get(app, ws, id).await
}

/// Puts another token in the place of the stored one. It must reach the account of every site that uses the connection;
/// the sites themselves are not touched.
pub(crate) async fn replace_token(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    raw_token: &str,
    watch: Watch<'_>,
) -> Outcome<Connection> {
    let old = get(app, ws, id).await?;
    let pasted = recognise(raw_token)?;
    let report = token_check::check(&app.cloudflare, app.clock, &pasted, watch)
        .await?
        .require_good_enough()?;
    for site in app.store.sites_of_connection(ws, id).await? {
        if !report
            .accounts
            .iter()
            .any(|account| account.id == site.account)
        {
            return Err(Problem::new(
                Code::InvalidState,
                format!(
                    "The new token does not reach the account of the site {}; the old token stays.",
                    site.name
                ),
            )
            .cause("It was made in another account, or Account Resources leave this one out.")
            .remedy(
                "Make the token in the same account, or connect it as a connection of its own.",
            ));
        }
    }
    let connection = Connection {
        token_id: report.token_id,
        token_kind: report.kind,
        token_hint: pasted.token.hint(),
        sealed_token: app
            .seal(&sealed_row(id), &Secret::new(pasted.token.expose()))
            .await?,
        status: ConnectionStatus::Ready,
        expires_at: report.expires_at,
        accounts: report.accounts,
        zones: report.zones,
        permissions: report.permissions,
        checked_at: app.clock.now(),
        token_stored_at: app.clock.now(),
        ..old
    };
    app.store.update_connection(ws, &connection).await?;
    tracing::info!(connection.id = %id, "replaced the token of a connection");
    Ok(connection)
}

/// Checks the stored token again and keeps what was found. A token that lost its rights or its life changes the status;
/// it is no error of this call.
pub(crate) async fn check_now(app: &App, ws: WorkspaceId, id: ConnectionId) -> Outcome<Connection> {
    let mut connection = get(app, ws, id).await?;
    let Ok(token) = open_token(app, &connection) else {
        connection.status = ConnectionStatus::Unreadable;
        connection.checked_at = app.clock.now();
        app.store.update_connection(ws, &connection).await?;
        return Ok(connection);
    };
    let pasted = PastedToken {
        is_account_owned: connection.token_kind == domain::connection::TokenKind::Account,
        token,
        cleaned: Vec::new(),
    };
    match token_check::check(&app.cloudflare, app.clock, &pasted, UNWATCHED).await {
        Ok(report) => {
            connection.status = if is_good_enough(&report.permissions) {
                ConnectionStatus::Ready
            } else {
                ConnectionStatus::Incomplete
            };
            connection.expires_at = report.expires_at;
            connection.accounts = report.accounts;
            connection.zones = report.zones;
            connection.permissions = report.permissions;
        }
        Err(problem) => connection.status = status_after(&problem, connection.expires_at, app)?,
    }
    connection.checked_at = app.clock.now();
    app.store.update_connection(ws, &connection).await?;
    Ok(connection)
}

/// The status that a refusal means; a problem that says nothing about the token is passed on.
fn status_after(
    problem: &Problem,
    expires_at: Option<domain::time::Millis>,
    app: &App,
) -> Outcome<ConnectionStatus> {
    match problem.code {
        Code::TokenExpired => Ok(ConnectionStatus::Expired),
        Code::TokenDisabled => Ok(ConnectionStatus::Disabled),
        Code::InvalidToken if expires_at.is_some_and(|at| at <= app.clock.now()) => {
            Ok(ConnectionStatus::Expired)
        }
        // Cloudflare answers a deleted and a disabled token alike: it is off, whatever the reason.
        Code::InvalidToken => Ok(ConnectionStatus::Disabled),
        Code::InsufficientPermissions | Code::NoAccounts | Code::TokenIpRestricted => {
            Ok(ConnectionStatus::Incomplete)
        }
        _ => Err(problem.clone()),
    }
}

/// Removes a connection and its sealed token. Refuses while sites use it, unless forced: those sites then stay in the
/// account as they are and cannot be managed until another connection reaches them.
pub(crate) async fn disconnect(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    force: bool,
) -> Outcome<()> {
    get(app, ws, id).await?;
    let sites = app.store.sites_of_connection(ws, id).await?;
    if !force && !sites.is_empty() {
        let names: Vec<&str> = sites.iter().map(|site| site.name.as_str()).collect();
        return Err(Problem::new(
            Code::ConnectionInUse,
            format!("The connection is used by: {}.", names.join(", ")),
        )
        .cause("Without the token these sites could not be deployed, changed or removed.")
        .remedy("Remove the sites first.")
        .remedy("Or disconnect with force: the sites keep running as they are, but are no longer managed."));
    }
    app.store.delete_connection(ws, id).await?;
    tracing::info!(connection.id = %id, "disconnected");
    Ok(())
}

fn open_token(app: &App, connection: &Connection) -> Outcome<ApiToken> {
    let secret = app
        .vault
        .open(&sealed_row(connection.id), &connection.sealed_token)?;
    Ok(ApiToken::new(secret.expose()))
}

/// The connection's access to Cloudflare's API.
pub(crate) fn api_for(app: &App, connection: &Connection) -> Outcome<Api> {
    Ok(app.cloudflare.with_token(open_token(app, connection)?))
}

/// Every zone of every account, read now, with whether a site can be deployed to it.
pub(crate) async fn zones(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
) -> Outcome<Vec<ZoneChoice>> {
    let connection = get(app, ws, id).await?;
    let api = api_for(app, &connection)?;
    let zones = api.list_zones(&cloudflare::ZoneFilter::default()).await?;
    let mut choices: Vec<ZoneChoice> = zones
        .iter()
        .filter_map(reachable_zone)
        .map(|zone| choice(&connection, zone))
        .collect();
    choices.sort_by(|a, b| {
        b.deployable
            .cmp(&a.deployable)
            .then_with(|| a.zone.name.cmp(&b.zone.name))
    });
    Ok(choices)
}

/// One zone, read now and with its route permission asked if that was not done yet.
pub(crate) async fn zone(
    app: &App,
    connection: &Connection,
    zone: &domain::ids::ZoneId,
) -> Outcome<ZoneChoice> {
    let api = api_for(app, connection)?;
    let found = match api.get_zone(&token_check::to_zone(zone)).await {
        Ok(found) => reachable_zone(&found),
        Err(error) if error.is_not_found() || error.is_forbidden() => None,
        Err(error) => return Err(error.into()),
    };
    let Some(found) = found else {
        return Err(Problem::field(
            "zoneId",
            "is not a zone that this connection's token reaches",
        ));
    };
    let mut connection = connection.clone();
    let is_known = connection.permissions.iter().any(|check| {
        check.permission == Permission::WorkersRoutes
            && check.zone_id.as_ref() == Some(&found.id)
            && check.granted != Granted::Unknown
    });
    if !is_known {
        connection
            .permissions
            .push(check_routes(&api, &found).await);
    }
    Ok(choice(&connection, found))
}

fn choice(connection: &Connection, zone: ReachableZone) -> ZoneChoice {
    let reason = reason_against(connection, &zone);
    ZoneChoice {
        account_name: connection
            .accounts
            .iter()
            .find(|account| account.id == zone.account_id)
            .map_or_else(
                || zone.account_id.to_string(),
                |account| account.name.clone(),
            ),
        deployable: reason.is_none(),
        reason,
        zone,
    }
}

fn reason_against(connection: &Connection, zone: &ReachableZone) -> Option<String> {
    if zone.status != "active" {
        return Some(format!(
            "The zone is {}, so no traffic reaches it yet. Finish its set-up at Cloudflare.",
            zone.status
        ));
    }
    if zone.paused {
        return Some(
            "The zone is paused: Cloudflare answers only DNS for it and runs no Worker.".to_owned(),
        );
    }
    let account_refuses = |permission: Permission, account: &AccountId| {
        connection.permissions.iter().any(|check| {
            check.permission == permission
                && check.account_id.as_ref() == Some(account)
                && check.granted == Granted::No
        })
    };
    for permission in [
        Permission::WorkersScripts,
        Permission::WorkersKvStorage,
        Permission::AccountSettings,
    ] {
        if account_refuses(permission, &zone.account_id) {
            return Some(format!(
                "The token lacks {}: {} in this account.",
                permission.name(),
                token_check::level_word(permission)
            ));
        }
    }
    let routes_refused = connection.permissions.iter().any(|check| {
        check.permission == Permission::WorkersRoutes
            && check.zone_id.as_ref() == Some(&zone.id)
            && check.granted == Granted::No
    });
    routes_refused.then(|| "The token lacks Workers Routes: Edit on this zone.".to_owned())
}
