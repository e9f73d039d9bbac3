//! Workers routes: of a zone, and all of a script at once (Cloudflare API notes §5).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    new_id,
    scripts::{self, EDIT},
};
use crate::{
    account::{Level, Route, World},
    edge::pattern::Pattern,
    limits::ROUTES,
};

const ALL: &str = "/zones/{zone_id}/workers/routes";
const ONE: &str = "/zones/{zone_id}/workers/routes/{route_id}";
const OF_SCRIPT: &str = "/accounts/{account_id}/workers/scripts/{script_name}/routes";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let (zone, rest) = match path {
        ["accounts", account, "workers", "scripts", name, "routes"] if method == "PUT" => {
            let (a, name) = ((*account).to_owned(), (*name).to_owned());
            return Some(Endpoint::account(OF_SCRIPT, account, EDIT, move |c| {
                replace(c, &a, &name)
            }));
        }
        ["zones", zone, "workers", "routes", rest @ ..] => (*zone, rest),
        _ => return None,
    };
    let z = zone.to_owned();
    Some(match (method, rest) {
        ("GET", []) => Endpoint::zone(ALL, zone, Level::Read, move |c| {
            let routes: Vec<Value> = c.world.read().routes_of(&z).map(shown).collect();
            Ok(Answer::ok(routes))
        }),
        ("POST", []) => Endpoint::zone(ALL, zone, Level::Edit, move |c| create(c, &z)),
        ("GET", [id]) => {
            let id = (*id).to_owned();
            Endpoint::zone(ONE, zone, Level::Read, move |c| {
                let world = c.world.read();
                // A missing route is 10007 here, 10009 on a write (measured).
                let route = world.routes.get(&id).filter(|r| r.zone == z);
                let missing = || Refusal::new(404, 10007, "workers.api.error.route_not_found");
                Ok(Answer::ok(shown(route.ok_or_else(missing)?)))
            })
        }
        ("PUT", [id]) => {
            let id = (*id).to_owned();
            Endpoint::zone(ONE, zone, Level::Edit, move |c| update(c, &z, &id))
        }
        ("DELETE", [id]) => {
            let id = (*id).to_owned();
            Endpoint::zone(ONE, zone, Level::Edit, move |c| {
                c.world.change(|world| {
                    existing(world, &z, &id)?;
                    world.routes.remove(&id);
                    Ok(Answer::ok(json!({"id": id})))
                })
            })
        }
        _ => return None,
    })
}

fn shown(route: &Route) -> Value {
    let mut shown = json!({"id": route.id, "pattern": route.pattern});
    if let Some(script) = &route.script {
        shown["script"] = json!(script);
    }
    shown["request_limit_fail_open"] = json!(route.request_limit_fail_open);
    shown
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    script: Option<String>,
    #[serde(default)]
    request_limit_fail_open: Option<bool>,
}

fn existing<'a>(world: &'a World, zone: &str, id: &str) -> Result<&'a Route, Refusal> {
    world
        .routes
        .get(id)
        .filter(|r| r.zone == zone)
        .ok_or_else(|| Refusal::new(404, 10009, "workers.api.error.route_not_found"))
}

/// What a pattern is told apart by: hosts are the same in any case.
fn same(a: &str, b: &str) -> bool {
    let split = |text: &str| {
        let start = text.find("://").map_or(0, |i| i + 3);
        let end = text[start..].find('/').map_or(text.len(), |i| start + i);
        (text[..end].to_ascii_lowercase(), text[end..].to_owned())
    };
    split(a) == split(b)
}

/// Checks what a route shall be; `own` is the route that it replaces.
fn check(
    world: &World,
    zone: &str,
    own: Option<&str>,
    pattern: &str,
    script: Option<&str>,
) -> Result<(), Refusal> {
    let Some(zone) = world.zone(zone) else {
        return Err(Refusal::new(404, 10005, "workers.api.error.not_found"));
    };
    Pattern::parse(pattern, &zone.name).map_err(|e| Refusal::new(400, 10022, e.to_string()))?;
    if let Some(script) = script
        && world.script(&zone.account, script).is_none()
    {
        return Err(Refusal::new(
            400,
            10019,
            "workers.api.error.invalid_route_script_missing",
        ));
    }
    let mut others = world
        .routes_of(&zone.id)
        .filter(|r| Some(r.id.as_str()) != own);
    if others.any(|r| same(&r.pattern, pattern)) {
        return Err(Refusal::new(
            409,
            10020,
            "workers.api.error.duplicate_route",
        ));
    }
    if own.is_none() && world.routes_of(&zone.id).count() >= ROUTES {
        // The code of the real service is not known.
        let text = format!("a zone may have at most {ROUTES} routes");
        return Err(Refusal::new(400, 10026, text));
    }
    Ok(())
}

