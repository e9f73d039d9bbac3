//! KV in bulk: write, delete (both forms), get (Cloudflare API notes §6.4). A batch with one bad pair is refused
//! whole; whether the real service does so is not known.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    kv_namespaces::{EDIT, READ, find, find_mut},
    kv_values::{refused, within_quota},
};
use crate::{
    account::{KvEntry, KvWrite, Namespace},
    limits::{KV_BULK_BYTES, KV_BULK_GET_BYTES, KV_BULK_GET_KEYS, KV_BULK_PAIRS},
};

const BULK: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk";
const DELETE: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk/delete";
const GET: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk/get";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let [
        "accounts",
        account,
        "storage",
        "kv",
        "namespaces",
        ns,
        rest @ ..,
    ] = path
    else {
        return None;
    };
    let (a, ns) = ((*account).to_owned(), (*ns).to_owned());
    Some(match (method, rest) {
        ("PUT", ["bulk"]) => Endpoint::account(BULK, account, EDIT, move |c| put(c, &a, &ns)),
        ("DELETE", ["bulk"]) => Endpoint::account(BULK, account, EDIT, move |c| delete(c, &a, &ns)),
        ("POST", ["bulk", "delete"]) => {
            Endpoint::account(DELETE, account, EDIT, move |c| delete(c, &a, &ns))
        }
        ("POST", ["bulk", "get"]) => {
            Endpoint::account(GET, account, READ, move |c| get(c, &a, &ns))
        }
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: String,
    #[serde(default)]
    base64: bool,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(default)]
    expiration: Option<u64>,
    #[serde(default)]
    expiration_ttl: Option<u64>,
}

fn done(count: usize) -> Answer {
    Answer::ok(json!({"successful_key_count": count, "unsuccessful_keys": []}))
}

fn too_many(operation: &str, count: usize) -> Result<(), Refusal> {
    if count <= KV_BULK_PAIRS {
        return Ok(());
    }
    let text = format!("{operation}: 'at most {KV_BULK_PAIRS} keys may be given, not {count}'");
    Err(Refusal::new(400, 100_413, text))
}

fn put(call: &Call, account: &str, ns: &str) -> Reply {
    let operation = "write_bulk";
    find(&call.world.read(), account, ns, operation)?;
    if call.body.len() >= KV_BULK_BYTES {
        let text = format!("{operation}: 'the request must be smaller than {KV_BULK_BYTES} bytes'");
        return Err(Refusal::new(413, 100_413, text));
    }
    let pairs: Vec<Pair> = call.json(10012)?;
    too_many(operation, pairs.len())?;
    let count = pairs.len();
    let mut entries: Vec<(String, KvEntry)> = Vec::with_capacity(count);
    for pair in pairs {
        let value = if pair.base64 {
            BASE64_STANDARD.decode(&pair.value).map_err(|e| {
                let text = format!("{operation}: 'value of {:?} is not base64: {e}'", pair.key);
                Refusal::new(400, 10012, text)
            })?
        } else {
            pair.value.into_bytes()
        };
        let write = KvWrite {
            value: Bytes::from(value),
            metadata: pair.metadata.filter(|m| !m.is_null()),
            expiration: pair.expiration.filter(|n| *n > 0),
            expiration_ttl: pair.expiration_ttl.filter(|n| *n > 0),
        };
        let entry = Namespace::check_write(&pair.key, write, call.now_ms)
            .map_err(|e| refused(operation, &e))?;
        entries.push((pair.key, entry));
    }
    let mut world = call.world.write();
    let delay = world.switches.kv_delay_ms;
    within_quota(&mut world, account, count as u64, call.now_ms)?;
    let namespace = find_mut(&mut world, account, ns, operation)?;
    for (key, entry) in entries {
        namespace.put_checked(key, entry, call.now_ms, delay);
    }
    Ok(done(count))
}

fn delete(call: &Call, account: &str, ns: &str) -> Reply {
    let operation = "remove_bulk";
    find(&call.world.read(), account, ns, operation)?;
    // wrangler sends names, or the objects that `kv bulk put` takes.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Named {
        Name(String),
        Key { name: String },
    }
    let keys: Vec<Named> = call.json(10012)?;
    too_many(operation, keys.len())?;
    let keys: Vec<String> = keys
        .into_iter()
        .map(|k| match k {
            Named::Name(name) | Named::Key { name } => name,
        })
        .collect();
    for key in &keys {
        Namespace::check_key(key).map_err(|e| refused(operation, &e))?;
    }
    let mut world = call.world.write();
    let delay = world.switches.kv_delay_ms;
    let namespace = find_mut(&mut world, account, ns, operation)?;
    for key in &keys {
        namespace.delete(key, call.now_ms, delay);
    }
    Ok(done(keys.len()))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default, rename = "withMetadata")]
    with_metadata: bool,
}

fn get(call: &Call, account: &str, ns: &str) -> Reply {
    let operation = "get_bulk";
    let world = call.world.read();
    let namespace = find(&world, account, ns, operation)?;
    let wanted: Wanted = call.json(10012)?;
    if wanted.keys.is_empty() {
        let text = format!("{operation}: 'at least one key must be given'");
        return Err(Refusal::new(400, 10029, text));
    }
    if wanted.keys.len() > KV_BULK_GET_KEYS {
        let text = format!("{operation}: 'at most {KV_BULK_GET_KEYS} keys may be given'");
        return Err(Refusal::new(400, 100_413, text));
    }
    let mut values = Map::new();
    let mut bytes = 0;
    for key in wanted.keys {
        Namespace::check_key(&key).map_err(|e| refused(operation, &e))?;
        let Some(entry) = namespace.get(&key, call.now_ms) else {
            values.insert(key, Value::Null);
            continue;
        };
        bytes += entry.value.len();
        let text = String::from_utf8_lossy(&entry.value);
        let value = match wanted.kind.as_deref() {
            Some("json") => serde_json::from_str(&text).map_err(|_| {
                let text = format!("{operation}: 'the value of {key:?} is not JSON'");
                Refusal::new(400, 10012, text)
            })?,
            _ => Value::String(text.into_owned()),
        };
        let shown = if wanted.with_metadata {
            let mut shown = json!({"value": value, "metadata": entry.metadata});
            if let Some(end) = entry.expiration {
                shown["expiration"] = json!(end);
            }
            shown
        } else {
            value
        };
        values.insert(key, shown);
    }
    if bytes > KV_BULK_GET_BYTES {
        let text = format!("{operation}: 'the values exceed {KV_BULK_GET_BYTES} bytes'");
        return Err(Refusal::new(413, 100_413, text));
    }
    Ok(Answer::ok(json!({"values": values})))
}
