//! From the entries of a state file to the world, with every check on the way.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{NamespaceEntry, RouteEntry, ScriptEntry, StateError, StateFile, ZoneEntry, tokens};
use crate::{
    account::{
        Account, Code, KvEntry, Module, Namespace, Route, Script, Switches, World, Zone, plain_id,
    },
    api::bindings,
    clock::now_ms,
    edge::pattern::Pattern,
};

const PASS_THROUGH: &str = "export default { fetch(request) { return fetch(request); } };\n";
const PASS_THROUGH_SERVICE_WORKER: &str = "addEventListener('fetch', () => {});\n";

pub(super) fn invalid(
    at: impl Into<String>,
    what: impl Into<String>,
    mend: impl Into<String>,
) -> StateError {
    StateError::Invalid {
        path: None,
        at: at.into(),
        what: what.into(),
        mend: mend.into(),
    }
}

pub(super) fn one_of(at: &str, value: &str, allowed: &[&str]) -> Result<(), StateError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let what = format!("{value:?} is not known");
    Err(invalid(
        at,
        what,
        format!("Write one of {}", allowed.join(", ")),
    ))
}

fn id(at: &str, value: &str) -> Result<String, StateError> {
    let id = plain_id(value);
    if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(invalid(
        at,
        format!("{value:?} is no id"),
        "Write 32 hexadecimal digits",
    ))
}

pub(super) fn known(
    at: &str,
    value: &str,
    ids: &BTreeSet<String>,
    table: &str,
) -> Result<String, StateError> {
    let id = id(at, value)?;
    if ids.contains(&id) {
        return Ok(id);
    }
    Err(invalid(
        at,
        format!("nothing in [[{table}]] has the id {value}"),
        format!("Add it to [[{table}]], or name one that is there"),
    ))
}

fn unique(at: &str, id: &str, seen: &mut BTreeSet<String>) -> Result<(), StateError> {
    if seen.insert(id.to_owned()) {
        return Ok(());
    }
    Err(invalid(at, "it is there twice", "Give each its own"))
}

impl StateFile {
    /// The world that it describes.
    ///
    /// # Errors
    /// [`StateError::Invalid`]: an id that is none or that nothing has, a word that is not known, something twice.
    pub fn into_world(self) -> Result<World, StateError> {
        let now = now_ms();
        let mut world = World {
            switches: Switches {
                verify_tells: self.verify_tells,
                keep_request_limit_fail_open: self.keep_request_limit_fail_open,
                rate_limits: self.rate_limits,
                kv_delay_ms: self.kv_delay_ms,
                kv_cache_percent: self.kv_cache_percent,
                kv_writes_a_day: self.kv_writes_a_day,
                trusts_forwarded_for: self.trusts_forwarded_for,
                analytics_sample: self.analytics_sample,
            },
            ..World::default()
        };
        let mut accounts = BTreeSet::new();
        for (i, entry) in self.accounts.into_iter().enumerate() {
            let at = format!("accounts[{i}].id");
            let id = id(&at, &entry.id)?;
            unique(&at, &id, &mut accounts)?;
            world.accounts.push(Account {
                id,
                name: entry.name,
                subdomain: Some(entry.subdomain).filter(|s| !s.is_empty()),
                email_verified: entry.email_verified,
                workers: entry.workers,
                analytics_engine: entry.analytics_engine,
            });
        }
        let mut zones = BTreeSet::new();
        for (i, entry) in self.zones.into_iter().enumerate() {
            let at = format!("zones[{i}]");
            let zone = zone(&at, entry, &accounts)?;
            unique(&format!("{at}.id"), &zone.id, &mut zones)?;
            if world.zones.iter().any(|z| z.name == zone.name) {
                return Err(invalid(
                    format!("{at}.name"),
                    "another zone has this name",
                    "Give each its own: the edge tells zones apart by it",
                ));
            }
            world.zones.push(zone);
        }
        let mut values = BTreeSet::new();
        for (i, entry) in self.tokens.into_iter().enumerate() {
            let at = format!("tokens[{i}]");
            let token = tokens::token(&at, entry, &accounts, &zones)?;
            unique(&format!("{at}.value"), &token.value, &mut values)?;
            world.tokens.push(token);
        }
        for (i, entry) in self.namespaces.into_iter().enumerate() {
            let at = format!("namespaces[{i}]");
            let namespace = namespace(&at, entry, &accounts, now)?;
            if world
                .namespaces
                .values()
                .any(|n| n.account == namespace.account && n.title == namespace.title)
            {
                return Err(invalid(
                    format!("{at}.title"),
                    "another namespace of the account has this title",
                    "Give each its own",
                ));
            }
            if let Some(twice) = world.namespaces.insert(namespace.id.clone(), namespace) {
                let at = format!("{at}.id");
                return Err(invalid(
                    at,
                    format!("{} is there twice", twice.id),
                    "Give each its own",
                ));
            }
        }
        for (i, entry) in self.scripts.into_iter().enumerate() {
            let at = format!("scripts[{i}]");
            let key = (
                known(
                    &format!("{at}.account"),
                    &entry.account,
                    &accounts,
                    "accounts",
                )?,
                entry.name.clone(),
            );
            let script = script(&at, entry, &world, now)?;
            if world.scripts.insert(key, script).is_some() {
                return Err(invalid(
                    format!("{at}.name"),
                    "it is there twice",
                    "Give each its own",
                ));
            }
        }
        for (i, entry) in self.routes.into_iter().enumerate() {
            let at = format!("routes[{i}]");
            let route = route(&at, entry, &world, &zones)?;
            if world.routes.insert(route.id.clone(), route).is_some() {
                return Err(invalid(
                    format!("{at}.id"),
                    "it is there twice",
                    "Give each its own",
                ));
            }
        }
        Ok(world)
    }
}

