//! Connections: a token is checked, sealed and stored; it is opened again for calls to Cloudflare and for nothing else.

use super::{
    token_check::{self, TokenReport, UNWATCHED, Watch},
    token_text::{PastedToken, recognise},
    zones,
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
use store::{Connection, Listed, Page};
use uuid::Uuid;

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
    let (found, permissions) = zones::split(&report.zones, report.permissions, now);
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
    };
    app.store.create_connection(&connection).await?;
    zones::keep(app, &connection, &found).await;
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
    let now = app.clock.now();
    let (found, permissions) = zones::split(&report.zones, report.permissions, now);
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
        permissions,
        checked_at: now,
        ..old
    };
    app.store.update_connection(ws, &connection).await?;
    zones::keep(app, &connection, &found).await;
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
    let mut found = None;
    match token_check::check(&app.cloudflare, app.clock, &pasted, UNWATCHED).await {
        Ok(report) => {
            connection.status = if is_good_enough(&report.permissions) {
                ConnectionStatus::Ready
            } else {
                ConnectionStatus::Incomplete
            };
            connection.expires_at = report.expires_at;
            connection.accounts = report.accounts;
            let (zones, permissions) =
                zones::split(&report.zones, report.permissions, app.clock.now());
            connection.permissions = permissions;
            found = Some(zones);
        }
        Err(problem) => connection.status = status_after(&problem, connection.expires_at, app)?,
    }
    connection.checked_at = app.clock.now();
    app.store.update_connection(ws, &connection).await?;
    if let Some(found) = found {
        zones::keep(app, &connection, &found).await;
    }
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
