//! Reading zones at Cloudflare, and when that is due.
//!
//! One connection's zones are read once at a time in a process: who comes meanwhile waits for the running reading. It is a
//! task of its own, so that it comes to its end when its asker goes away. Of two processes that read at once the one that
//! began later wins, whichever ends first.

use super::{super::connections::api_for, is_older};
use crate::{
    app::{App, AppState},
    problem::{Outcome, Problem},
    services::{connections, token_check::reachable_zone},
};
use cloudflare::ZoneFilter;
use domain::{
    connection::{Granted, Permission, PermissionCheck, ReachableAccount, ReachableZone},
    ids::{ConnectionId, WorkspaceId, ZoneId},
    time::Millis,
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::{Connection, ConnectionZone, RoutesFinding};

/// Zones that were read longer ago are read again when a person opens their list.
const OLD_AFTER_SECONDS: i64 = 5 * 60;

/// A reading that failed is not tried again by itself within this time.
const RETRY_AFTER_SECONDS: i64 = 30;

/// A list of many zones, which costs many calls, is not read again within this time, even if a caller wants it as it is now.
const MANY_FRESH_SECONDS: i64 = 10;

/// More zones than this are many: four calls.
const MANY: u64 = 200;

/// A connection's own permissions tell of so many single zones at most.
const ZONES_TOLD: usize = 50;

/// How long a person waits for a new reading while there is an old one to look at.
const PATIENCE: Duration = Duration::from_millis(1_500);

type Running = Shared<BoxFuture<'static, Outcome<()>>>;

/// The readings that run in this process, and those that failed a moment ago.
#[derive(Default)]
pub(crate) struct Reads(Mutex<State>);

#[derive(Default)]
struct State {
    running: HashMap<ConnectionId, Running>,
    failed: HashMap<ConnectionId, (Millis, Problem)>,
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.state().running.keys()).finish()
    }
}

impl Reads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self, id: ConnectionId) -> bool {
        self.state().running.contains_key(&id)
    }

    /// What a person's list says instead of trying at once again.
    fn failed_lately(&self, app: &App, id: ConnectionId) -> Option<Problem> {
        let state = self.state();
        let (at, problem) = state.failed.get(&id)?;
        (!is_older(app, *at, RETRY_AFTER_SECONDS)).then(|| problem.clone())
    }
}

/// How fresh the zones must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Read now, come what may.
    Now,
    /// As they are now; many zones may be some seconds old.
    Fresh,
    /// A few minutes old at most, or else read soon.
    Recent,
    /// As they are kept.
    Kept,
}

/// How the kept zones stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// When they were read; none: never.
    pub(crate) read_at: Option<Millis>,
    /// They are being read again.
    pub(crate) is_running: bool,
    /// Why they could not be read again.
    pub(crate) problem: Option<Problem>,
}

/// Reads zones as far as wanted. With kept zones to show, a failure is part of the answer; without, and with
/// [`Want::Now`] and [`Want::Fresh`], it is an error. The connection is brought up to date with what the reading found.
pub(crate) async fn ensure(
    app: &AppState,
    connection: &mut Connection,
    want: Want,
) -> Outcome<Reading> {
    let mut reading = Reading::default();
    match (connection.zones_read_at, want) {
        (_, Want::Now) | (None, _) => read_now(app, connection).await?,
        (Some(at), Want::Fresh) => {
            if is_older(app, at, MANY_FRESH_SECONDS) || !is_many(app, connection).await? {
                read_now(app, connection).await?;
            }
        }
        (Some(at), Want::Recent)
            if is_older(app, at, OLD_AFTER_SECONDS)
                && !app.zone_reads.is_running(connection.id) =>
        {
            reading.problem = app.zone_reads.failed_lately(app, connection.id);
            if reading.problem.is_none() {
                begin(app, connection, &mut reading).await;
            }
        }
        (Some(_), Want::Recent | Want::Kept) => {
            reading.is_running = app.zone_reads.is_running(connection.id);
        }
    }
    *connection = connections::get(app, connection.workspace, connection.id).await?;
    reading.read_at = connection.zones_read_at;
    Ok(reading)
}

