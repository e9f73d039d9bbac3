//! What we know of a stored Cloudflare API token: what it may do, where, and until when.

use crate::ids::{AccountId, ZoneId};
use serde::{Deserialize, Serialize};

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Everything needed is granted.
    Ready,
    /// Stored, but a permission was lost since.
    Incomplete,
    /// Past its `expires_on`.
    Expired,
    /// Switched off at Cloudflare.
    Disabled,
    /// The sealed token cannot be opened with our key.
    Unreadable,
}

/// Who owns a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A person (`cfut_`).
    User,
    /// An account (`cfat_`).
    Account,
}

/// The five permissions, in the order of the guide, and one more that is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Account: upload Workers.
    WorkersScripts,
    /// Account: KV namespaces and values.
    WorkersKvStorage,
    /// Account: the account's name and settings.
    AccountSettings,
    /// Zone: Worker routes.
    WorkersRoutes,
    /// Zone: the zone's own facts.
    Zone,
    /// Account, optional: reading visits from Workers Analytics Engine, where a site keeps them there.
    AccountAnalytics,
}

impl Permission {
    /// All five, in the order of the guide.
    pub const ALL: [Self; 5] = [
        Self::WorkersScripts,
        Self::WorkersKvStorage,
        Self::AccountSettings,
        Self::WorkersRoutes,
        Self::Zone,
    ];

    /// Whether a token is good enough without it.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::AccountAnalytics)
    }

    /// Its name in Cloudflare's own form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkersScripts => "Workers Scripts",
            Self::WorkersKvStorage => "Workers KV Storage",
            Self::AccountSettings => "Account Settings",
            Self::WorkersRoutes => "Workers Routes",
            Self::Zone => "Zone",
            Self::AccountAnalytics => "Account Analytics",
        }
    }

    /// Whether it is granted per account or per zone.
    pub const fn scope(self) -> Scope {
        match self {
            Self::WorkersScripts
            | Self::WorkersKvStorage
            | Self::AccountSettings
            | Self::AccountAnalytics => Scope::Account,
            Self::WorkersRoutes | Self::Zone => Scope::Zone,
        }
    }

    /// The level that we need.
    pub const fn level(self) -> Level {
        match self {
            Self::WorkersScripts | Self::WorkersKvStorage | Self::WorkersRoutes => Level::Edit,
            Self::AccountSettings | Self::Zone | Self::AccountAnalytics => Level::Read,
        }
    }

    /// The key in the dashboard's template URL (Cloudflare API notes §2.5, official).
    pub const fn template_key(self) -> &'static str {
        match self {
            Self::WorkersScripts => "workers_scripts",
            Self::WorkersKvStorage => "workers_kv_storage",
            Self::AccountSettings => "account_settings",
            Self::WorkersRoutes => "workers_routes",
            Self::Zone => "zone",
            Self::AccountAnalytics => "account_analytics",
        }
    }
}

/// Where a permission applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In an account.
    Account,
    /// In a zone.
    Zone,
}

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Reading only.
    Read,
    /// Reading and writing.
    Edit,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granted {
    /// Proved.
    Yes,
    /// Refused.
    No,
    /// Neither proved nor refused; the detail says why.
    Unknown,
}

/// One checked permission in one account or zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionCheck {
    /// Which one.
    pub permission: Permission,
    /// The account that was asked (for a zone permission: the zone's).
    pub account_id: Option<AccountId>,
    /// The zone that was asked, for a zone permission.
    pub zone_id: Option<ZoneId>,
    /// The name of that zone or account.
    #[serde(default)]
    pub place: String,
    /// The finding.
    pub granted: Granted,
    /// The evidence in words: the call, its status and code.
    pub detail: String,
}

/// An account that a token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachableAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

/// A zone that a token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachableZone {
    /// Its id.
    pub id: ZoneId,
    /// Its name, a host name.
    pub name: String,
    /// The account that holds it.
    pub account_id: AccountId,
    /// `active`, `pending`, `initializing`, `moved`, … as Cloudflare says.
    pub status: String,
    /// Paused: DNS only, no Worker runs.
    pub paused: bool,
    /// `free`, `pro`, `business`, `enterprise`, where Cloudflare says.
    pub plan: Option<String>,
}

/// Whether the checks allow deploying at all: at least one account grants its three permissions, and at least one of
/// that account's zones grants both zone permissions.
pub fn is_good_enough(checks: &[PermissionCheck]) -> bool {
    let granted = |permission: Permission, at: &dyn Fn(&PermissionCheck) -> bool| {
        checks.iter().any(|check| {
            check.permission == permission && check.granted == Granted::Yes && at(check)
        })
    };
    let account_is_good = |account: &AccountId| {
        Permission::ALL
            .into_iter()
            .filter(|permission| permission.scope() == Scope::Account)
            .all(|permission| {
                granted(permission, &|check| {
                    check.account_id.as_ref() == Some(account)
                })
            })
    };
    checks
        .iter()
        .filter(|check| {
            check.permission == Permission::WorkersRoutes && check.granted == Granted::Yes
        })
        .any(|check| {
            check.account_id.as_ref().is_some_and(account_is_good)
                && granted(Permission::Zone, &|other| other.zone_id == check.zone_id)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        permission: Permission,
        account: u8,
        zone: Option<u8>,
        granted: Granted,
    ) -> PermissionCheck {
        PermissionCheck {
            permission,
            account_id: format!("{account:032}").parse().ok(),
            zone_id: zone.and_then(|zone| format!("{zone:032}").parse().ok()),
            place: String::new(),
            granted,
            detail: String::new(),
        }
    }

    fn complete() -> Vec<PermissionCheck> {
        Permission::ALL
            .into_iter()
            .map(|p| check(p, 1, (p.scope() == Scope::Zone).then_some(9), Granted::Yes))
            .collect()
    }

    #[test]
    fn all_five_are_needed() {
        assert!(is_good_enough(&complete()));
        for missing in 0..5 {
            for granted in [Granted::No, Granted::Unknown] {
                let mut checks = complete();
                checks[missing].granted = granted;
                assert!(!is_good_enough(&checks), "{missing}");
            }
        }
    }

    #[test]
    fn the_zone_must_lie_in_the_good_account() {
        let mut checks = complete();
        for zone_check in &mut checks[3..] {
            zone_check.account_id = format!("{:032}", 2).parse().ok();
        }
        assert!(!is_good_enough(&checks));
    }
}
