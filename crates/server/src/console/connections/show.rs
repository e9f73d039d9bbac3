//! Reading: the list, and one connection with its zones and permissions.

use super::{
    ConnectionPage, ConnectionRow, ConnectionsPage, Former, Named, Trouble, ZoneRow, matrix,
};
use crate::{
    console::{
        desk::{Desk, id, page, refused},
        parts::{ProblemPanel, Stamp, When, plural},
    },
    problem::{Outcome, Problem},
    services::{connections, connections::ZoneChoice, token_url, warnings},
};
use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use domain::{connection::TokenKind, ids::ConnectionId};
use serde::{Serialize, de::DeserializeOwned};
use store::{DatabaseKind, Page, Site};

/// Left in the session: the token of a connection that was disconnected.
pub(super) const GONE: &str = "disconnected";
/// Left in the session: what could not be made sure of when a token was replaced.
pub(super) const NOTES: &str = "replaced";

/// As many connections are listed.
const ROWS: u32 = 200;

/// The list.
pub(crate) async fn index(desk: Desk) -> Result<Response, Problem> {
    let now = desk.now();
    let listed = connections::list(desk.app(), desk.ws(), &Page::first(ROWS)).await?;
    let sites = desk.app().store.site_names(desk.ws()).await?;
    let gone = told(&desk, GONE).await;
    let rows = listed
        .items
        .into_iter()
        .map(|connection| ConnectionRow {
            id: connection.id.to_string(),
            state: warnings::status_now(connection.status, connection.expires_at, now).into(),
            warning: warnings::of(&warnings::glance_at(&connection), now)
                .into_iter()
                .next()
                .map(|warning| warning.title),
            sites: sites_words(
                sites
                    .iter()
                    .filter(|site| site.connection == connection.id)
                    .count(),
            ),
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
        gone,
        is_postgres: is_postgres(&desk),
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

fn sites_words(count: usize) -> String {
    match count {
        0 => "No site".to_owned(),
        many => plural(many as u64, "site"),
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
    let (zones, zones_problem) = match connections::zones(app, ws, id).await {
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
        shell: desk.shell("connections").without_banner_of(&id.to_string()),
        id: id.to_string(),
        state: warnings::status_now(connection.status, connection.expires_at, now).into(),
        troubles: Trouble::of(warnings::of(&warnings::glance_at(&connection), now)),
        notes: told(desk, NOTES).await.unwrap_or_default(),
        former: connection.former_token.as_ref().map(|former| Former {
            hint: former.hint.clone(),
            of: connection.name.clone(),
            delete_url: token_url::tokens_page(former.kind).to_owned(),
        }),
        leaving: connection.leaving_since.map(|at| When { at, now }),
        next_check: app.config.check_every.map(|_| When {
            at: connection.next_check_at.max(now),
            now,
        }),
        is_postgres: is_postgres(desk),
        checked: When {
            at: connection.checked_at,
            now,
        },
        hint: connection.token_hint.clone(),
        kind: match connection.token_kind {
            TokenKind::User => "User token",
            TokenKind::Account => "Account token",
        },
        stored: Stamp(connection.token_stored_at),
        expires: connection.expires_at.map(|at| {
            let left = (at > now).then(|| warnings::time_left(at, now));
            (left, Stamp(at))
        }),
        accounts: names(&connection.accounts),
        sites_words: sites_words(sites.len()),
        sites: sites.iter().map(named).collect(),
        zones_words: format!(
            "{}, {deployable} deployable. Read just now.",
            plural(zones.len() as u64, "zone")
        ),
        zones,
        zones_problem,
        columns,
        permissions,
        tokens_page: token_url::tokens_page(connection.token_kind).to_owned(),
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

/// What the next page tells once: kept in the session, since an address is no place for it.
pub(super) async fn tell(desk: &Desk, what: &str, value: impl Serialize) -> Outcome<()> {
    desk.me
        .session
        .insert(what, value)
        .await
        .map_err(|error| Problem::internal(&error))
}

/// What was left to be told.
async fn told<T: DeserializeOwned>(desk: &Desk, what: &str) -> Option<T> {
    // What another version left is nothing to tell.
    desk.me.session.remove(what).await.ok().flatten()
}

fn is_postgres(desk: &Desk) -> bool {
    desk.app().store.kind() == DatabaseKind::Postgres
}
