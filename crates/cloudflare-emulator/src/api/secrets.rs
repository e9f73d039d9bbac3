//! A script's secrets: their texts go in and never come out (Cloudflare API notes §4.4). Each write makes a version
//! that runs at once.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    bindings,
    call::{Call, Endpoint},
    scripts::{self, EDIT, READ},
};
use crate::{
    account::{Binding, Script},
    limits::SECRETS_BULK,
};

const ALL: &str = "/accounts/{account_id}/workers/scripts/{script_name}/secrets";
const ONE: &str = "/accounts/{account_id}/workers/scripts/{script_name}/secrets/{secret_name}";
const BULK: &str = "/accounts/{account_id}/workers/scripts/{script_name}/secrets-bulk";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let ["accounts", account, "workers", "scripts", name, rest @ ..] = path else {
        return None;
    };
    let (a, name) = ((*account).to_owned(), (*name).to_owned());
    Some(match (method, rest) {
        ("GET", ["secrets"]) => Endpoint::account(ALL, account, READ, move |c| list(c, &a, &name)),
        ("PUT", ["secrets"]) => Endpoint::account(ALL, account, EDIT, move |c| put(c, &a, &name)),
        ("GET", ["secrets", secret]) => {
            let secret = (*secret).to_owned();
            Endpoint::account(ONE, account, READ, move |c| {
                let world = c.world.read();
                let all = secrets(scripts::find(&world, &a, &name)?);
                let found = all.into_iter().find(|s| s["name"] == secret.as_str());
                found.map(Answer::ok).ok_or_else(missing)
            })
        }
        ("DELETE", ["secrets", secret]) => {
            let secret = (*secret).to_owned();
            Endpoint::account(ONE, account, EDIT, move |c| remove(c, &a, &name, &secret))
        }
        ("PATCH", ["secrets-bulk"]) => {
            Endpoint::account(BULK, account, EDIT, move |c| bulk(c, &a, &name))
        }
        _ => return None,
    })
}

fn missing() -> Refusal {
    Refusal::new(404, 10056, "Binding not found.")
}

fn secrets(script: &Script) -> Vec<Value> {
    script
        .newest()
        .map(|version| {
            version
                .content
                .bindings
                .iter()
                .filter(|b| matches!(b.kind(), "secret_text" | "secret_key"))
                .map(|b| json!({"name": b.name(), "type": b.kind()}))
                .collect()
        })
        .unwrap_or_default()
}

fn list(call: &Call, account: &str, name: &str) -> Reply {
    let world = call.world.read();
    Ok(Answer::ok(secrets(scripts::find(&world, account, name)?)))
}

/// Makes a version with other bindings and runs it; refused while the newest version is not the one that runs.
fn rebind(
    call: &Call,
    account: &str,
    name: &str,
    change: impl FnOnce(&mut Vec<Binding>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    call.world.change(|world| {
        let script = scripts::find_mut(world, account, name)?;
        let newest = script.newest().map(|v| v.id.clone());
        if script.live().map(|v| v.id.clone()) != newest {
            return Err(Refusal::new(
                400,
                10215,
                "Secret edit failed. You attempted to modify a secret, but the latest version of your \
                 Worker isn't currently deployed.",
            ));
        }
        let Some(mut content) = script.newest().map(|v| v.content.clone()) else {
            return Err(Refusal::new(400, 10021, "the script has no version"));
        };
        change(&mut content.bindings)?;
        let mut why = Map::new();
        why.insert("workers/triggered_by".into(), json!("secret"));
        let source = call.source();
        let id = script.add_version(content, source, why.clone(), call.now_ms);
        script.deploy(vec![(id, 100.0)], source, why, call.now_ms);
        Ok(())
    })
}

fn set(all: &mut Vec<Binding>, secret: Binding) -> Result<(), Refusal> {
    match all.iter_mut().find(|b| b.name() == secret.name()) {
        Some(there) if matches!(there.kind(), "secret_text" | "secret_key") => *there = secret,
        Some(there) => {
            let text = format!(
                "Binding name '{}' already in use. Please use a different name and try again.",
                there.name()
            );
            return Err(Refusal::new(400, 10053, text));
        }
        None => all.push(secret),
    }
    Ok(())
}

/// `Debug` is not derived: it would show the text.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    name: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Sent {
    fn read(self, name: Option<String>) -> Result<Binding, Refusal> {
        if self.kind.as_deref().is_some_and(|k| k != "secret_text") {
            return Err(Refusal::new(400, 10021, "only secret_text is supported"));
        }
        let Some(text) = self.text else {
            return Err(Refusal::new(400, 10021, "text is required"));
        };
        bindings::secret(name.unwrap_or(self.name), text)
    }
}

fn put(call: &Call, account: &str, name: &str) -> Reply {
    scripts::find(&call.world.read(), account, name)?;
    let secret = call.json::<Sent>(10026)?.read(None)?;
    let answer = Answer::ok(secret.shown());
    rebind(call, account, name, |all| set(all, secret))?;
    Ok(answer)
}

fn remove(call: &Call, account: &str, name: &str, secret: &str) -> Reply {
    rebind(call, account, name, |all| {
        let at = all
            .iter()
            .position(|b| b.name() == secret && matches!(b.kind(), "secret_text" | "secret_key"))
            .ok_or_else(missing)?;
        all.remove(at);
        Ok(())
    })?;
    Ok(Answer::ok(Value::Null))
}

#[derive(Deserialize)]
struct Bulk {
    secrets: std::collections::BTreeMap<String, Option<Sent>>,
}

/// A merge patch: null removes, what is absent stays.
fn bulk(call: &Call, account: &str, name: &str) -> Reply {
    scripts::find(&call.world.read(), account, name)?;
    let sent: Bulk = call.json(10026)?;
    if sent.secrets.len() > SECRETS_BULK {
        let text = format!("at most {SECRETS_BULK} secrets may be changed at once");
        return Err(Refusal::new(400, 10026, text));
    }
    let mut shown = Map::new();
    let mut changes = Vec::new();
    for (key, secret) in sent.secrets {
        let secret = secret.map(|s| s.read(Some(key.clone()))).transpose()?;
        if let Some(secret) = &secret {
            shown.insert(key.clone(), secret.shown());
        }
        changes.push((key, secret));
    }
    rebind(call, account, name, |all| {
        for (key, secret) in changes {
            match secret {
                Some(secret) => set(all, secret)?,
                None => all.retain(|b| b.name() != key || b.kind() != "secret_text"),
            }
        }
        Ok(())
    })?;
    Ok(Answer::ok(shown))
}
