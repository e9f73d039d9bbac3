//! Scripts: list, get the code, delete (Cloudflare API notes §4.2). Uploading is in `upload`.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderName, StatusCode};
use regex::Regex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    upload,
};
use crate::{
    account::{Binding, Code, Content, Level, Script, Version, World},
    clock::rfc3339,
};

pub(super) const READ: (&str, Level) = ("workers_scripts", Level::Read);
pub(super) const EDIT: (&str, Level) = ("workers_scripts", Level::Edit);

const ALL: &str = "/accounts/{account_id}/workers/scripts";
const ONE: &str = "/accounts/{account_id}/workers/scripts/{script_name}";
const CONTENT: &str = "/accounts/{account_id}/workers/scripts/{script_name}/content";
const CONTENT_V2: &str = "/accounts/{account_id}/workers/scripts/{script_name}/content/v2";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let ["accounts", account, "workers", "scripts", rest @ ..] = path else {
        return None;
    };
    let a = (*account).to_owned();
    let name = (*rest.first().unwrap_or(&"")).to_owned();
    Some(match (method, rest) {
        ("GET", []) => Endpoint::account(ALL, account, READ, move |c| list(c, &a)),
        ("GET", [_]) => Endpoint::account(ONE, account, READ, move |c| code(c, &a, &name)),
        ("PUT", [_]) => {
            Endpoint::account_waiting(ONE, account, EDIT, move |c| upload::put(c, a, name))
        }
        ("DELETE", [_]) => Endpoint::account(ONE, account, EDIT, move |c| remove(c, &a, &name)),
        ("GET", [_, "content", "v2"]) => {
            Endpoint::account(CONTENT_V2, account, READ, move |c| code(c, &a, &name))
        }
        ("PUT", [_, "content"]) => {
            Endpoint::account_waiting(CONTENT, account, EDIT, move |c| upload::content(c, a, name))
        }
        _ => return None,
    })
}

/// The script of an account, or its absence in Cloudflare's words.
pub(super) fn find<'a>(world: &'a World, account: &str, name: &str) -> Result<&'a Script, Refusal> {
    world.script(account, name).ok_or_else(missing)
}

/// The same, to change it.
pub(super) fn find_mut<'a>(
    world: &'a mut World,
    account: &str,
    name: &str,
) -> Result<&'a mut Script, Refusal> {
    world.script_mut(account, name).ok_or_else(missing)
}

fn missing() -> Refusal {
    Refusal::new(404, 10007, "This Worker does not exist on your account.")
}

/// The content of a version: the etag and the handlers follow from the code.
pub(crate) fn content(
    code: Code,
    compatibility_date: Option<String>,
    compatibility_flags: Vec<String>,
    bindings: Vec<Binding>,
) -> Content {
    let mut hash = Sha256::new();
    match &code {
        Code::ServiceWorker { code, .. } => hash.update(code),
        Code::Modules { main, modules } => {
            hash.update(main);
            for module in modules {
                hash.update([0]);
                hash.update(&module.name);
                hash.update([0]);
                hash.update(&module.bytes);
            }
        }
    }
    Content {
        handlers: handlers(&code),
        etag: hex::encode(hash.finalize()),
        code,
        compatibility_date,
        compatibility_flags,
        bindings,
        extra: Map::new(),
    }
}

