//! The control calls for tests, `/__emulator/…`. They exist on a loopback address only, and take a loopback peer, a
//! literal loopback `Host` and no `Origin`, so that no web page can make them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::PoisonError,
};

use http::{StatusCode, header};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, Asked, HttpResponse, answer::Answer, collect, rate::Standing, sealing::seal};
use crate::{
    account::{Reach, Script, TokenKind, World},
    faults::FaultSpec,
};

pub(super) async fn exchange(api: &Api, asked: &Asked, body: Incoming) -> HttpResponse {
    let body = collect(body).await.unwrap_or_default();
    let answer = answer(api, asked, &body)
        .unwrap_or_else(|(status, text)| Answer::bare(status, json!({"error": text})));
    seal(Ok(answer), Standing::unlimited())
}

type Refused = (StatusCode, String);

fn refused<T>(status: StatusCode, text: impl Into<String>) -> Result<T, Refused> {
    Err((status, text.into()))
}

fn answer(api: &Api, asked: &Asked, body: &[u8]) -> Result<Answer, Refused> {
    if !api.control {
        return refused(
            StatusCode::NOT_FOUND,
            "control calls exist only while the API listens on a loopback address",
        );
    }
    if !asked.peer.to_canonical().is_loopback() || !loopback_host(asked) {
        return refused(
            StatusCode::FORBIDDEN,
            "control calls are taken from this machine only, with Host 127.0.0.1, [::1] or localhost",
        );
    }
    if asked.headers.contains_key(header::ORIGIN) {
        return refused(
            StatusCode::FORBIDDEN,
            "control calls are not taken from web pages: leave the Origin header out",
        );
    }
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/__emulator/state") => Ok(ok(state(&api.world.read()))),
        ("GET", "/__emulator/requests") => Ok(ok(requests(api))),
        ("POST", "/__emulator/faults") => {
            let spec: FaultSpec = json(asked, body)?;
            match api.world.faults().add(&spec) {
                Ok(()) => Ok(Answer::bare(StatusCode::CREATED, json!({"ok": true}))),
                Err(e) => refused(StatusCode::BAD_REQUEST, e.to_string()),
            }
        }
        ("GET", "/__emulator/faults") => Ok(ok(json!({"faults": api.world.faults().standings()}))),
        ("DELETE", "/__emulator/faults") => {
            api.world.faults().clear();
            Ok(ok(json!({"ok": true})))
        }
        ("PUT", "/__emulator/latency") => {
            let latency: Latency = json(asked, body)?;
            api.world.set_latency_ms(latency.ms);
            Ok(ok(json!({"ms": latency.ms})))
        }
        _ => refused(
            StatusCode::NOT_FOUND,
            "known are GET /__emulator/state, GET /__emulator/requests, GET, POST and DELETE /__emulator/faults, \
             PUT /__emulator/latency",
        ),
    }
}

fn ok(value: Value) -> Answer {
    Answer::bare(StatusCode::OK, value)
}

fn loopback_host(asked: &Asked) -> bool {
    let host = asked
        .headers
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || name
            .parse::<Ipv6Addr>()
            .is_ok_and(|ip| IpAddr::from(ip).is_loopback())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    ms: u64,
}

fn json<T: serde::de::DeserializeOwned>(asked: &Asked, body: &[u8]) -> Result<T, Refused> {
    let is_json = asked
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|h| h.to_str().ok())
        .is_some_and(|h| h.starts_with("application/json"));
    if !is_json {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send Content-Type: application/json",
        );
    }
    serde_json::from_slice(body).or_else(|e| refused(StatusCode::BAD_REQUEST, e.to_string()))
}

fn requests(api: &Api) -> Value {
    let counts = api.counts.lock().unwrap_or_else(PoisonError::into_inner);
    let all: Vec<Value> = counts
        .iter()
        .map(|((method, path), count)| json!({"method": method, "path": path, "count": count}))
        .collect();
    let total: u64 = counts.values().sum();
    json!({"requests": all, "total": total})
}