fn create(call: &Call, zone: &str) -> Reply {
    let wanted: Wanted = call.json(10026)?;
    let script = wanted.script.filter(|s| !s.is_empty());
    call.world.change(|world| {
        check(world, zone, None, &wanted.pattern, script.as_deref())?;
        let keep = world.switches.keep_request_limit_fail_open;
        let route = Route {
            id: new_id(),
            zone: zone.to_owned(),
            pattern: wanted.pattern,
            script,
            request_limit_fail_open: keep && wanted.request_limit_fail_open.unwrap_or(false),
        };
        let answer = Answer::ok(shown(&route));
        world.routes.insert(route.id.clone(), route);
        Ok(answer)
    })
}

fn update(call: &Call, zone: &str, id: &str) -> Reply {
    existing(&call.world.read(), zone, id)?;
    let wanted: Wanted = call.json(10026)?;
    let script = wanted.script.filter(|s| !s.is_empty());
    call.world.change(|world| {
        let mut route = existing(world, zone, id)?.clone();
        check(world, zone, Some(id), &wanted.pattern, script.as_deref())?;
        route.pattern = wanted.pattern;
        route.script = script;
        if let Some(open) = wanted.request_limit_fail_open {
            route.request_limit_fail_open = world.switches.keep_request_limit_fail_open && open;
        }
        let answer = Answer::ok(shown(&route));
        world.routes.insert(route.id.clone(), route);
        Ok(answer)
    })
}

#[derive(Deserialize)]
struct OfScript {
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    zone_id: Option<String>,
    #[serde(default)]
    zone_name: Option<String>,
}

/// All routes of a script become these. It takes routes on all zones, not only on those named.
fn replace(call: &Call, account: &str, script: &str) -> Reply {
    if !call
        .token
        .allows_on_every_zone("workers_routes", Level::Edit)
    {
        return Err(Refusal::new(403, 10000, "Authentication error"));
    }
    let wanted: Vec<OfScript> = call.json(10026)?;
    call.world.change(|world| {
        scripts::find(world, account, script)?;
        let mut next = World {
            zones: world.zones.clone(),
            scripts: world.scripts.clone(),
            routes: world.routes.clone(),
            ..World::default()
        };
        let mine = |r: &Route, world: &World| {
            r.script.as_deref() == Some(script)
                && world.zone(&r.zone).is_some_and(|z| z.account == account)
        };
        let before: Vec<Route> = world
            .routes
            .values()
            .filter(|r| mine(r, world))
            .cloned()
            .collect();
        for route in &before {
            next.routes.remove(&route.id);
        }
        let mut answered = Vec::new();
        for entry in wanted {
            let zone = zone_of(world, account, &entry)?;
            // A route without a script gets this one; another script's route stands in the way (10020).
            let free = next
                .routes_of(&zone)
                .find(|r| same(&r.pattern, &entry.pattern) && r.script.is_none())
                .map(|r| r.id.clone());
            if let Some(id) = free {
                next.routes.remove(&id);
            }
            check(&next, &zone, None, &entry.pattern, Some(script))?;
            let kept = before
                .iter()
                .find(|r| r.zone == zone && same(&r.pattern, &entry.pattern));
            let route = kept.cloned().unwrap_or_else(|| Route {
                id: new_id(),
                zone,
                pattern: entry.pattern,
                script: Some(script.to_owned()),
                request_limit_fail_open: false,
            });
            answered.push(shown(&route));
            next.routes.insert(route.id.clone(), route);
        }
        world.routes = next.routes;
        Ok(Answer::ok(answered))
    })
}

fn zone_of(world: &World, account: &str, entry: &OfScript) -> Result<String, Refusal> {
    let host = entry
        .pattern
        .split_once("://")
        .map_or(entry.pattern.as_str(), |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let zone = match (&entry.zone_id, &entry.zone_name) {
        (Some(id), _) => world.zone(id),
        (None, Some(name)) => world.zones.iter().find(|z| &z.name == name),
        (None, None) => world.zone_of_host(host.trim_start_matches('*').trim_start_matches('.')),
    };
    zone.filter(|z| z.account == account)
        .map(|z| z.id.clone())
        .ok_or_else(|| {
            let text = format!("Could not find a zone for the route {}", entry.pattern);
            Refusal::new(400, 10082, text)
        })
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn hosts_are_the_same_in_any_case_paths_are_not() {
        assert!(same("Shop.example/A", "shop.example/A"));
        assert!(!same("shop.example/A", "shop.example/a"));
        assert!(!same("https://shop.example/*", "shop.example/*"));
        assert!(same("HTTPS://shop.example", "https://shop.example"));
    }
}
