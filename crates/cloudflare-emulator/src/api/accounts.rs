//! The user, memberships and accounts (Cloudflare API notes §3.1).

use serde_json::{Value, json};

use super::{
    answer::{Answer, Reply},
    call::{Call, Endpoint, Family, Scope},
    paging,
};
use crate::account::{Account, Level};

/// When everything that has no date of its own began.
pub(super) const BEGINNING: &str = "2024-05-01T10:00:00.000000Z";

const READ: (&str, Level) = ("account_settings", Level::Read);

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    Some(match (method, path) {
        ("GET", ["user"]) => Endpoint::new(
            "/user",
            Family::User,
            Scope::Any,
            Some(("user_details", Level::Read)),
            user,
        ),
        ("GET", ["memberships"]) => Endpoint::new(
            "/memberships",
            Family::User,
            Scope::Any,
            Some(("memberships", Level::Read)),
            memberships,
        ),
        ("GET", ["accounts"]) => {
            Endpoint::new("/accounts", Family::Directory, Scope::Any, Some(READ), list)
        }
        ("GET", ["accounts", id]) => {
            let id = (*id).to_owned();
            Endpoint::new(
                "/accounts/{account_id}",
                Family::Directory,
                Scope::Account(id.clone()),
                Some(READ),
                move |call| {
                    let world = call.world.read();
                    Ok(Answer::ok(world.account(&id).map(shown)))
                },
            )
        }
        _ => return None,
    })
}

fn user(_: &Call) -> Reply {
    Ok(Answer::ok(json!({
        "id": "d0000000000000000000000000000001",
        "email": "owner@example.com",
        "first_name": null,
        "last_name": null,
        "two_factor_authentication_enabled": true,
        "suspended": false,
        "created_on": BEGINNING,
        "modified_on": BEGINNING,
    })))
}

/// All accounts within the token's reach, whatever it may do there: a membership is the user's.
fn memberships(call: &Call) -> Reply {
    let world = call.world.read();
    let reached: Vec<&Account> = world
        .accounts
        .iter()
        .filter(|a| call.token.reaches_account(&a.id))
        .collect();
    paging::page(call, reached, paging::DIRECTORY, |a| {
        json!({
            "id": format!("e{}", &a.id[1..]),
            "status": "accepted",
            "account": shown(a),
            "roles": ["Super Administrator - All Privileges"],
            "permissions": {},
        })
    })
}

fn list(call: &Call) -> Reply {
    let world = call.world.read();
    let mut accounts: Vec<&Account> = world
        .accounts
        .iter()
        .filter(|a| call.token.allows_on_account(READ.0, READ.1, &a.id))
        .filter(|a| call.query("name").is_none_or(|name| a.name == name))
        .collect();
    match call.query("direction") {
        Some("asc") => accounts.sort_by(|a, b| a.name.cmp(&b.name)),
        Some("desc") => accounts.sort_by(|a, b| b.name.cmp(&a.name)),
        _ => {}
    }
    paging::page(call, accounts, paging::DIRECTORY, shown)
}

fn shown(account: &Account) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "type": "standard",
        "settings": {"enforce_twofactor": false, "abuse_contact_email": null},
        "created_on": BEGINNING,
    })
}
