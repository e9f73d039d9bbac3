//! Which accounts and zones a token reaches.

use super::{REPEAT_AFTER, verify::is_about_rights};
use crate::problem::{Code, Outcome, Problem};
use cloudflare::{Account, Api, Error, ZoneFilter};
use domain::{
    connection::{ReachableAccount, ReachableZone},
    ids::{AccountId, ZoneId},
};

/// What a zone's old-style `permissions` hint at (§3.2: whether they follow the token is not confirmed). Good enough to
/// choose which zone is asked first, never to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RoutesHint {
    /// Writing routes.
    Edit,
    /// Nothing is said of routes.
    None,
    /// Reading them alone.
    ReadOnly,
}

/// A listed zone.
#[derive(Debug, Clone)]
pub(super) struct FoundZone {
    /// The zone.
    pub(super) zone: ReachableZone,
    /// Its account's name, where it is told.
    pub(super) account_name: Option<String>,
    /// What may be expected of its routes.
    pub(super) hint: RoutesHint,
}

/// How far a token reaches.
pub(super) struct Reach {
    /// The accounts that are listed, and those that only show through their zones.
    pub(super) accounts: Vec<ReachableAccount>,
    /// The zones.
    pub(super) zones: Vec<FoundZone>,
    /// How the list of zones was refused, if it was.
    pub(super) zones_refused: Option<Error>,
}

/// Lists accounts (unless that was done) and zones. A token that reaches nothing is asked once more: it may be new.
pub(super) async fn reach(api: &Api, listed: Option<Vec<Account>>) -> Outcome<Reach> {
    let found = list(api, listed).await?;
    if !found.accounts.is_empty() {
        return Ok(found);
    }
    tokio::time::sleep(REPEAT_AFTER).await;
    let found = list(api, None).await?;
    if found.accounts.is_empty() {
        let problem = no_accounts();
        return Err(match &found.zones_refused {
            Some(error) => problem.with_cloudflare(error.into()),
            None => problem,
        });
    }
    Ok(found)
}

/// The token is known, and nothing more.
pub(super) fn no_accounts() -> Problem {
    Problem::new(
        Code::NoAccounts,
        "The token is valid, but it reaches no account and no zone.",
    )
    .cause("It has none of the permissions that list them: Account Settings: Read and Zone: Read.")
    .cause("Under Account Resources no account is included, and under Zone Resources no zone.")
    .remedy("Edit the token at Cloudflare (My Profile → API Tokens → Edit): add the five permissions; Account Resources → Include → All accounts, or the ones you want; Zone Resources likewise. It keeps its text.")
    .remedy("Or make a new one with the button that opens Cloudflare's form filled in, or `edge-delivery token url`.")
}

async fn list(api: &Api, listed: Option<Vec<Account>>) -> Outcome<Reach> {
    let everything = ZoneFilter::default();
    let accounts = async {
        match listed {
            Some(accounts) => Ok(accounts),
            None => api.list_accounts().await,
        }
    };
    let (accounts, zones) = tokio::join!(accounts, api.list_zones(&everything));
    let (zones, zones_refused) = match zones {
        Ok(zones) => (zones.iter().filter_map(found_zone).collect(), None),
        Err(error) if is_about_rights(&error) => (Vec::new(), Some(error)),
        Err(error) => return Err(error.into()),
    };
    let accounts = match accounts {
        Ok(accounts) => accounts.iter().filter_map(reachable_account).collect(),
        Err(error) if is_about_rights(&error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(Reach {
        accounts: with_accounts_of_zones(accounts, &zones),
        zones,
        zones_refused,
    })
}

/// The zones of one account.
pub(super) async fn zones_of(api: &Api, account: &AccountId) -> Result<Vec<FoundZone>, Error> {
    let filter = ZoneFilter {
        account: Some(to_account(account)),
        ..ZoneFilter::default()
    };
    Ok(api
        .list_zones(&filter)
        .await?
        .iter()
        .filter_map(found_zone)
        .collect())
}

fn reachable_account(account: &Account) -> Option<ReachableAccount> {
    Some(ReachableAccount {
        id: account.id.as_str().parse().ok()?,
        name: account.name.clone(),
    })
}

fn with_accounts_of_zones(
    mut accounts: Vec<ReachableAccount>,
    zones: &[FoundZone],
) -> Vec<ReachableAccount> {
    let mut known: std::collections::HashSet<AccountId> =
        accounts.iter().map(|account| account.id.clone()).collect();
    for found in zones {
        let id = &found.zone.account_id;
        if known.insert(id.clone()) {
            accounts.push(ReachableAccount {
                id: id.clone(),
                name: found.account_name.clone().unwrap_or_else(|| id.to_string()),
            });
        }
    }
    accounts
}

fn found_zone(zone: &cloudflare::Zone) -> Option<FoundZone> {
    let has = |right: &str| zone.permissions.iter().any(|known| known == right);
    Some(FoundZone {
        zone: reachable_zone(zone)?,
        account_name: zone.account.name.clone().filter(|name| !name.is_empty()),
        hint: if has("#worker:edit") {
            RoutesHint::Edit
        } else if has("#worker:read") {
            RoutesHint::ReadOnly
        } else {
            RoutesHint::None
        },
    })
}

/// A zone as we keep it; ids in a form of their own are left out.
pub(crate) fn reachable_zone(zone: &cloudflare::Zone) -> Option<ReachableZone> {
    Some(ReachableZone {
        id: zone.id.as_str().parse().ok()?,
        name: zone.name.clone(),
        account_id: zone.account.id.as_str().parse().ok()?,
        status: zone.status.clone(),
        paused: zone.paused,
        plan: zone.plan.as_ref().and_then(|plan| plan.legacy_id.clone()),
    })
}

/// Our id in the client's type: both are 32 hex digits.
pub(super) fn to_account(id: &AccountId) -> cloudflare::AccountId {
    id.as_str()
        .parse()
        .expect("32 hex digits are an id in both crates")
}

/// Our id in the client's type: both are 32 hex digits.
pub(crate) fn to_zone(id: &ZoneId) -> cloudflare::ZoneId {
    id.as_str()
        .parse()
        .expect("32 hex digits are an id in both crates")
}