fn zone(at: &str, entry: ZoneEntry, accounts: &BTreeSet<String>) -> Result<Zone, StateError> {
    one_of(
        &format!("{at}.status"),
        &entry.status,
        &["initializing", "pending", "active", "moved"],
    )?;
    one_of(
        &format!("{at}.plan"),
        &entry.plan,
        &["free", "pro", "business", "enterprise"],
    )?;
    let name = entry.name.to_ascii_lowercase();
    if name.is_empty() || name.contains(['/', ':', ' ', '*']) {
        return Err(invalid(
            format!("{at}.name"),
            format!("{name:?} is no domain"),
            "Write a bare name such as shop.example",
        ));
    }
    if let Some(origin) = &entry.origin
        && (origin.scheme() != "http" || origin.host().is_none() || origin.path() != "/")
    {
        return Err(invalid(
            format!("{at}.origin"),
            format!("{origin} is no origin"),
            "Write http://host:port without a path",
        ));
    }
    let proxied = entry
        .proxied
        .unwrap_or_else(|| vec![name.clone(), format!("*.{name}")]);
    for host in &proxied {
        if host != &name && !host.to_ascii_lowercase().ends_with(&format!(".{name}")) {
            return Err(invalid(
                format!("{at}.proxied"),
                format!("{host:?} is not in the zone {name}"),
                "Name hostnames of this zone only",
            ));
        }
    }
    Ok(Zone {
        id: id(&format!("{at}.id"), &entry.id)?,
        account: known(
            &format!("{at}.account"),
            &entry.account,
            accounts,
            "accounts",
        )?,
        name,
        status: entry.status,
        plan: entry.plan,
        paused: entry.paused,
        origin: entry.origin,
        proxied: proxied.iter().map(|h| h.to_ascii_lowercase()).collect(),
    })
}

fn namespace(
    at: &str,
    entry: NamespaceEntry,
    accounts: &BTreeSet<String>,
    now: u64,
) -> Result<Namespace, StateError> {
    let mut namespace = Namespace {
        id: id(&format!("{at}.id"), &entry.id)?,
        account: known(
            &format!("{at}.account"),
            &entry.account,
            accounts,
            "accounts",
        )?,
        title: entry.title,
        ..Namespace::default()
    };
    for (i, value) in entry.values.into_iter().enumerate() {
        let at = format!("{at}.values[{i}]");
        Namespace::check_key(&value.key)
            .map_err(|e| invalid(format!("{at}.key"), e.to_string(), "Write another key"))?;
        let bytes = if value.base64 {
            BASE64_STANDARD.decode(&value.value).map_err(|e| {
                invalid(
                    format!("{at}.value"),
                    e.to_string(),
                    "Write base64, or base64 = false",
                )
            })?
        } else {
            value.value.into_bytes()
        };
        let entry = KvEntry {
            value: Bytes::from(bytes),
            metadata: value.metadata,
            expiration: value.expiration,
            written_at_ms: now,
        };
        namespace.values.insert(value.key, entry);
    }
    Ok(namespace)
}

fn script(at: &str, entry: ScriptEntry, world: &World, now: u64) -> Result<Script, StateError> {
    one_of(
        &format!("{at}.form"),
        &entry.form,
        &["modules", "service-worker"],
    )?;
    let code = if entry.form == "modules" {
        let text = entry.code.unwrap_or_else(|| PASS_THROUGH.to_owned());
        let main = Module {
            name: "worker.js".into(),
            content_type: "application/javascript+module".into(),
            bytes: Bytes::from(text),
        };
        Code::Modules {
            main: main.name.clone(),
            modules: vec![main],
        }
    } else {
        let text = entry
            .code
            .unwrap_or_else(|| PASS_THROUGH_SERVICE_WORKER.to_owned());
        Code::ServiceWorker {
            name: "worker.js".into(),
            code: Bytes::from(text),
        }
    };
    let bindings = bindings::resolve(world, &entry.account, entry.bindings, None, &[], true)
        .map_err(|e| {
            invalid(
                format!("{at}.bindings"),
                e.message(),
                "Write bindings as Cloudflare's upload metadata has them",
            )
        })?;
    let mut script = Script::new(
        crate::api::scripts::content(code, entry.compatibility_date, Vec::new(), bindings),
        &entry.last_deployed_from,
        now,
    );
    script.tags = entry.tags;
    Ok(script)
}

fn route(
    at: &str,
    entry: RouteEntry,
    world: &World,
    zones: &BTreeSet<String>,
) -> Result<Route, StateError> {
    let zone = known(&format!("{at}.zone"), &entry.zone, zones, "zones")?;
    let name = world.zone(&zone).map_or("", |z| z.name.as_str());
    Pattern::parse(&entry.pattern, name).map_err(|e| {
        invalid(
            format!("{at}.pattern"),
            e.to_string(),
            "Write another pattern",
        )
    })?;
    let id = match entry.id {
        Some(text) => id(&format!("{at}.id"), &text)?,
        None => hex::encode(&Sha256::digest(format!("{zone} {}", entry.pattern))[..16]),
    };
    Ok(Route {
        id,
        zone,
        pattern: entry.pattern,
        script: entry.script.filter(|s| !s.is_empty()),
        request_limit_fail_open: entry.request_limit_fail_open,
    })
}
