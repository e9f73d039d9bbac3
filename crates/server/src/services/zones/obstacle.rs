//! Why no site can be deployed to a zone.

use super::{ZoneChoice, token_check::level_word};
use crate::problem::Code;
use domain::{
    connection::{Granted, Permission, ReachableZone, Scope},
    ids::AccountId,
};
use std::collections::{HashMap, HashSet};
use store::{Connection, ConnectionZone};

/// What stands between a zone and a site on it. The first of these that holds is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its account was left out of those that the connection uses.
    AccountNotChosen,
    /// `pending`, `initializing`, `moved`, …
    NotActive(String),
    /// DNS only.
    Paused,
    /// A permission that the token lacks in its account.
    AccountLacks(Permission),
    /// *Workers Routes: Edit* was refused.
    RoutesRefused,
}

impl Obstacle {
    /// In words that say what to do.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::AccountNotChosen => {
                "Its account is not among those that this connection uses. Choose it there first."
                    .to_owned()
            }
            Self::NotActive(status) if status == "pending" => {
                "The zone is pending: its registrar still names other name servers than Cloudflare’s."
                    .to_owned()
            }
            Self::NotActive(status) if status == "moved" => {
                "The zone is moved: its name servers are no longer Cloudflare’s, so no traffic comes through."
                    .to_owned()
            }
            Self::NotActive(status) => format!(
                "The zone is {status}, so no traffic reaches it yet. Finish its set-up at Cloudflare."
            ),
            Self::Paused => {
                "The zone is paused: Cloudflare answers only DNS for it and runs no Worker.".to_owned()
            }
            Self::AccountLacks(permission) => format!(
                "The token lacks {}: {} in this account.",
                permission.name(),
                level_word(*permission)
            ),
            Self::RoutesRefused => format!(
                "The token lacks {}: {} on this zone.",
                Permission::WorkersRoutes.name(),
                level_word(Permission::WorkersRoutes)
            ),
        }
    }

    /// The problem's code for who wants it all the same.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::AccountNotChosen => Code::InvalidState,
            Self::NotActive(_) | Self::Paused => Code::ZoneNotActive,
            Self::AccountLacks(_) | Self::RoutesRefused => Code::InsufficientPermissions,
        }
    }
}

/// Judges the zones of one connection by what its last check found.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    connection: &'a Connection,
    names: HashMap<&'a AccountId, &'a str>,
    chosen: Option<HashSet<&'a AccountId>>,
    lacking: HashMap<&'a AccountId, Permission>,
}

impl<'a> Judge<'a> {
    /// For the zones of this connection.
    pub(crate) fn of(connection: &'a Connection) -> Self {
        let names: HashMap<_, _> = connection
            .accounts
            .iter()
            .map(|account| (&account.id, account.name.as_str()))
            .collect();
        // A choice of which no account is left, after the token was replaced, is none.
        let chosen = connection
            .chosen_accounts
            .as_ref()
            .map(|ids| ids.iter().collect::<HashSet<_>>())
            .filter(|ids| ids.iter().any(|id| names.contains_key(*id)));
        let mut lacking: HashMap<&AccountId, Permission> = HashMap::new();
        for check in &connection.permissions {
            if let Some(account) = &check.account_id
                && check.permission.scope() == Scope::Account
                && !check.permission.is_optional()
                && check.granted == Granted::No
            {
                // The first in the guide's order, whatever the order of the checks.
                let known = lacking.entry(account).or_insert(check.permission);
                *known = Ord::min(*known, check.permission);
            }
        }
        Self {
            connection,
            names,
            chosen,
            lacking,
        }
    }

    /// Whether the connection uses this account.
    pub(crate) fn uses(&self, account: &AccountId) -> bool {
        self.chosen
            .as_ref()
            .is_none_or(|chosen| chosen.contains(account))
    }

    /// The accounts in which nothing can be deployed, whatever the zone.
    pub(crate) fn unusable_accounts(&self) -> Vec<AccountId> {
        self.connection
            .accounts
            .iter()
            .map(|account| &account.id)
            .filter(|id| !self.uses(id) || self.lacking.contains_key(id))
            .cloned()
            .collect()
    }

    fn obstacle(&self, zone: &ReachableZone, routes: Granted) -> Option<Obstacle> {
        if !self.uses(&zone.account_id) {
            return Some(Obstacle::AccountNotChosen);
        }
        if zone.status != "active" {
            return Some(Obstacle::NotActive(zone.status.clone()));
        }
        if zone.paused {
            return Some(Obstacle::Paused);
        }
        if let Some(permission) = self.lacking.get(&zone.account_id) {
            return Some(Obstacle::AccountLacks(*permission));
        }
        (routes == Granted::No).then_some(Obstacle::RoutesRefused)
    }

