//! Reading: the list, and one connection with its zones and permissions.

use super::{ConnectionPage, ConnectionRow, ConnectionsPage, Named, ZoneRow, matrix};
use crate::{
    console::{
        desk::{Desk, id, page, refused},
        parts::{ProblemPanel, Stamp, When, plural},
    },
    problem::{Outcome, Problem},
    services::{
        connections, token_url,
        zones::{self, ZoneChoice},
    },
};
use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use domain::{
    connection::{ConnectionStatus, TokenKind},
    ids::ConnectionId,
};
use store::{Page, Site};

/// As many connections are listed.
const ROWS: u32 = 200;

/// The list.
pub(crate) async fn index(desk: Desk) -> Result<Response, Problem> {
    let now = desk.now();
    let listed = connections::list(desk.app(), desk.ws(), &Page::first(ROWS)).await?;
    let rows = listed
        .items
        .into_iter()
        .map(|connection| ConnectionRow {
            id: connection.id.to_string(),
            state: connection.status.into(),
            hint: connection.token_hint,
            accounts: names(&connection.accounts).join(", "),
            zones: connection.zones.len().to_string(),
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
pub(crate) async fn show(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let connection_id = id(&text, "connection")?;
    Ok(page(&view(&desk, connection_id, None).await?))
}

/// The page of one connection with a problem on it.
pub(super) async fn with_problem(
    desk: &Desk,
    connection: ConnectionId,
    problem: Problem,
) -> Response {
    match view(desk, connection, Some(ProblemPanel::new(problem))).await {
        Ok(view) => refused(&view, view.problem.as_ref()),
        Err(problem) => problem.into_response(),
    }
}

fn names(accounts: &[domain::connection::ReachableAccount]) -> Vec<String> {
    accounts
        .iter()
        .map(|account| account.name.clone())
        .collect()
}

async fn view(
    desk: &Desk,
    id: ConnectionId,
    problem: Option<ProblemPanel>,
) -> Outcome<ConnectionPage> {
    let (app, ws, now) = (desk.app(), desk.ws(), desk.now());
    let connection = connections::get(app, ws, id).await?;
    let sites = app.store.sites_of_connection(ws, id).await?;
    let (zones, zones_problem) = match zones::all(app, ws, id).await {
        Ok(choices) => (zone_rows(&choices, &all_sites(desk).await?), None),
        Err(problem) => {
            let mut panel = ProblemPanel::new(problem);
            "zones".clone_into(&mut panel.key);
            (Vec::new(), Some(panel))
        }
    };
    let deployable = zones.iter().filter(|zone| zone.reason.is_none()).count();
    let (columns, permissions) = matrix::of(&connection);
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
        accounts: names(&connection.accounts),
        sites_words: match sites.len() {
            0 => "No site".to_owned(),
            many => plural(many as u64, "site"),
        },
        sites: sites.iter().map(named).collect(),
        zones_words: format!(
            "{}, {deployable} deployable. Read just now.",
            plural(zones.len() as u64, "zone")
        ),
        zones,
        zones_problem,
        columns,
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

async fn all_sites(desk: &Desk) -> Outcome<Vec<Site>> {
    Ok(desk
        .app()
        .store
        .list_sites(desk.ws(), &Page::first(store::PAGE_MAX))
        .await?
        .items)
}

/// The zones as rows, with the sites that are on them already.
pub(crate) fn zone_rows(choices: &[ZoneChoice], sites: &[Site]) -> Vec<ZoneRow> {
    choices
        .iter()
        .map(|choice| {
            let mut status = choice.zone.status.clone();
            if choice.zone.paused {
                status.push_str(", paused");
            }
            ZoneRow {
                id: choice.zone.id.to_string(),
                name: choice.zone.name.clone(),
                account: choice.account_name.clone(),
                status,
                plan: choice
                    .zone
                    .plan
                    .clone()
                    .unwrap_or_else(|| "unknown".to_owned()),
                reason: choice.reason.clone(),
                site: sites
                    .iter()
                    .find(|site| site.zone == choice.zone.id)
                    .map(named),
            }
        })
        .collect()
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
            "It was sealed under another key than the one in use. Start with that key, or paste the token again.",
        )),
    }
}
