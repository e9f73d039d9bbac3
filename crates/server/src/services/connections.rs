//! Connections: a token is checked, sealed and stored; it is opened again for calls to Cloudflare and for nothing else.

use super::{
    expiry_news,
    token_check::{self, TokenReport, UNWATCHED, Watch, check_routes, reachable_zone},
    token_text::{PastedToken, recognise},
    warnings,
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
use store::{Checked, Connection, FormerToken, Listed, Page, StoreError};
use uuid::Uuid;

mod leaving;
mod rules;
mod schedule;

pub(crate) use leaving::{call_back, disconnect, leave, let_go};
pub(crate) use schedule::after_failed_check;

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
        next_check_at: schedule::next_check(app, report.expires_at)?,
        leaving_since: None,
        former_token: None,
    };
    let stored = app.store.create_connection(&connection).await;
    if let Err(error) = stored {
        return Err(refusal(app, ws, error).await);
    }
    app.signals.wake_watching();
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

/// What became of a replacement.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    /// The connection as it is now.
    pub(crate) connection: Connection,
    /// How the new token is related to the old one.
    pub(crate) kind: ReplacementKind,
    /// What could not be made sure of, by name.
    pub(crate) notes: Vec<String>,
}

/// How a new token is related to the one that was stored before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplacementKind {
    /// Another token: the old one stays valid at Cloudflare until it is deleted there.
    Other,
    /// The same token with another text: it was rolled, and the old text is worth nothing any more.
    Rolled,
    /// The same text: it was edited, or pasted again.
    Same,
}

impl ReplacementKind {
    /// The word for a redirect.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Other => "replaced",
            Self::Rolled => "rolled",
            Self::Same => "same_token",
        }
    }

    /// What it means, in words.
    pub(crate) fn words(self, now: &Connection) -> String {
        match (self, &now.former_token) {
            (Self::Same, _) => "It is the token that was stored already: its text is the same, and its rights were read anew.".to_owned(),
            (Self::Rolled, _) => "It is the same token with a new text. The old text no longer works.".to_owned(),
            (Self::Other, Some(former)) => format!(
                "The old token (…{}) stays valid at Cloudflare until you delete it there.",
                former.hint
            ),
            (Self::Other, None) => "The old token stays valid at Cloudflare until you delete it there.".to_owned(),
        }
    }
}

/// Puts another token in the place of the stored one. It must do for every site that uses the connection, as far as the old
/// one did; the sites themselves are not touched.
pub(crate) async fn replace_token(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    raw_token: &str,
    watch: Watch<'_>,
) -> Outcome<Replacement> {
    let old = get(app, ws, id).await?;
    let pasted = recognise(raw_token)?;
    let report = token_check::check(&app.cloudflare, app.clock, &pasted, watch)
        .await?
        .require_good_enough()?;
    let sites = app.store.sites_of_connection(ws, id).await?;
    let api = app.cloudflare.with_token(pasted.token.clone());
    let notes = rules::suits_sites(&api, &old, &report, &sites).await?;
    let kind = if open_token(app, &old).is_ok_and(|token| token.expose() == pasted.token.expose()) {
        ReplacementKind::Same
    } else if old.token_id == report.token_id {
        ReplacementKind::Rolled
    } else {
        ReplacementKind::Other
    };
    let now = app.clock.now();
    let connection = Connection {
        token_stored_at: match kind {
            ReplacementKind::Same => old.token_stored_at,
            _ => now,
        },
        former_token: match kind {
            ReplacementKind::Other => Some(FormerToken {
                kind: old.token_kind,
                hint: old.token_hint.clone(),
                replaced_at: now,
            }),
            ReplacementKind::Rolled => None,
            ReplacementKind::Same => old.former_token.clone(),
        },
        token_id: report.token_id,
        token_kind: report.kind,
        token_hint: pasted.token.hint(),
        sealed_token: app
            .seal(&sealed_row(id), &Secret::new(pasted.token.expose()))
            .await?,
        status: ConnectionStatus::Ready,
        next_check_at: schedule::next_check(app, report.expires_at)?,
        expires_at: report.expires_at,
        accounts: report.accounts,
        zones: report.zones,
        permissions: report.permissions,
        checked_at: now,
        ..old
    };
    let is_there = match app.store.update_connection(ws, &connection).await {
        Ok(is_there) => is_there,
        Err(error) => return Err(refusal(app, ws, error).await),
    };
    if !is_there {
        return Err(Problem::not_found("connection", &id.to_string()));
    }
    app.signals.wake_watching();
    app.signals.wake_sync();
    tracing::info!(connection.id = %id, replacement = kind.word(), "replaced the token of a connection");
    Ok(Replacement {
        connection,
        kind,
        notes,
    })
}