/// The world as the state file's tables, without any secret and in an order that depends on nothing but what there
/// is: two dumps are the same exactly when the same things are there.
fn state(world: &World) -> Value {
    let mut accounts: Vec<Value> = world
        .accounts
        .iter()
        .map(|a| {
            json!({
                "id": a.id, "name": a.name, "subdomain": a.subdomain,
                "email_verified": a.email_verified, "workers": a.workers,
                "analytics_engine": a.analytics_engine,
            })
        })
        .collect();
    let mut zones: Vec<Value> = world
        .zones
        .iter()
        .map(|z| {
            json!({
                "id": z.id, "account": z.account, "name": z.name, "status": z.status, "plan": z.plan,
                "paused": z.paused, "origin": z.origin, "proxied": z.proxied,
            })
        })
        .collect();
    let mut tokens: Vec<Value> = world
        .tokens
        .iter()
        .map(|t| {
            let reach = |r: &Reach| match r {
                Reach::All => json!(["*"]),
                Reach::These(ids) => json!(ids),
            };
            let policies: Vec<Value> = t
                .policies
                .iter()
                .map(|p| {
                    let permissions: Vec<String> = p
                        .permissions
                        .iter()
                        .map(|(key, level)| format!("{key}:{level:?}").to_lowercase())
                        .collect();
                    json!({
                        "accounts": reach(&p.accounts), "zones": reach(&p.zones), "permissions": permissions,
                    })
                })
                .collect();
            json!({
                "id": t.id(),
                "name": t.name,
                "kind": if t.kind == TokenKind::User { "user" } else { "account" },
                "status": t.status.as_str(),
                "expires_on": t.expires_on,
                "not_before": t.not_before,
                "policies": policies,
            })
        })
        .collect();
    for list in [&mut accounts, &mut zones, &mut tokens] {
        list.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    }
    let namespaces: Vec<Value> = world
        .namespaces
        .values()
        .map(
            |n| json!({"id": n.id, "account": n.account, "title": n.title, "keys": n.values.len()}),
        )
        .collect();
    let scripts: Vec<Value> = world
        .scripts
        .iter()
        .map(|((account, name), script)| dumped(account, name, script))
        .collect();
    let datasets: Vec<Value> = world
        .datasets
        .iter()
        .map(|((account, name), dataset)| {
            json!({"account": account, "name": name, "points": dataset.points.len()})
        })
        .collect();
    let mut routes: Vec<Value> = world
        .routes
        .values()
        .map(|r| {
            json!({
                "id": r.id, "zone": r.zone, "pattern": r.pattern, "script": r.script,
                "request_limit_fail_open": r.request_limit_fail_open,
            })
        })
        .collect();
    let key = |r: &Value| {
        let text = |k: &str| r[k].as_str().unwrap_or_default().to_owned();
        (text("zone"), text("pattern"), text("id"))
    };
    routes.sort_by_key(key);
    json!({
        "accounts": accounts, "zones": zones, "tokens": tokens,
        "namespaces": namespaces, "scripts": scripts, "routes": routes,
        "datasets": datasets,
    })
}

fn dumped(account: &str, name: &str, script: &Script) -> Value {
    let live = script.live();
    let bindings: Vec<Value> = live
        .map(|v| {
            v.content
                .bindings
                .iter()
                .map(|b| json!({"name": b.name(), "type": b.kind()}))
                .collect()
        })
        .unwrap_or_default();
    json!({
        "account": account,
        "name": name,
        "tags": script.tags,
        "etag": live.map(|v| v.content.etag.clone()),
        "compatibility_date": live.and_then(|v| v.content.compatibility_date.clone()),
        "bindings": bindings,
        "versions": script.versions.last().map_or(0, |v| v.number),
    })
}