    /// The zone as a choice.
    pub(super) fn choice(&self, kept: ConnectionZone) -> ZoneChoice {
        let ConnectionZone { zone, routes } = kept;
        let (routes, routes_detail) = match routes {
            Some(finding) => (finding.granted, finding.detail),
            None => (
                Granted::Unknown,
                "not asked yet: it is when the zone is chosen".to_owned(),
            ),
        };
        ZoneChoice {
            account_name: self
                .names
                .get(&zone.account_id)
                .map_or_else(|| zone.account_id.to_string(), |name| (*name).to_owned()),
            obstacle: self.obstacle(&zone, routes),
            routes,
            routes_detail,
            zone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        connection::{ConnectionStatus, PermissionCheck, ReachableAccount, TokenKind},
        ids::{ConnectionId, WorkspaceId},
        time::Millis,
    };
    use store::RoutesFinding;
    use uuid::Uuid;

    fn account(number: u8) -> AccountId {
        format!("{number:032}").parse().expect("an id")
    }

    fn connection() -> Connection {
        Connection {
            id: ConnectionId::from_uuid(Uuid::from_u128(1)),
            workspace: WorkspaceId::from_uuid(Uuid::from_u128(2)),
            name: String::new(),
            token_id: String::new(),
            token_kind: TokenKind::User,
            token_hint: String::new(),
            sealed_token: Vec::new(),
            status: ConnectionStatus::Ready,
            expires_at: None,
            accounts: (1..=3)
                .map(|number| ReachableAccount {
                    id: account(number),
                    name: format!("Account {number}"),
                })
                .collect(),
            chosen_accounts: None,
            permissions: [
                (Permission::AccountSettings, 2, Granted::No),
                (Permission::WorkersKvStorage, 2, Granted::No),
                (Permission::WorkersScripts, 2, Granted::Yes),
                (Permission::WorkersScripts, 1, Granted::Unknown),
            ]
            .into_iter()
            .map(|(permission, number, granted)| PermissionCheck {
                permission,
                account_id: Some(account(number)),
                zone_id: None,
                place: String::new(),
                granted,
                detail: String::new(),
            })
            .collect(),
            created_at: Millis(0),
            checked_at: Millis(0),
            zones_read_at: None,
            token_stored_at: Millis(0),
            next_check_at: Millis(0),
            leaving_since: None,
            former_token: None,
        }
    }

    fn kept(number: u8, status: &str, paused: bool, routes: Option<Granted>) -> ConnectionZone {
        ConnectionZone {
            zone: ReachableZone {
                id: format!("{:032}", 9).parse().expect("an id"),
                name: "shop.example".to_owned(),
                account_id: account(number),
                status: status.to_owned(),
                paused,
                plan: None,
            },
            routes: routes.map(|granted| RoutesFinding {
                granted,
                detail: "evidence".to_owned(),
                asked_at: Millis(0),
            }),
        }
    }

    #[test]
    fn each_obstacle_has_its_words() {
        let mut connection = connection();
        connection.chosen_accounts = Some(vec![account(1), account(2)]);
        let judge = Judge::of(&connection);
        for (zone, part) in [
            (kept(1, "active", false, None), None),
            (kept(1, "active", false, Some(Granted::Yes)), None),
            (kept(1, "active", false, Some(Granted::Unknown)), None),
            (kept(1, "pending", true, None), Some("pending")),
            (kept(1, "moved", false, None), Some("moved")),
            (kept(1, "initializing", false, None), Some("initializing")),
            (kept(1, "active", true, None), Some("paused")),
            (
                kept(1, "active", false, Some(Granted::No)),
                Some("Workers Routes: Edit"),
            ),
            (
                kept(2, "active", false, Some(Granted::No)),
                Some("Workers KV Storage: Edit"),
            ),
            (kept(3, "pending", false, None), Some("not among those")),
        ] {
            let choice = judge.choice(zone.clone());
            assert_eq!(choice.is_deployable(), part.is_none(), "{zone:?}");
            let reason = choice.reason().unwrap_or_default();
            assert!(reason.contains(part.unwrap_or_default()), "{reason}");
        }
        assert_eq!(judge.unusable_accounts(), [account(2), account(3)]);
    }

    #[test]
    fn a_choice_of_vanished_accounts_is_none() {
        let mut connection = connection();
        connection.chosen_accounts = Some(vec![account(8)]);
        assert!(Judge::of(&connection).uses(&account(1)));
        connection.chosen_accounts = Some(vec![account(8), account(3)]);
        assert!(!Judge::of(&connection).uses(&account(1)));
    }
}