/// Why the store did not take a token; one that is stored already says as which connection.
async fn refusal(app: &App, ws: WorkspaceId, error: StoreError) -> Problem {
    let StoreError::TokenTaken { connection: other } = error else {
        return error.into();
    };
    let name = match app.store.connection(ws, other).await {
        Ok(Some(other)) => other.name,
        _ => other.to_string(),
    };
    Problem::new(
        Code::ConnectionExists,
        format!("This token is connected already, as {name:?}. Nothing was stored."),
    )
    .cause("The same token was pasted before, or it was edited or rolled since: it is the same one to Cloudflare.")
    .remedy(format!("Use the connection {name:?}. After an edit at Cloudflare, press Check again there."))
    .remedy(format!("If the token was rolled, paste its new text with Replace token on the page of {name:?}."))
    .with_connection(other)
}

/// Forgets the token before the present one, once its owner deleted it at Cloudflare.
pub(crate) async fn forget_former_token(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
) -> Outcome<()> {
    if app.store.forget_former_token(ws, id).await? {
        Ok(())
    } else {
        Err(Problem::not_found("connection", &id.to_string()))
    }
}

/// Checks the stored token again and keeps what was found. A token that lost its rights or its life changes the status;
/// it is no error of this call. An outage of Cloudflare's is one, and changes nothing.
pub(crate) async fn check_now(app: &App, ws: WorkspaceId, id: ConnectionId) -> Outcome<Connection> {
    let mut connection = get(app, ws, id).await?;
    match open_token(app, &connection) {
        Err(_) => connection.status = ConnectionStatus::Unreadable,
        Ok(token) => {
            let pasted = PastedToken {
                is_account_owned: connection.token_kind == domain::connection::TokenKind::Account,
                token,
                cleaned: Vec::new(),
            };
            match token_check::check(&app.cloudflare, app.clock, &pasted, UNWATCHED).await {
                Ok(report) => take_findings(&mut connection, report),
                Err(problem) => {
                    connection.status = status_after(&problem, connection.expires_at, app)?;
                }
            }
        }
    }
    connection.checked_at = app.clock.now();
    connection.next_check_at = schedule::next_check(app, connection.expires_at)?;
    let stored = app
        .store
        .record_check(ws, &connection, |before| {
            expiry_news::status_changed(
                app,
                &warnings::glance_at(&connection),
                before,
                connection.checked_at,
            )
        })
        .await?;
    match stored {
        Checked::Stored { before } if before != connection.status => {
            tracing::warn!(connection.id = %id, from = ?before, to = ?connection.status, "the state of a connection changed");
            app.signals.wake_watching();
            Ok(connection)
        }
        Checked::Stored { .. } => Ok(connection),
        // Another token was stored during the check: that one counts.
        Checked::Outdated => get(app, ws, id).await,
    }
}

fn take_findings(connection: &mut Connection, report: TokenReport) {
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

/// The connection of a site; its own problem when that is gone.
pub(crate) async fn of_site(app: &App, site: &store::Site) -> Outcome<Connection> {
    app.store
        .connection(site.workspace, site.connection)
        .await?
        .ok_or_else(|| {
            Problem::new(
                Code::InvalidState,
                format!("The site {} has no connection.", site.name),
            )
            .cause("Its connection was disconnected, and the site was left running unmanaged. It keeps serving what is published.")
            .remedy("Connect a token that reaches the site's account, then choose it in the site's Settings, under Connection.")
        })
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
