//! Connections: a token is checked, sealed and stored; it is opened again for calls to Cloudflare and for nothing else.

use super::{
    expiry_news,
    token_check::{self, TokenReport, UNWATCHED, Watch},
    token_text::{PastedToken, recognise},
    warnings, zones,
};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    vault::{SealedRow, VaultError},
};
use cloudflare::{Api, ApiToken};
use domain::{
    connection::{ConnectionStatus, is_good_enough},
    ids::{ConnectionId, WorkspaceId},
    names::DisplayName,
    secret::Secret,
};
use store::{Checked, Connection, ConnectionZone, FormerToken, Listed, Page, StoreError};
use uuid::Uuid;

mod leaving;
mod rules;
mod schedule;

pub(crate) use leaving::{call_back, disconnect, leave, let_go};
pub(crate) use schedule::after_failed_check;

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
    let name = name.unwrap_or_else(|| default_name(&report));
    let (found, permissions) = zones::split(&report.zones, report.all_checks(), now);
    let connection = Connection {
        id,
        workspace: ws,
        name,
        token_id: report.token_id,
        token_kind: report.kind,
        token_hint: pasted.token.hint(),
        sealed_token: app
            .seal(&sealed_row(id), &Secret::new(pasted.token.expose()))
            .await?,
        status: ConnectionStatus::Ready,
        expires_at: report.expires_at,
        accounts: report.accounts,
        chosen_accounts: None,
        permissions,
        created_at: now,
        checked_at: now,
        zones_read_at: None,
        token_stored_at: now,
        next_check_at: schedule::next_check(app, report.expires_at)?,
        leaving_since: None,
        former_token: None,
    };
    if let Err(error) = app.store.create_connection(&connection).await {
        return Err(refusal(app, ws, error).await);
    }
    zones::keep(app, &connection, &found).await;
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
    let listed = app.store.list_connections(ws, page).await?;
    Ok(listed.map(|connection| as_readable(app, connection)))
}

/// Whether the token can be opened is known only by opening it: what was stored of that may be older than the vault's
/// key or the damage.
fn as_readable(app: &App, mut connection: Connection) -> Connection {
    let was_unreadable = connection.status == ConnectionStatus::Unreadable;
    if let Err(error) = app
        .vault
        .open(&sealed_row(connection.id), &connection.sealed_token)
    {
        if !was_unreadable {
            tracing::debug!(connection.id = %connection.id, %error, "the token of a connection cannot be opened");
        }
        connection.status = ConnectionStatus::Unreadable;
    } else if was_unreadable {
        connection.status = if is_good_enough(&connection.permissions) {
            ConnectionStatus::Ready
        } else {
            ConnectionStatus::Incomplete
        };
    }
    connection
}

/// A connection, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId, id: ConnectionId) -> Outcome<Connection> {
    app.store
        .connection(ws, id)
        .await?
        .map(|connection| as_readable(app, connection))
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
    let notes = rules::suits_sites(app, &api, &old, &report, &sites).await?;
    let kind = if open_token(app, &old).is_ok_and(|token| token.expose() == pasted.token.expose()) {
        ReplacementKind::Same
    } else if old.token_id == report.token_id {
        ReplacementKind::Rolled
    } else {
        ReplacementKind::Other
    };
    let now = app.clock.now();
    let (found, permissions) = zones::split(&report.zones, report.all_checks(), now);
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
        permissions,
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
    zones::keep(app, &connection, &found).await;
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
    let mut found = None;
    match open_token(app, &connection) {
        Err(_) => connection.status = ConnectionStatus::Unreadable,
        Ok(token) => {
            let pasted = PastedToken {
                is_account_owned: connection.token_kind == domain::connection::TokenKind::Account,
                token,
                cleaned: Vec::new(),
            };
            match token_check::check(&app.cloudflare, app.clock, &pasted, UNWATCHED).await {
                Ok(report) => found = Some(take_findings(app, &mut connection, report)),
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
    if let (Checked::Stored { .. }, Some(found)) = (stored, found) {
        zones::keep(app, &connection, &found).await;
    }
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

/// Puts what a check found into the connection; gives the zones, which are kept beside it.
fn take_findings(
    app: &App,
    connection: &mut Connection,
    report: TokenReport,
) -> Vec<ConnectionZone> {
    connection.status = if is_good_enough(&report.permissions) {
        ConnectionStatus::Ready
    } else {
        ConnectionStatus::Incomplete
    };
    connection.expires_at = report.expires_at;
    let (found, permissions) = zones::split(&report.zones, report.all_checks(), app.clock.now());
    connection.accounts = report.accounts;
    connection.permissions = permissions;
    found
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

fn unreadable(connection: &Connection, error: &VaultError) -> Problem {
    Problem::new(
        Code::TokenUnreadable,
        format!(
            "The stored token of the connection {} cannot be opened: {error}.",
            connection.name
        ),
    )
    .cause("The stored record was damaged, or was sealed under a key that this database no longer uses.")
    .remedy(format!(
        "Reconnect: paste a token of the same account under Replace token (/connections/{}/token, or PATCH the connection). Its sites stay as they are.",
        connection.id
    ))
    .remedy("Or restore a backup from before.")
}

fn open_token(app: &App, connection: &Connection) -> Outcome<ApiToken> {
    match app
        .vault
        .open(&sealed_row(connection.id), &connection.sealed_token)
    {
        Ok(secret) => Ok(ApiToken::new(secret.expose())),
        Err(error) => Err(unreadable(connection, &error)),
    }
}

/// The connection's access to Cloudflare's API.
pub(crate) fn api_for(app: &App, connection: &Connection) -> Outcome<Api> {
    Ok(app.cloudflare.with_token(open_token(app, connection)?))
}
