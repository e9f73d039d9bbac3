//! The five permissions in each account, as a table: rows are accounts, so that hundreds of them stay readable, in pages.

use super::Named;
use crate::console::parts::{Mark, ProblemPanel, State, count, plural};
use askama::Template;
use domain::{
    connection::{Granted, Level, Permission, PermissionCheck, ReachableAccount, Scope},
    ids::AccountId,
};
use serde::Deserialize;
use std::collections::HashMap;
use store::{AccountZones, Connection, Site};

use crate::services::zones::Judge;

/// As many accounts stand on a page.
const ROWS: usize = 20;

/// What of the accounts the address wants to see.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccountForm {
    /// A part of the name, or the id.
    accounts: String,
    /// The page, from 1.
    accounts_page: usize,
}

/// The table.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/accounts.html")]
pub(crate) struct AccountTable {
    /// The connection's id.
    pub(crate) connection: String,
    /// The five and what is not needed: name and level.
    pub(crate) columns: Vec<(&'static str, &'static str)>,
    /// The accounts of this page.
    pub(crate) rows: Vec<AccountRow>,
    /// `3 accounts, 2 used.`
    pub(crate) words: String,
    /// Whether there is a choice of accounts.
    pub(crate) is_choice: bool,
    /// Whether there are so many that they are searched.
    pub(crate) is_searched: bool,
    /// What is searched for.
    pub(crate) search: String,
    /// The page, from 1.
    pub(crate) page: usize,
    /// The pages.
    pub(crate) pages: usize,
    /// Why the choice was refused.
    pub(crate) problem: Option<ProblemPanel>,
}

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct AccountRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Whether it is used.
    pub(crate) is_used: bool,
    /// The sites in it, which keep it chosen.
    pub(crate) sites: Vec<Named>,
    /// How many zones it has.
    pub(crate) zones: u64,
    /// The findings, in the order of the columns.
    pub(crate) cells: Vec<PermissionCell>,
    /// The evidence for what is not a plain yes: permission and what Cloudflare said.
    pub(crate) evidence: Vec<(&'static str, String)>,
}

/// One permission in one account.
#[derive(Debug, Clone)]
pub(crate) struct PermissionCell {
    /// The permission, for where the column's head is not seen.
    pub(crate) name: &'static str,
    /// The finding.
    pub(crate) state: State,
    /// `yes`, `5 of 7 zones`.
    pub(crate) words: String,
}

/// The table of a connection, whose zones are counted and whose sites are known.
pub(super) fn of(
    connection: &Connection,
    counts: &[AccountZones],
    sites: &[Site],
    form: &AccountForm,
    problem: Option<ProblemPanel>,
) -> AccountTable {
    let judge = Judge::of(connection);
    let counts: HashMap<_, _> = counts.iter().map(|one| (&one.account, one)).collect();
    let mut checks: HashMap<&AccountId, Vec<&PermissionCheck>> = HashMap::new();
    for check in &connection.permissions {
        if let Some(account) = &check.account_id {
            checks.entry(account).or_default().push(check);
        }
    }
    let wanted = form.accounts.trim().to_lowercase();
    let mut found: Vec<&ReachableAccount> = connection
        .accounts
        .iter()
        .filter(|account| {
            wanted.is_empty()
                || account.name.to_lowercase().contains(&wanted)
                || account.id.as_str() == wanted
        })
        .collect();
    found.sort_by_key(|account| account.name.to_lowercase());
    let pages = found.len().div_ceil(ROWS).max(1);
    let page = form.accounts_page.clamp(1, pages);
    let used = connection
        .accounts
        .iter()
        .filter(|account| judge.uses(&account.id))
        .count();
    let total = connection.accounts.len();
    let rows = found
        .into_iter()
        .skip((page - 1) * ROWS)
        .take(ROWS)
        .map(|account| {
            let own = checks.get(&account.id).map_or(&[][..], Vec::as_slice);
            row(
                account,
                judge.uses(&account.id),
                counts.get(&account.id).copied(),
                own,
                sites,
            )
        })
        .collect();
    AccountTable {
        connection: connection.id.to_string(),
        columns: columns()
            .map(|permission| {
                let level = match permission.level() {
                    _ if permission.is_optional() => "Read, optional",
                    Level::Edit => "Edit",
                    Level::Read => "Read",
                };
                (permission.name(), level)
            })
            .collect(),
        rows,
        words: if used == total {
            format!("{}.", plural(total as u64, "account"))
        } else {
            format!(
                "{}, {} used.",
                plural(total as u64, "account"),
                count(used as u64)
            )
        },
        is_choice: total > 1,
        is_searched: total > ROWS,
        search: form.accounts.clone(),
        page,
        pages,
        problem,
    }
}

/// The five, and what is not needed.
fn columns() -> impl Iterator<Item = Permission> {
    Permission::ALL
        .into_iter()
        .chain([Permission::AccountAnalytics])
}

