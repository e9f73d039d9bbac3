//! Zones (Cloudflare API notes §3.2).

use serde_json::{Value, json};

use super::{
    accounts::BEGINNING,
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint, Family, Scope},
    paging,
};
use crate::account::{Level, Token, World, Zone};

const READ: (&str, Level) = ("zone", Level::Read);

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    Some(match (method, path) {
        ("GET", ["zones"]) => {
            Endpoint::new("/zones", Family::Directory, Scope::Any, Some(READ), list)
        }
        ("GET", ["zones", id]) => {
            let id = (*id).to_owned();
            Endpoint::new(
                "/zones/{zone_id}",
                Family::Directory,
                Scope::Zone(id.clone()),
                Some(READ),
                move |call| {
                    let world = call.world.read();
                    let zone = world.zone(&id);
                    Ok(Answer::ok(zone.map(|z| shown(&world, z, &call.token))))
                },
            )
        }
        _ => return None,
    })
}

fn list(call: &Call) -> Reply {
    let world = call.world.read();
    let mut zones = Vec::new();
    let all = call.query("match").is_none_or(|m| m != "any");
    for zone in &world.zones {
        if call.token.allows_on_zone(READ.0, READ.1, zone) && wanted(call, &world, zone, all) {
            zones.push(zone);
        }
    }
    let key = |z: &Zone| -> Result<String, Refusal> {
        Ok(match call.query("order").unwrap_or("name") {
            "name" => z.name.clone(),
            "status" => z.status.clone(),
            "account.id" => z.account.clone(),
            "account.name" => account_name(&world, z).to_owned(),
            "plan.id" => z.plan.clone(),
            other => {
                return Err(Refusal::new(400, 1003, format!("Invalid order: {other:?}")));
            }
        })
    };
    let mut keyed = Vec::new();
    for zone in zones {
        keyed.push((key(zone)?, zone));
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    if call.query("direction") == Some("desc") {
        keyed.reverse();
    }
    paging::page(call, keyed, paging::DIRECTORY, |(_, zone)| {
        shown(&world, zone, &call.token)
    })
}

/// Whether a zone passes the filters of a list: all of them, or any of them.
fn wanted(call: &Call, world: &World, zone: &Zone, all: bool) -> bool {
    let filters: Vec<bool> = [
        call.query("name").map(|f| named(f, &zone.name)),
        call.query("status").map(|f| zone.status == f),
        call.query("account.id").map(|f| zone.account == f),
        call.query("account.name")
            .map(|f| named(f, account_name(world, zone))),
        call.query("type")
            .map(|f| f.split(',').any(|t| t == "full")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if all || filters.is_empty() {
        filters.iter().all(|f| *f)
    } else {
        filters.iter().any(|f| *f)
    }
}

/// A name filter: the name itself, or an operator, a colon and its operand.
fn named(filter: &str, name: &str) -> bool {
    let (operator, operand) = filter.split_once(':').unwrap_or(("equal", filter));
    let (operand, name) = if operator.ends_with("_case_sensitive") {
        (operand.to_owned(), name.to_owned())
    } else {
        (operand.to_lowercase(), name.to_lowercase())
    };
    match operator.trim_end_matches("_case_sensitive") {
        "equal" => name == operand,
        "not_equal" => name != operand,
        "contains" => name.contains(&operand),
        "starts_with" => name.starts_with(&operand),
        "ends_with" => name.ends_with(&operand),
        _ => false,
    }
}

fn account_name<'a>(world: &'a World, zone: &Zone) -> &'a str {
    world
        .account(&zone.account)
        .map_or("", |account| account.name.as_str())
}

fn shown(world: &World, zone: &Zone, token: &Token) -> Value {
    let (plan, price) = match zone.plan.as_str() {
        "pro" => ("Pro Website", 20),
        "business" => ("Business Website", 200),
        "enterprise" => ("Enterprise Website", 0),
        _ => ("Free Website", 0),
    };
    let active = zone.status == "active";
    let mut permissions = Vec::new();
    for (key, legacy) in [
        ("zone", "zone"),
        ("workers_routes", "worker"),
        ("dns", "dns_records"),
    ] {
        for (level, word) in [(Level::Read, "read"), (Level::Edit, "edit")] {
            if token.allows_on_zone(key, level, zone) {
                permissions.push(format!("#{legacy}:{word}"));
            }
        }
    }
    json!({
        "id": zone.id,
        "name": zone.name,
        "status": zone.status,
        "paused": zone.paused,
        "type": "full",
        "development_mode": 0,
        "name_servers": ["ada.ns.example.com", "bob.ns.example.com"],
        "original_name_servers": null,
        "original_registrar": null,
        "original_dnshost": null,
        "modified_on": BEGINNING,
        "created_on": BEGINNING,
        "activated_on": active.then_some(BEGINNING),
        "vanity_name_servers": [],
        "meta": {
            "step": if active { 2 } else { 0 },
            "custom_certificate_quota": 0,
            "page_rule_quota": 3,
            "phishing_detected": false,
        },
        "owner": {"id": null, "type": "user", "email": null},
        "account": {"id": zone.account, "name": account_name(world, zone)},
        "tenant": {"id": null, "name": null},
        "tenant_unit": {"id": null},
        "permissions": permissions,
        "plan": {
            "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "name": plan,
            "price": price,
            "currency": "USD",
            "frequency": if price > 0 { "monthly" } else { "" },
            "is_subscribed": price > 0,
            "can_subscribe": false,
            "legacy_id": zone.plan,
            "legacy_discount": false,
            "externally_managed": false,
        },
    })
}
