//! The zones that connections reach, as they were last read: a cache with the time of its reading, and what was asked about
//! each. Cloudflare is the truth; nothing here decides about a deployment.

mod read;
mod write;

use crate::{
    Result,
    convert::{Row, from_word},
    entities::connection_zone,
};
use domain::{
    connection::{Granted, ReachableZone},
    ids::{AccountId, ConnectionId, WorkspaceId},
    time::Millis,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

/// A zone and what is known of its routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionZone {
    /// The zone.
    pub zone: ReachableZone,
    /// Whether the token may edit its routes; `None`: not asked yet.
    pub routes: Option<RoutesFinding>,
}

/// What was found about *Workers Routes: Edit* on one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutesFinding {
    /// The finding.
    pub granted: Granted,
    /// The evidence in words.
    pub detail: String,
    /// When it was asked.
    pub asked_at: Millis,
}

/// Which zones are wanted; empty: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneQuery {
    /// Names that contain this text, in upper or lower case.
    pub search: Option<String>,
    /// Of this account.
    pub account: Option<AccountId>,
    /// Only those that a site can be deployed to, or only the others: a zone is deployable when it is active and not
    /// paused, its account is none of `unusable_accounts`, and its routes are not refused.
    pub deployable: Option<bool>,
    /// Accounts in which nothing can be deployed.
    pub unusable_accounts: Vec<AccountId>,
}

/// How many zones of an account there are, and what is known of their routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountZones {
    /// The account.
    pub account: AccountId,
    /// Its zones.
    pub zones: u64,
    /// Those whose routes may be edited.
    pub routes_granted: u64,
    /// Those whose routes may not.
    pub routes_refused: u64,
}

fn of(workspace: WorkspaceId, connection: ConnectionId) -> Select<connection_zone::Entity> {
    connection_zone::Entity::find()
        .filter(connection_zone::Column::ConnectionId.eq(connection.to_string()))
        .filter(connection_zone::Column::WorkspaceId.eq(workspace.to_string()))
}

/// Upper and lower case alike, by the same rule on both databases.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn from_row(model: connection_zone::Model) -> Result<ConnectionZone> {
    let row = Row::new("connection_zones", &model.zone_id);
    let routes = match &model.routes {
        None => None,
        Some(word) => Some(RoutesFinding {
            granted: row.word("routes", word, from_word)?,
            detail: model.routes_detail.unwrap_or_default(),
            asked_at: Millis(model.routes_asked_at.unwrap_or_default()),
        }),
    };
    Ok(ConnectionZone {
        zone: ReachableZone {
            id: row.parse("zone_id", &model.zone_id)?,
            account_id: row.parse("account_id", &model.account_id)?,
            name: model.name,
            status: model.status,
            paused: model.paused,
            plan: model.plan,
        },
        routes,
    })
}