fn row(
    account: &ReachableAccount,
    is_used: bool,
    counted: Option<&AccountZones>,
    checks: &[&PermissionCheck],
    sites: &[Site],
) -> AccountRow {
    let mut evidence = Vec::new();
    let cells = columns()
        .map(|permission| {
            let own: Vec<_> = checks
                .iter()
                .copied()
                .filter(|check| check.permission == permission)
                .collect();
            let counted = counted.filter(|_| permission.scope() == Scope::Zone);
            let (state, words) = match counted {
                Some(counted) if permission == Permission::WorkersRoutes => routes(counted),
                Some(counted) => (State::from(Granted::Yes), plural(counted.zones, "zone")),
                None if permission.is_optional() => optional(&own),
                None => plain(&own),
            };
            if let Some(worst) = worst(&own)
                && !worst.detail.is_empty()
                && worst.granted == Granted::No
                && !permission.is_optional()
            {
                evidence.push((permission.name(), worst.detail.clone()));
            }
            PermissionCell {
                name: permission.name(),
                state,
                words,
            }
        })
        .collect();
    AccountRow {
        id: account.id.to_string(),
        name: account.name.clone(),
        is_used,
        sites: sites
            .iter()
            .filter(|site| site.account == account.id)
            .map(|site| Named {
                id: site.id.to_string(),
                name: site.name.clone(),
            })
            .collect(),
        zones: counted.map_or(0, |counted| counted.zones),
        cells,
        evidence,
    }
}

fn worst<'a>(checks: &[&'a PermissionCheck]) -> Option<&'a PermissionCheck> {
    let with = |granted| {
        checks
            .iter()
            .copied()
            .find(|check| check.granted == granted)
    };
    with(Granted::No).or_else(|| with(Granted::Unknown))
}

/// A permission of the account itself, or one of its zones when it has none.
fn plain(checks: &[&PermissionCheck]) -> (State, String) {
    let state = match worst(checks) {
        None if checks.is_empty() => State::new("idle", Mark::Ring, "not asked"),
        None => State::from(Granted::Yes),
        Some(check) => State::from(check.granted),
    };
    (state, state.word.to_owned())
}

/// A permission that nothing is missing without: a refusal is no warning.
fn optional(checks: &[&PermissionCheck]) -> (State, String) {
    match worst(checks) {
        Some(check) if check.granted == Granted::No => (
            State::new("idle", Mark::Ring, "no"),
            "not granted".to_owned(),
        ),
        _ => plain(checks),
    }
}

/// *Workers Routes: Edit* over the zones of an account, of which some may not be asked yet.
fn routes(counted: &AccountZones) -> (State, String) {
    let AccountZones {
        zones,
        routes_granted: yes,
        routes_refused: no,
        ..
    } = counted;
    let state = match (*yes, *no) {
        (0, 0) => State::new("idle", Mark::Ring, "not asked"),
        (_, 0) => State::from(Granted::Yes),
        (0, _) => State::from(Granted::No),
        _ => State::new("warn", Mark::Triangle, "partly"),
    };
    let words = match (yes + no, zones) {
        (0, _) => "not asked yet".to_owned(),
        (_, 1) => state.word.to_owned(),
        (asked, zones) if asked == *zones => {
            format!("{} of {}", count(*yes), plural(*zones, "zone"))
        }
        (asked, _) => format!("{} of {} asked", count(*yes), count(asked)),
    };
    (state, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(zones: u64, yes: u64, no: u64) -> AccountZones {
        AccountZones {
            account: format!("{:032}", 1).parse().expect("an id"),
            zones,
            routes_granted: yes,
            routes_refused: no,
        }
    }

    fn check(granted: Granted) -> PermissionCheck {
        PermissionCheck {
            permission: Permission::WorkersScripts,
            account_id: None,
            zone_id: None,
            place: "Acme".to_owned(),
            granted,
            detail: "why".to_owned(),
        }
    }

    #[test]
    fn zones_are_summed_up() {
        for (counts, words, tone) in [
            ((3, 2, 1), "2 of 3 zones", "warn"),
            ((3, 3, 0), "3 of 3 zones", "ok"),
            ((1, 1, 0), "yes", "ok"),
            ((1, 0, 1), "no", "bad"),
            ((5, 0, 5), "0 of 5 zones", "bad"),
            ((2_000, 25, 0), "25 of 25 asked", "ok"),
            ((7, 0, 0), "not asked yet", "idle"),
        ] {
            let (state, said) = routes(&counted(counts.0, counts.1, counts.2));
            assert_eq!((said.as_str(), state.tone), (words, tone), "{counts:?}");
        }
    }

    #[test]
    fn the_worst_finding_is_told() {
        let (yes, no, unknown) = (
            check(Granted::Yes),
            check(Granted::No),
            check(Granted::Unknown),
        );
        assert_eq!(plain(&[&yes, &unknown]).1, "unknown");
        assert_eq!(plain(&[&unknown, &no]).1, "no");
        assert_eq!(plain(&[&yes]).1, "yes");
        assert_eq!(plain(&[]).1, "not asked");
    }
}
