//! The zones that a connection's token reaches, and which of them a site can be deployed to.
//!
//! A token may reach thousands of zones, which take Cloudflare's API one call for each fifty. So they are kept, with the
//! time at which they were read ([`reading`]), and lists are answered from there. What a deployment rests on is read at
//! Cloudflare again ([`one`]). Whether the token may edit a zone's routes is asked when that zone is chosen or shown
//! ([`routes`]), and kept until the next check.

mod accounts;
mod obstacle;
mod reading;
mod routes;

pub(crate) use self::{
    accounts::choose as choose_accounts,
    obstacle::{Judge, Obstacle},
    reading::{Reading, Reads, Want, ensure, keep, split},
};

use super::{
    connections::api_for,
    token_check::{self, reachable_zone},
};
use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use domain::{
    connection::{Granted, ReachableZone},
    ids::{AccountId, ZoneId},
    time::Millis,
};
use store::{Connection, ConnectionZone, Listed, Page, ZoneQuery};

/// The longest text that is searched for: no host name is longer.
const SEARCH_MAX: usize = 253;

/// A zone that could be chosen for a site.
#[derive(Debug, Clone)]
pub(crate) struct ZoneChoice {
    /// The zone.
    pub(crate) zone: ReachableZone,
    /// Its account's name.
    pub(crate) account_name: String,
    /// Whether the token may edit its routes; unknown also when it was not asked yet.
    pub(crate) routes: Granted,
    /// What was found of its routes, or why nothing was.
    pub(crate) routes_detail: String,
    /// Why no site can be deployed to it; none: one can.
    pub(crate) obstacle: Option<Obstacle>,
}

impl ZoneChoice {
    /// Whether a site can be deployed to it, as far as that is known.
    pub(crate) fn is_deployable(&self) -> bool {
        self.obstacle.is_none()
    }

    /// Why not, in words.
    pub(crate) fn reason(&self) -> Option<String> {
        self.obstacle.as_ref().map(Obstacle::words)
    }
}

/// What of a connection's zones is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    /// A part of the name.
    pub(crate) text: Option<String>,
    /// Of this account.
    pub(crate) account: Option<AccountId>,
    /// Only deployable ones, or only the others.
    pub(crate) deployable: Option<bool>,
}

impl Search {
    fn query(self, judge: &Judge<'_>) -> Outcome<ZoneQuery> {
        let text = self.text.map(|text| text.trim().to_owned());
        if text.as_ref().is_some_and(|text| text.len() > SEARCH_MAX) {
            return Err(Problem::field(
                "q",
                format!("is longer than {SEARCH_MAX} bytes, as no zone's name is"),
            ));
        }
        Ok(ZoneQuery {
            search: text.filter(|text| !text.is_empty()),
            account: self.account,
            deployable: self.deployable,
            unusable_accounts: judge.unusable_accounts(),
        })
    }
}

/// One page of the kept zones, by name.
pub(crate) async fn page(
    app: &App,
    connection: &Connection,
    search: Search,
    page: &Page,
) -> Outcome<Listed<ZoneChoice>> {
    let judge = Judge::of(connection);
    let query = search.query(&judge)?;
    let listed = app
        .store
        .connection_zones(connection.workspace, connection.id, &query, page)
        .await?;
    Ok(listed.map(|zone| judge.choice(zone)))
}

/// Every kept zone that matches: those that can be deployed to first, then by name.
pub(crate) async fn all(
    app: &App,
    connection: &Connection,
    search: Search,
) -> Outcome<Vec<ZoneChoice>> {
    let mut choices = Vec::new();
    let mut rows = Page::first(store::PAGE_MAX);
    loop {
        let listed = page(app, connection, search.clone(), &rows).await?;
        choices.extend(listed.items);
        rows.after = listed.next;
        if rows.after.is_none() {
            break;
        }
    }
    // Stable, so that each part stays sorted by name.
    choices.sort_by_key(|choice| !choice.is_deployable());
    Ok(choices)
}

/// How many kept zones match.
pub(crate) async fn count(app: &App, connection: &Connection, search: Search) -> Outcome<u64> {
    let query = search.query(&Judge::of(connection))?;
    Ok(app
        .store
        .count_connection_zones(connection.workspace, connection.id, &query)
        .await?)
}

/// Asks for the routes of these zones as far as that was not done and matters, and keeps what is found.
pub(crate) async fn ask_routes(app: &App, connection: &Connection, choices: &mut [ZoneChoice]) {
    let Ok(api) = api_for(app, connection) else {
        return;
    };
    let judge = Judge::of(connection);
    let open: Vec<ReachableZone> = choices
        .iter()
        .filter(|choice| choice.is_deployable() && choice.routes == Granted::Unknown)
        .map(|choice| choice.zone.clone())
        .collect();
    for (zone, finding) in routes::ask(app, connection, &api, open).await {
        if let Some(choice) = choices.iter_mut().find(|choice| choice.zone.id == zone.id) {
            *choice = judge.choice(ConnectionZone {
                zone,
                routes: Some(finding),
            });
        }
    }
}

/// One kept zone.
pub(crate) async fn kept(
    app: &App,
    connection: &Connection,
    zone: &ZoneId,
) -> Outcome<Option<ZoneChoice>> {
    let kept = app
        .store
        .connection_zone(connection.workspace, connection.id, zone)
        .await?;
    Ok(kept.map(|kept| Judge::of(connection).choice(kept)))
}

/// One zone, read now; its routes are asked unless they were granted before.
pub(crate) async fn one(app: &App, connection: &Connection, zone: &ZoneId) -> Outcome<ZoneChoice> {
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
    let judge = Judge::of(connection);
    let unasked = judge.choice(ConnectionZone {
        zone: found.clone(),
        routes: None,
    });
    if !unasked.is_deployable() {
        return Ok(unasked);
    }
    let kept = app
        .store
        .connection_zone(connection.workspace, connection.id, zone)
        .await?
        .and_then(|kept| kept.routes)
        .filter(|finding| finding.granted == Granted::Yes);
    let routes = match kept {
        Some(finding) => Some(finding),
        None => routes::ask(app, connection, &api, vec![found.clone()])
            .await
            .pop()
            .map(|(_, finding)| finding),
    };
    Ok(judge.choice(ConnectionZone {
        zone: found,
        routes,
    }))
}

/// Whether something that was read then counts as old by now.
fn is_older(app: &App, at: Millis, seconds: i64) -> bool {
    at.plus_seconds(seconds) < app.clock.now()
}
