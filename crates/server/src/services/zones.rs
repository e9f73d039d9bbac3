//! The zones that a connection's token reaches, and which of them a site can be deployed to.

use super::{
    connections::{self, api_for},
    token_check::{self, check_routes, reachable_zone},
};
use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use domain::{
    connection::{Granted, Permission, ReachableZone},
    ids::{AccountId, ConnectionId, WorkspaceId, ZoneId},
};
use store::Connection;

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

/// Every zone of every account, read now, with whether a site can be deployed to it.
pub(crate) async fn all(app: &App, ws: WorkspaceId, id: ConnectionId) -> Outcome<Vec<ZoneChoice>> {
    let connection = connections::get(app, ws, id).await?;
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
