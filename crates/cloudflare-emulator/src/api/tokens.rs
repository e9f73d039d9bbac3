//! Tokens: verify, and the permission groups (Cloudflare API notes §2.2, §2.6).

use serde_json::{Value, json};

use super::{
    answer::{Answer, Reply},
    call::{Call, Endpoint, Family, Scope},
};
use crate::account::TokenStatus;

/// Name, id and scope of the permission groups that are known.
const GROUPS: &[(&str, &str, &str)] = &[
    (
        "Workers Scripts Write",
        "e086da7e2179491d91ee5f35b3ca210a",
        "account",
    ),
    (
        "Workers Scripts Read",
        "1a71c399035b4950a1bd1466bbe4f420",
        "account",
    ),
    (
        "Workers KV Storage Write",
        "f7f0eda5697f475c90846e879bab8666",
        "account",
    ),
    (
        "Workers Routes Write",
        "28f4b596e7d643029c524985477ae49a",
        "zone",
    ),
    (
        "Account Settings Read",
        "c1fde68c7bcc44588cbb6ddbc16d6480",
        "account",
    ),
    ("Zone Read", "c8fed203ed3043cba015a93ad1616f1f", "zone"),
    ("Zone Write", "e6d2666161e84845a636613608cee8d5", "zone"),
    (
        "Zone Settings Write",
        "3030687196b94b638145a3953da2b699",
        "zone",
    ),
    (
        "User Details Read",
        "8acbe5bb0d54464ab867149d7f7cf8ac",
        "user",
    ),
];

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let account = |a: &&str| Scope::Account((*a).to_owned());
    Some(match (method, path) {
        ("GET", ["user", "tokens", "verify"]) => Endpoint::new(
            "/user/tokens/verify",
            Family::UserVerify,
            Scope::Any,
            None,
            verify,
        ),
        ("GET", ["accounts", a, "tokens", "verify"]) => Endpoint::new(
            "/accounts/{account_id}/tokens/verify",
            Family::AccountVerify,
            account(a),
            None,
            verify,
        ),
        ("GET", ["user", "tokens", "permission_groups"]) => Endpoint::new(
            "/user/tokens/permission_groups",
            Family::User,
            Scope::Any,
            Some(("api_tokens", crate::account::Level::Read)),
            groups,
        ),
        ("GET", ["accounts", a, "tokens", "permission_groups"]) => Endpoint::new(
            "/accounts/{account_id}/tokens/permission_groups",
            Family::Directory,
            account(a),
            Some(("api_tokens", crate::account::Level::Read)),
            groups,
        ),
        _ => return None,
    })
}

fn verify(call: &Call) -> Reply {
    let now = jiff::Timestamp::from_millisecond(i64::try_from(call.now_ms).unwrap_or(i64::MAX))
        .unwrap_or(jiff::Timestamp::MAX);
    let token = &call.token;
    let status = token.status_at(now);
    let mut result = json!({"id": token.id(), "status": status.as_str()});
    if let Some(t) = token.not_before {
        result["not_before"] = Value::String(t.to_string());
    }
    if let Some(t) = token.expires_on {
        result["expires_on"] = Value::String(t.to_string());
    }
    let answer = Answer::ok(result);
    Ok(match status {
        TokenStatus::Active => answer.message(10000, "This API Token is valid and active"),
        _ => answer,
    })
}

fn groups(_: &Call) -> Reply {
    let all: Vec<Value> = GROUPS
        .iter()
        .map(|(name, id, scope)| {
            let scope = match *scope {
                "zone" => "com.cloudflare.api.account.zone",
                "user" => "com.cloudflare.api.user",
                _ => "com.cloudflare.api.account",
            };
            json!({"id": id, "name": name, "scopes": [scope]})
        })
        .collect();
    Ok(Answer::ok(all))
}
