//! What is asked where. A check stays small however far a token reaches: with few zones each is asked; with many, the
//! best of each account, and the others once they are chosen.

use super::reach::{FoundZone, Reach, RoutesHint};
use domain::{
    connection::{Granted, Permission, PermissionCheck, ReachableAccount, Scope},
    ids::{AccountId, ZoneId},
};
use std::collections::{HashMap, HashSet};

/// With at most so many zones each has its rows. With more, so many zones are asked, or one of each asked account.
pub(super) const ZONES_ASKED: usize = 25;

/// So many accounts are asked: each takes four calls and, refused, four more, or one more for what is optional, and all of a
/// check stays below the burst that the client allows.
pub(super) const ACCOUNTS_ASKED: usize = 50;

/// What a row asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing: the lists have answered it.
    Settled(Granted, String),
    /// The list of zones was refused or empty: asked again, it may have one of this account.
    Zones(Granted, String),
    /// The row's own permission, by its probe.
    Probe,
}

/// A row and what it asks.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The row as it is told.
    pub(super) check: PermissionCheck,
    /// What is asked.
    pub(super) question: Question,
    /// What may be expected of a zone's routes.
    pub(super) hint: RoutesHint,
}

/// The rows of a token, not yet answered.
pub(super) fn rows(reach: &Reach) -> Vec<Row> {
    let mut by_account: HashMap<&AccountId, Vec<&FoundZone>> = HashMap::new();
    for found in &reach.zones {
        by_account
            .entry(&found.zone.account_id)
            .or_default()
            .push(found);
    }
    for zones in by_account.values_mut() {
        zones.sort_by(|a, b| rank(a).cmp(&rank(b)));
    }
    let no_zones = Vec::new();
    let zones_of = |account: &ReachableAccount| by_account.get(&account.id).unwrap_or(&no_zones);
    // The accounts that promise most come first when there are too many; the order of the list stays else.
    let mut accounts: Vec<&ReachableAccount> = reach.accounts.iter().collect();
    if accounts.len() > ACCOUNTS_ASKED {
        accounts.sort_by_key(|account| {
            let best = zones_of(account).first();
            best.map_or((2, RoutesHint::ReadOnly), |best| (rank(best).0, best.hint))
        });
    }
    let (asked, left) = accounts.split_at(accounts.len().min(ACCOUNTS_ASKED));
    let lists: Vec<&[&FoundZone]> = asked
        .iter()
        .map(|account| zones_of(account).as_slice())
        .collect();
    let chosen = choose(&lists, reach.zones.len());
    let mut rows = Vec::new();
    for account in asked {
        rows_of_account(account, zones_of(account), &chosen, reach, &mut rows);
    }
    if !left.is_empty() {
        rows_of_the_rest(left.len(), &mut rows);
    }
    rows
}

/// Which zone is asked first: one that serves traffic and promises the right; the name makes it the same each time.
fn rank(found: &FoundZone) -> (u8, RoutesHint, &str) {
    let is_live = found.zone.status == "active" && !found.zone.paused;
    (u8::from(!is_live), found.hint, &found.zone.name)
}

/// The zone that is asked first.
pub(super) fn best(zones: &[FoundZone]) -> Option<&FoundZone> {
    zones.iter().min_by_key(|found| rank(found))
}

/// The zones that are asked, from each account's zones, best first: all when they are few, else in turns, so that each
/// account has one.
fn choose<'a>(lists: &[&[&'a FoundZone]], of_all: usize) -> HashSet<&'a ZoneId> {
    let with_zones = lists.iter().filter(|zones| !zones.is_empty()).count();
    let budget = if of_all <= ZONES_ASKED {
        of_all
    } else {
        with_zones.max(ZONES_ASKED)
    };
    let longest = lists.iter().map(|zones| zones.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|turn| lists.iter().filter_map(move |zones| zones.get(turn)))
        .take(budget)
        .map(|found| &found.zone.id)
        .collect()
}

fn row(permission: Permission, account: &ReachableAccount, question: Question) -> Row {
    Row {
        check: PermissionCheck {
            permission,
            account_id: Some(account.id.clone()),
            zone_id: None,
            place: account.name.clone(),
            granted: Granted::Unknown,
            detail: String::new(),
        },
        question,
        hint: RoutesHint::None,
    }
}

/// The two rows of a zone.
pub(super) fn rows_of_zone(account: &ReachableAccount, found: &FoundZone) -> [Row; 2] {
    let listed = Question::Settled(Granted::Yes, "GET /zones lists the zone".to_owned());
    [
        (Permission::WorkersRoutes, Question::Probe),
        (Permission::Zone, listed),
    ]
    .map(|(permission, question)| {
        let mut row = row(permission, account, question);
        row.check.zone_id = Some(found.zone.id.clone());
        row.check.place.clone_from(&found.zone.name);
        row.hint = found.hint;
        row
    })
}

