//! The five permissions across accounts, as a table.

use super::{PermissionCell, PermissionRow};
use crate::console::parts::{Mark, State};
use domain::connection::{Granted, Level, Permission, PermissionCheck, Scope};
use store::Connection;

/// The columns' names and the five rows.
pub(super) fn of(connection: &Connection) -> (Vec<String>, Vec<PermissionRow>) {
    let columns = connection
        .accounts
        .iter()
        .map(|account| account.name.clone())
        .collect();
    let rows = Permission::ALL
        .into_iter()
        .map(|permission| PermissionRow {
            scope: match permission.scope() {
                Scope::Account => "Account",
                Scope::Zone => "Zone",
            },
            name: permission.name(),
            level: match permission.level() {
                Level::Edit => "Edit",
                Level::Read => "Read",
            },
            cells: connection
                .accounts
                .iter()
                .map(|account| {
                    let checks: Vec<&PermissionCheck> = connection
                        .permissions
                        .iter()
                        .filter(|check| {
                            check.permission == permission
                                && check.account_id.as_ref() == Some(&account.id)
                        })
                        .collect();
                    cell(permission, &checks)
                })
                .collect(),
        })
        .collect();
    (columns, rows)
}

fn cell(permission: Permission, checks: &[&PermissionCheck]) -> PermissionCell {
    let yes = checks
        .iter()
        .filter(|check| check.granted == Granted::Yes)
        .count();
    let worst = checks
        .iter()
        .find(|check| check.granted == Granted::No)
        .or_else(|| {
            checks
                .iter()
                .find(|check| check.granted == Granted::Unknown)
        });
    let state = match worst.map(|check| check.granted) {
        None if checks.is_empty() => State::new("idle", Mark::Ring, "not asked"),
        None => State::from(Granted::Yes),
        Some(_) if yes > 0 => State::new("warn", Mark::Triangle, "partly"),
        Some(granted) => granted.into(),
    };
    let words = match permission.scope() {
        Scope::Zone if checks.len() > 1 => format!("{yes} of {} zones", checks.len()),
        _ => state.word.to_owned(),
    };
    PermissionCell {
        state,
        words,
        detail: worst.map(|check| check.detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(granted: Granted) -> PermissionCheck {
        PermissionCheck {
            permission: Permission::WorkersRoutes,
            account_id: None,
            zone_id: None,
            place: "shop.example".to_owned(),
            granted,
            detail: "why".to_owned(),
        }
    }

    #[test]
    fn zones_are_summed_up() {
        let (yes, no) = (check(Granted::Yes), check(Granted::No));
        let some = cell(Permission::WorkersRoutes, &[&yes, &no, &yes]);
        assert_eq!(
            (some.words.as_str(), some.state.tone),
            ("2 of 3 zones", "warn")
        );
        let none = cell(Permission::WorkersRoutes, &[&no]);
        assert_eq!((none.words.as_str(), none.state.tone), ("no", "bad"));
        let all = cell(Permission::WorkersRoutes, &[&yes]);
        assert_eq!((all.words.as_str(), all.detail), ("yes", None));
        assert_eq!(cell(Permission::WorkersRoutes, &[]).words, "not asked");
    }
}
