//! The tokens of a state file.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{
    PolicyEntry, StateError, TokenEntry,
    world::{invalid, known, one_of},
};
use crate::account::{Level, Policy, Reach, Token, TokenKind, TokenStatus};

/// The permission keys that a token may have, as the dashboard's template addresses spell them (Cloudflare API notes
/// §2.5), and a few more that people's tokens have.
const PERMISSIONS: &[&str] = &[
    "account_analytics",
    "account_settings",
    "analytics",
    "api_tokens",
    "bot_management",
    "cache",
    "d1",
    "dns",
    "logs",
    "memberships",
    "page_rules",
    "r2",
    "ssl_and_certificates",
    "user_details",
    "waf",
    "workers_kv_storage",
    "workers_observability",
    "workers_r2_storage",
    "workers_routes",
    "workers_scripts",
    "workers_tail",
    "zone",
    "zone_settings",
];

pub(super) fn token(
    at: &str,
    entry: TokenEntry,
    accounts: &BTreeSet<String>,
    zones: &BTreeSet<String>,
) -> Result<Token, StateError> {
    one_of(&format!("{at}.kind"), &entry.kind, &["user", "account"])?;
    one_of(
        &format!("{at}.status"),
        &entry.status,
        &["active", "disabled"],
    )?;
    if entry.value.is_empty() || !entry.value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(invalid(
            format!("{at}.value"),
            "it is empty or holds a space",
            "Write what the Authorization header carries after Bearer, best 40 letters and digits",
        ));
    }
    let moment = |key: &str, value: Option<String>| -> Result<Option<Timestamp>, StateError> {
        value
            .map(|text| {
                text.parse().map_err(|_| {
                    invalid(
                        format!("{at}.{key}"),
                        format!("{text:?} is no moment"),
                        "Write it like 2030-01-01T00:00:00Z",
                    )
                })
            })
            .transpose()
    };
    let mut allowed_ips = Vec::new();
    for text in &entry.allowed_ips {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        allowed_ips.push(net.map_err(|_| {
            invalid(
                format!("{at}.allowed_ips"),
                format!("{text:?} is no address or network"),
                "Write it like 203.0.113.7 or 203.0.113.0/24",
            )
        })?);
    }
    let mut policies = entry.policies;
    policies.insert(
        0,
        PolicyEntry {
            accounts: entry.accounts,
            zones: entry.zones,
            permissions: entry.permissions,
        },
    );
    let policies = policies
        .into_iter()
        .map(|p| policy(at, p, accounts, zones))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Token {
        value: entry.value,
        name: entry.name,
        kind: match entry.kind.as_str() {
            "account" => TokenKind::Account,
            _ => TokenKind::User,
        },
        status: match entry.status.as_str() {
            "disabled" => TokenStatus::Disabled,
            _ => TokenStatus::Active,
        },
        expires_on: moment("expires_on", entry.expires_on)?,
        not_before: moment("not_before", entry.not_before)?,
        allowed_ips,
        policies,
    })
}

fn policy(
    at: &str,
    entry: PolicyEntry,
    accounts: &BTreeSet<String>,
    zones: &BTreeSet<String>,
) -> Result<Policy, StateError> {
    let reach = |key: &str, ids: Vec<String>, all: &BTreeSet<String>| {
        if ids.iter().any(|i| i == "*") {
            return Ok(Reach::All);
        }
        let at = format!("{at}.{key}");
        let ids = ids.iter().map(|i| known(&at, i, all, key));
        ids.collect::<Result<_, _>>().map(Reach::These)
    };
    let mut permissions = BTreeMap::new();
    for (key, level) in entry.permissions {
        let at = format!("{at}.permissions.{key}");
        one_of(&at, &key, PERMISSIONS)?;
        one_of(&at, &level, &["read", "edit"])?;
        let level = if level == "edit" {
            Level::Edit
        } else {
            Level::Read
        };
        permissions.insert(key, level);
    }
    Ok(Policy {
        accounts: reach("accounts", entry.accounts, accounts)?,
        zones: reach("zones", entry.zones, zones)?,
        permissions,
    })
}