fn rows_of_account(
    account: &ReachableAccount,
    zones: &[&FoundZone],
    chosen: &HashSet<&ZoneId>,
    reach: &Reach,
    rows: &mut Vec<Row>,
) {
    for permission in Permission::ALL {
        if permission.scope() == Scope::Account {
            rows.push(row(permission, account, Question::Probe));
        }
    }
    if zones.is_empty() {
        let unasked = "No zone of this account is reachable to ask it on.".to_owned();
        let settled = Question::Settled(Granted::Unknown, unasked);
        rows.push(row(Permission::WorkersRoutes, account, settled));
        rows.push(row(Permission::Zone, account, no_zone(reach)));
        return;
    }
    let (asked, left): (Vec<&FoundZone>, Vec<&FoundZone>) = zones
        .iter()
        .copied()
        .partition(|found| chosen.contains(&found.zone.id));
    for found in asked {
        rows.extend(rows_of_zone(account, found));
    }
    if left.is_empty() {
        return;
    }
    let many = left.len();
    let place = format!("{many} more zones of {}", account.name);
    for (permission, granted, words) in [
        (
            Permission::WorkersRoutes,
            Granted::Unknown,
            format!("{many} more zones are not asked one by one: each is asked when it is chosen."),
        ),
        (
            Permission::Zone,
            Granted::Yes,
            format!("GET /zones lists {many} more zones of this account."),
        ),
    ] {
        let mut row = row(permission, account, Question::Settled(granted, words));
        row.check.place.clone_from(&place);
        rows.push(row);
    }
}

fn no_zone(reach: &Reach) -> Question {
    match &reach.zones_refused {
        Some(error) => Question::Zones(Granted::No, format!("Not granted here. {error}")),
        None if reach.zones.is_empty() => Question::Zones(
            Granted::Unknown,
            "GET /zones lists nothing: Zone: Read is missing, no zone is included under Zone Resources, or there is none.".to_owned(),
        ),
        None => Question::Settled(
            Granted::Unknown,
            "GET /zones lists no zone of this account: it has none, or none is included under Zone Resources.".to_owned(),
        ),
    }
}

/// One row per permission for all accounts that are not asked.
fn rows_of_the_rest(many: usize, rows: &mut Vec<Row>) {
    let words = format!(
        "{many} more accounts are not asked: {ACCOUNTS_ASKED} are asked at once. Include only those under Account Resources that are to be used."
    );
    for permission in Permission::ALL {
        rows.push(Row {
            check: PermissionCheck {
                permission,
                account_id: None,
                zone_id: None,
                place: format!("{many} more accounts"),
                granted: Granted::Unknown,
                detail: String::new(),
            },
            question: Question::Settled(Granted::Unknown, words.clone()),
            hint: RoutesHint::None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::connection::ReachableZone;

    fn account(number: usize) -> ReachableAccount {
        ReachableAccount {
            id: format!("{number:032}").parse().expect("an id"),
            name: format!("Account {number}"),
        }
    }

    fn zone(of: usize, number: usize, status: &str, paused: bool, hint: RoutesHint) -> FoundZone {
        FoundZone {
            zone: ReachableZone {
                id: format!("{:032}", of * 1000 + number)
                    .parse()
                    .expect("an id"),
                name: format!("z{number:03}.example"),
                account_id: account(of).id,
                status: status.to_owned(),
                paused,
                plan: None,
            },
            account_name: None,
            hint,
        }
    }

    fn asked(rows: &[Row]) -> Vec<&str> {
        rows.iter()
            .filter(|row| row.check.permission == Permission::WorkersRoutes)
            .filter(|row| row.question == Question::Probe)
            .map(|row| row.check.place.as_str())
            .collect()
    }

    fn reach(accounts: usize, zones: Vec<FoundZone>) -> Reach {
        Reach {
            accounts: (0..accounts).map(account).collect(),
            zones,
            zones_refused: None,
        }
    }

    #[test]
    fn the_best_zone_comes_first() {
        let zones = vec![
            zone(0, 1, "pending", false, RoutesHint::Edit),
            zone(0, 2, "active", true, RoutesHint::Edit),
            zone(0, 3, "active", false, RoutesHint::ReadOnly),
            zone(0, 4, "active", false, RoutesHint::None),
            zone(0, 5, "active", false, RoutesHint::Edit),
        ];
        assert_eq!(
            best(&zones).map(|found| found.zone.name.as_str()),
            Some("z005.example")
        );
        let names = [
            "z005.example",
            "z004.example",
            "z003.example",
            "z001.example",
            "z002.example",
        ];
        assert_eq!(asked(&rows(&reach(1, zones))), names);
    }

    #[test]
    fn many_accounts_and_zones_give_few_rows() {
        // The last accounts alone have zones that serve traffic.
        let zones: Vec<FoundZone> = (0..5_000)
            .map(|number| {
                let status = if number % 500 < 480 {
                    "pending"
                } else {
                    "active"
                };
                zone(number % 500, number / 500, status, false, RoutesHint::None)
            })
            .collect();
        let rows = rows(&reach(500, zones));
        assert_eq!(rows.len(), ACCOUNTS_ASKED * (3 + 2 + 2) + 5);
        assert_eq!(asked(&rows).len(), ACCOUNTS_ASKED);
        for number in 480..500 {
            let id = Some(account(number).id);
            assert!(
                rows.iter()
                    .any(|row| row.check.account_id == id && row.question == Question::Probe),
                "{number}"
            );
        }
        let rest = rows.last().expect("rows");
        assert_eq!(rest.check.account_id, None);
        assert_eq!(rest.check.place, "450 more accounts");
    }

    #[test]
    fn few_zones_have_two_rows_each() {
        let zones = (0..ZONES_ASKED)
            .map(|number| zone(number % 2, number, "pending", false, RoutesHint::None))
            .collect();
        let rows = rows(&reach(3, zones));
        assert_eq!(rows.len(), 3 * 3 + 2 * ZONES_ASKED + 2);
        assert_eq!(asked(&rows).len(), ZONES_ASKED);
    }
}