/// The events that a script's text seems to listen to. Only a guess: nothing is run for it.
fn handlers(code: &Code) -> Vec<String> {
    let (pattern, bytes) = match code {
        Code::ServiceWorker { code, .. } => (r#"addEventListener\s*\(\s*["'`](\w+)"#, code),
        Code::Modules { main, modules } => {
            let Some(module) = modules.iter().find(|m| &m.name == main) else {
                return Vec::new();
            };
            if !String::from_utf8_lossy(&module.bytes).contains("export") {
                return Vec::new();
            }
            (
                r"\b(fetch|scheduled|queue|email|tail|trace|connect)\s*[(:,}]",
                &module.bytes,
            )
        }
    };
    let Ok(pattern) = Regex::new(pattern) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(bytes);
    let mut found: Vec<String> = Vec::new();
    for event in pattern.captures_iter(&text).filter_map(|c| c.get(1)) {
        if !found.iter().any(|f| f == event.as_str()) {
            found.push(event.as_str().to_owned());
        }
    }
    found
}

/// A script as lists and uploads show it.
pub(super) fn shown(name: &str, script: &Script) -> Value {
    let Some(version) = script.live().or_else(|| script.newest()) else {
        return json!({"id": name, "tag": script.tag});
    };
    let content = &version.content;
    let modules = matches!(content.code, Code::Modules { .. });
    let mut value = json!({
        "id": name,
        "tag": script.tag,
        "tags": (!script.tags.is_empty()).then_some(&script.tags),
        "etag": content.etag,
        "handlers": content.handlers,
        "named_handlers": [],
        "modified_on": rfc3339(script.modified_ms),
        "created_on": rfc3339(script.created_ms),
        "usage_model": "standard",
        "compatibility_date": content.compatibility_date,
        "compatibility_flags": content.compatibility_flags,
        "last_deployed_from": version.source,
        "deployment_id": version.id.replace('-', ""),
        "has_assets": false,
        "has_modules": modules,
        "entry_point": modules.then(|| content.code.entry_point()),
        "logpush": false,
        "tail_consumers": null,
        "placement": {},
        "observability": {"enabled": false, "head_sampling_rate": null},
        "startup_time_ms": startup_time_ms(version),
    });
    for (key, setting) in script.settings.iter().chain(&content.extra) {
        value[key] = setting.clone();
    }
    value
}

/// Nothing measures the start; the size stands in for it, so that the field is there and stays the same.
pub(super) fn startup_time_ms(version: &Version) -> usize {
    1 + version.content.code.size() / 65_536
}

fn list(call: &Call, account: &str) -> Reply {
    let world = call.world.read();
    let wanted: Vec<(String, bool)> = call
        .query("tags")
        .map(|text| {
            text.split(',')
                .filter_map(|t| t.split_once(':'))
                .map(|(tag, yes)| (tag.to_owned(), yes == "yes"))
                .collect()
        })
        .unwrap_or_default();
    let all: Vec<Value> = world
        .scripts
        .iter()
        .filter(|((owner, _), _)| owner == account)
        .filter(|(_, script)| {
            wanted
                .iter()
                .all(|(tag, yes)| script.tags.contains(tag) == *yes)
        })
        .map(|((_, name), script)| shown(name, script))
        .collect();
    Ok(Answer::ok(all))
}

/// The code alone: as it is in service-worker form, as a form of its modules otherwise.
fn code(call: &Call, account: &str, name: &str) -> Reply {
    let world = call.world.read();
    let script = find(&world, account, name)?;
    let Some(version) = script.live().or_else(|| script.newest()) else {
        return Err(missing());
    };
    let etag = version.content.etag.as_str();
    Ok(match &version.content.code {
        Code::ServiceWorker { code, .. } => Answer::raw(code.clone(), "application/javascript"),
        Code::Modules { main, modules } => {
            let boundary = super::new_id();
            let mut body = BytesMut::new();
            for module in modules {
                let head = format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
                     Content-Type: {kind}\r\n\r\n",
                    name = module.name.replace(['"', '\r', '\n'], "_"),
                    kind = module.content_type,
                );
                body.put_slice(head.as_bytes());
                body.put_slice(&module.bytes);
                body.put_slice(b"\r\n");
            }
            body.put_slice(format!("--{boundary}--\r\n").as_bytes());
            let kind = format!("multipart/form-data; boundary={boundary}");
            Answer::raw(Bytes::from(body), &kind)
                .with(HeaderName::from_static("cf-entrypoint"), main)
        }
    }
    .with(http::header::ETAG, etag))
}

/// Routes that name the script stay: they then run nothing.
pub(super) fn remove(call: &Call, account: &str, name: &str) -> Reply {
    call.world.change(|world| {
        find(world, account, name)?;
        world.scripts.remove(&(account.to_owned(), name.to_owned()));
        let mut answer = Answer::ok(Value::Null);
        answer.status = StatusCode::OK;
        Ok(answer)
    })
}