/// Begins to read, and waits a little for the end.
async fn begin(app: &AppState, connection: &Connection, reading: &mut Reading) {
    match tokio::time::timeout(PATIENCE, start(app, connection)).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => reading.problem = Some(problem),
        Err(_) => reading.is_running = true,
    }
}

async fn is_many(app: &App, connection: &Connection) -> Outcome<bool> {
    let query = store::ZoneQuery::default();
    Ok(app
        .store
        .count_connection_zones(connection.workspace, connection.id, &query)
        .await?
        > MANY)
}

/// Reads every zone now, or waits for the reading that runs.
pub(crate) async fn read_now(app: &AppState, connection: &Connection) -> Outcome<()> {
    start(app, connection).await
}

fn start(app: &AppState, connection: &Connection) -> Running {
    let mut state = app.zone_reads.state();
    if let Some(reading) = state.running.get(&connection.id) {
        return reading.clone();
    }
    let (app, workspace, id) = (app.clone(), connection.workspace, connection.id);
    let task = tokio::spawn(async move {
        let _ended = Ended(&app.zone_reads, id);
        let outcome = read(&app, workspace, id).await;
        let now = app.clock.now();
        let failed = &mut app.zone_reads.state().failed;
        match &outcome {
            Ok(()) => failed.remove(&id),
            Err(problem) => failed.insert(id, (now, problem.clone())),
        };
        outcome
    });
    let reading = async move {
        task.await
            .unwrap_or_else(|error| Err(Problem::internal(&error)))
    }
    .boxed()
    .shared();
    state.running.insert(id, reading.clone());
    reading
}

/// Takes a reading out of the running ones, however it ends.
struct Ended<'a>(&'a Reads, ConnectionId);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.state().running.remove(&self.1);
    }
}

async fn read(app: &App, workspace: WorkspaceId, id: ConnectionId) -> Outcome<()> {
    let connection = connections::get(app, workspace, id).await?;
    let api = api_for(app, &connection)?;
    let begun = app.clock.now();
    let listed = api.list_zones(&ZoneFilter::default()).await?;
    let zones: Vec<ReachableZone> = listed.iter().filter_map(reachable_zone).collect();
    let known: HashSet<_> = connection.accounts.iter().map(|one| &one.id).collect();
    if zones.iter().any(|zone| !known.contains(&zone.account_id)) {
        let accounts = accounts_beside(&api, &zones, &connection.accounts).await?;
        app.store
            .set_reachable_accounts(workspace, id, &accounts)
            .await?;
    }
    let kept: Vec<ConnectionZone> = zones
        .into_iter()
        .map(|zone| ConnectionZone { zone, routes: None })
        .collect();
    app.store
        .replace_connection_zones(workspace, id, &kept, true, begun)
        .await?;
    tracing::debug!(connection.id = %id, zones = kept.len(), "read the zones of a connection");
    Ok(())
}

/// The known accounts with those that are new, by their names where Cloudflare lists them.
async fn accounts_beside(
    api: &cloudflare::Api,
    zones: &[ReachableZone],
    known: &[ReachableAccount],
) -> Outcome<Vec<ReachableAccount>> {
    let names: HashMap<String, String> = match api.list_accounts().await {
        Ok(listed) => listed
            .into_iter()
            .map(|account| (account.id.as_str().to_owned(), account.name))
            .collect(),
        Err(error) if error.is_forbidden() => HashMap::new(),
        Err(error) => return Err(error.into()),
    };
    let mut accounts = known.to_vec();
    let mut seen: HashSet<_> = known.iter().map(|account| account.id.clone()).collect();
    for zone in zones {
        if seen.insert(zone.account_id.clone()) {
            let name = names.get(zone.account_id.as_str());
            accounts.push(ReachableAccount {
                id: zone.account_id.clone(),
                name: name.map_or_else(|| zone.account_id.to_string(), Clone::clone),
            });
        }
    }
    Ok(accounts)
}

