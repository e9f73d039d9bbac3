//! Reading: the list, and one connection with its zones and permissions.

use super::{
    AccountNames, ConnectionPage, ConnectionRow, ConnectionsPage, Former, Named, Trouble,
    matrix::{self, AccountForm},
    zones::{self as zone_part, Place, ZoneForm},
};
use crate::{
    console::{
        desk::{Desk, id, page, refused},
        parts::{ProblemPanel, Stamp, When, count, plural},
    },
    problem::{Outcome, Problem},
    services::{connections, token_url, warnings, zones::Judge},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Response},
};
use domain::{connection::TokenKind, ids::ConnectionId, time::Millis};
use serde::{Serialize, de::DeserializeOwned};
use store::{Connection, DatabaseKind, Page, Site};

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
    let zones = desk
        .app()
        .store
        .count_zones_of_connections(desk.ws())
        .await?;
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
            accounts: account_names(&connection).join(", "),
            hint: connection.token_hint,
            zones: count(zones.get(&connection.id).copied().unwrap_or_default()),
            expires: connection.expires_at.map(|at| expiry(at, now)),
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

fn sites_words(count: usize) -> String {
    match count {
        0 => "No site".to_owned(),
        many => plural(many as u64, "site"),
    }
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
        expires: connection.expires_at.map(|at| expiry(at, now)),
        accounts: account_names(&connection),
        sites_words: sites_words(sites.len()),
        sites: sites.iter().map(named).collect(),
        zones,
        permissions,
        tokens_page: token_url::tokens_page(connection.token_kind).to_owned(),
        name: connection.name,
        problem,
    })
}

/// How long a token still lasts, while it does, and when it ends.
fn expiry(at: Millis, now: Millis) -> (Option<String>, Stamp) {
    ((at > now).then(|| warnings::time_left(at, now)), Stamp(at))
}

fn named(site: &Site) -> Named {
    Named {
        id: site.id.to_string(),
        name: site.name.clone(),
    }
}

/// What the next page tells once: kept in the session, since an address is no place for it. Stored at once: an answer that
/// is still being written when it is told is past the point where the session is stored by itself.
pub(super) async fn tell(desk: &Desk, what: &str, value: impl Serialize) -> Outcome<()> {
    let session = &desk.me.session;
    session
        .insert(what, value)
        .await
        .map_err(|error| Problem::internal(&error))?;
    session
        .save()
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
