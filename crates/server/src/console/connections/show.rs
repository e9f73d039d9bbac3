//! Reading: the list, and one connection with its zones and permissions.

use super::{
    AccountNames, ConnectionPage, ConnectionRow, ConnectionsPage, Named,
    matrix::{self, AccountForm},
    zones::{self as zone_part, Place, ZoneForm},
};
use crate::{
    console::{
        desk::{Desk, id, page, refused},
        parts::{ProblemPanel, Stamp, When, count, plural},
    },
    problem::{Outcome, Problem},
    services::{connections, token_url, zones::Judge},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Response},
};
use domain::{
    connection::{ConnectionStatus, TokenKind},
    ids::ConnectionId,
};
use store::{Connection, Page, Site};

/// As many connections are listed.
const ROWS: u32 = 200;

/// The list.
pub(crate) async fn index(desk: Desk) -> Result<Response, Problem> {
    let now = desk.now();
    let listed = connections::list(desk.app(), desk.ws(), &Page::first(ROWS)).await?;
    let zones = desk
        .app()
        .store
        .count_zones_of_connections(desk.ws())
        .await?;
    let rows = listed
        .items
        .into_iter()
        .map(|connection| ConnectionRow {
            id: connection.id.to_string(),
            state: connection.status.into(),
            accounts: account_names(&connection).join(", "),
            hint: connection.token_hint,
            zones: count(zones.get(&connection.id).copied().unwrap_or_default()),
            expires: connection.expires_at.map(|at| When { at, now }),
            checked: When {
                at: connection.checked_at,
                now,
            },
            name: connection.name,
        })
        .collect();
    Ok(page(&ConnectionsPage {
        shell: desk.shell("connections"),
        rows,
    }))
}

/// One connection.
pub(crate) async fn show(
    desk: Desk,
    Path(text): Path<String>,
    Query(zones): Query<ZoneForm>,
    Query(accounts): Query<AccountForm>,
) -> Result<Response, Problem> {
    let connection_id = id(&text, "connection")?;
    let wanted = Wanted {
        zones,
        accounts,
        ..Wanted::default()
    };
    Ok(page(&view(&desk, connection_id, wanted, None).await?))
}

/// What of the long lists is wanted, and what went wrong with them.
#[derive(Default)]
struct Wanted {
    zones: ZoneForm,
    accounts: AccountForm,
    zones_problem: Option<ProblemPanel>,
    accounts_problem: Option<ProblemPanel>,
}

/// The page of one connection with a problem on it.
pub(super) async fn with_problem(
    desk: &Desk,
    connection: ConnectionId,
    problem: Problem,
) -> Response {
    let panel = Some(ProblemPanel::new(problem));
    match view(desk, connection, Wanted::default(), panel).await {
        Ok(view) => refused(&view, view.problem.as_ref()),
        Err(problem) => problem.into_response(),
    }
}

/// The page with a problem at its zones.
pub(super) async fn with_zones_problem(
    desk: &Desk,
    connection: ConnectionId,
    problem: Problem,
) -> Response {
    let wanted = Wanted {
        zones_problem: Some(keyed(problem, "zones")),
        ..Wanted::default()
    };
    match view(desk, connection, wanted, None).await {
        Ok(view) => refused(&view, view.zones.problem.as_ref()),
        Err(problem) => problem.into_response(),
    }
}

/// The page with a problem at its accounts.
pub(super) async fn with_accounts_problem(
    desk: &Desk,
    connection: ConnectionId,
    problem: Problem,
) -> Response {
    let wanted = Wanted {
        accounts_problem: Some(keyed(problem, "accounts")),
        ..Wanted::default()
    };
    match view(desk, connection, wanted, None).await {
        Ok(view) => refused(&view, view.permissions.problem.as_ref()),
        Err(problem) => problem.into_response(),
    }
}

fn keyed(problem: Problem, key: &str) -> ProblemPanel {
    let mut panel = ProblemPanel::new(problem);
    key.clone_into(&mut panel.key);
    panel
}

fn account_names(connection: &Connection) -> AccountNames {
    let judge = Judge::of(connection);
    let (used, others): (Vec<_>, Vec<_>) = connection
        .accounts
        .iter()
        .partition(|account| judge.uses(&account.id));
    let count = used.len();
    let names = used
        .into_iter()
        .chain(others)
        .map(|account| account.name.clone())
        .collect();
    AccountNames::new(names, count)
}

async fn view(
    desk: &Desk,
    id: ConnectionId,
    wanted: Wanted,
    problem: Option<ProblemPanel>,
) -> Outcome<ConnectionPage> {
    let (app, ws, now) = (desk.app(), desk.ws(), desk.now());
    let mut connection = connections::get(app, ws, id).await?;
    let sites = app.store.sites_of_connection(ws, id).await?;
    let mut zones =
        zone_part::list(desk, &mut connection, &wanted.zones, Place::Connection).await?;
    if wanted.zones_problem.is_some() {
        zones.problem = wanted.zones_problem;
    }
    let counts = app.store.connection_zones_by_account(ws, id).await?;
    let permissions = matrix::of(
        &connection,
        &counts,
        &sites,
        &wanted.accounts,
        wanted.accounts_problem,
    );
    Ok(ConnectionPage {
        shell: desk.shell("connections"),
        id: id.to_string(),
        state: connection.status.into(),
        trouble: trouble(connection.status),
        checked: When {
            at: connection.checked_at,
            now,
        },
        hint: connection.token_hint.clone(),
        kind: match connection.token_kind {
            TokenKind::User => "User token",
            TokenKind::Account => "Account token",
        },
        made: Stamp(connection.created_at),
        expires: connection
            .expires_at
            .map(|at| (When { at, now }, Stamp(at))),
        accounts: account_names(&connection),
        sites_words: match sites.len() {
            0 => "No site".to_owned(),
            many => plural(many as u64, "site"),
        },
        sites: sites.iter().map(named).collect(),
        zones,
        permissions,
        tokens_page: token_url::TOKENS_PAGE.to_owned(),
        name: connection.name,
        problem,
    })
}

fn named(site: &Site) -> Named {
    Named {
        id: site.id.to_string(),
        name: site.name.clone(),
    }
}

fn trouble(status: ConnectionStatus) -> Option<(&'static str, &'static str)> {
    match status {
        ConnectionStatus::Ready => None,
        ConnectionStatus::Incomplete => Some((
            "A permission is missing",
            "Below you see which. Edit the token in Cloudflare and check again; it need not be pasted again. Sites keep serving what is published.",
        )),
        ConnectionStatus::Expired => Some((
            "The token has expired",
            "Make a new one in Cloudflare and replace it here. Sites keep serving what is published.",
        )),
        ConnectionStatus::Disabled => Some((
            "The token is switched off in Cloudflare",
            "Switch it on there and check again, or replace it. Sites keep serving what is published.",
        )),
        ConnectionStatus::Unreadable => Some((
            "The sealed token cannot be opened",
            "The stored record was damaged, or sealed under a key that is no longer in use. Reconnect: replace the token. Sites keep serving what is published, and stay as they are.",
        )),
    }
}