/// What a check found, in two parts: the zones with their findings, and the permissions for the connection's row. Those
/// tell of single zones only as far as they are few; the zones themselves tell of all.
pub(crate) fn split(
    zones: &[ReachableZone],
    permissions: Vec<PermissionCheck>,
    asked_at: Millis,
) -> (Vec<ConnectionZone>, Vec<PermissionCheck>) {
    let asked: HashMap<ZoneId, RoutesFinding> = permissions
        .iter()
        .filter(|check| {
            check.permission == Permission::WorkersRoutes && check.granted != Granted::Unknown
        })
        .filter_map(|check| {
            let finding = RoutesFinding {
                granted: check.granted,
                detail: check.detail.clone(),
                asked_at,
            };
            Some((check.zone_id.clone()?, finding))
        })
        .collect();
    let kept = zones
        .iter()
        .map(|zone| ConnectionZone {
            zone: zone.clone(),
            routes: asked.get(&zone.id).cloned(),
        })
        .collect();
    if zones.len() <= ZONES_TOLD {
        return (kept, permissions);
    }
    let told: HashSet<&ZoneId> = zones
        .iter()
        .map(|zone| &zone.id)
        .filter(|id| asked.contains_key(id))
        .take(ZONES_TOLD)
        .collect();
    let permissions = permissions
        .into_iter()
        .filter(|check| check.zone_id.as_ref().is_none_or(|id| told.contains(id)))
        .collect();
    (kept, permissions)
}

/// Keeps the zones that a check has read. They are a cache, so a failure is only logged: they are read again when they are
/// wanted.
pub(crate) async fn keep(app: &App, connection: &Connection, zones: &[ConnectionZone]) {
    let now = app.clock.now();
    if let Err(error) = app
        .store
        .replace_connection_zones(connection.workspace, connection.id, zones, false, now)
        .await
    {
        tracing::warn!(connection.id = %connection.id, %error, "the zones of a connection could not be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(number: usize) -> ReachableZone {
        ReachableZone {
            id: format!("{number:032}").parse().expect("an id"),
            name: format!("zone-{number}.example"),
            account_id: format!("{:032}", 1).parse().expect("an id"),
            status: "active".to_owned(),
            paused: false,
            plan: None,
        }
    }

    fn checks(zones: &[ReachableZone], asked: usize) -> Vec<PermissionCheck> {
        let check = |permission, zone: Option<&ReachableZone>, granted| PermissionCheck {
            permission,
            account_id: Some(zones[0].account_id.clone()),
            zone_id: zone.map(|zone| zone.id.clone()),
            place: String::new(),
            granted,
            detail: String::new(),
        };
        let mut checks = vec![check(Permission::WorkersScripts, None, Granted::Yes)];
        for (index, zone) in zones.iter().enumerate() {
            let routes = match index {
                _ if index >= asked => Granted::Unknown,
                0 => Granted::No,
                _ => Granted::Yes,
            };
            checks.push(check(Permission::WorkersRoutes, Some(zone), routes));
            checks.push(check(Permission::Zone, Some(zone), Granted::Yes));
        }
        checks
    }

    #[test]
    fn many_zones_are_not_told_twice() {
        for (count, asked, rows) in [(3, 2, 7), (50, 25, 101), (5_000, 25, 51), (5_000, 80, 101)] {
            let zones: Vec<_> = (0..count).map(zone).collect();
            let (kept, permissions) = split(&zones, checks(&zones, asked), Millis(7));
            assert_eq!(permissions.len(), rows, "{count} {asked}");
            assert_eq!(kept.len(), count);
            assert_eq!(
                kept.iter().filter(|one| one.routes.is_some()).count(),
                asked
            );
            assert_eq!(
                kept[0].routes.as_ref().map(|finding| finding.granted),
                Some(Granted::No)
            );
        }
    }
}
