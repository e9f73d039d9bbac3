//! KV values, metadata and keys, one at a time (Cloudflare API notes §6.2, §6.3).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::HeaderName;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    form,
    kv_namespaces::{EDIT, READ, find, find_mut},
};
use crate::{
    account::{KvEntry, KvError, KvWrite, Namespace, World},
    limits::{KV_LIST_KEYS, KV_LIST_MIN_KEYS},
};

const VALUE: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/values/{key_name}";
const METADATA: &str =
    "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/metadata/{key_name}";
const KEYS: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/keys";

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
        ("GET", ["keys"]) => Endpoint::account(KEYS, account, READ, move |c| list(c, &a, &ns)),
        ("GET", ["values", key]) => {
            let key = (*key).to_owned();
            Endpoint::account(VALUE, account, READ, move |c| get(c, &a, &ns, &key))
        }
        ("GET", ["metadata", key]) => {
            let key = (*key).to_owned();
            Endpoint::account(METADATA, account, READ, move |c| metadata(c, &a, &ns, &key))
        }
        ("PUT", ["values", key]) => {
            let (key, template) = ((*key).to_owned(), VALUE);
            Endpoint::account_waiting(template, account, EDIT, move |c| put(c, a, ns, key))
        }
        ("DELETE", ["values", key]) => {
            let key = (*key).to_owned();
            Endpoint::account(VALUE, account, EDIT, move |c| delete(c, &a, &ns, &key))
        }
        _ => return None,
    })
}

/// Counts writes against the account's day. The code is measured, that its status is 429 is not sure (§6.5).
pub(super) fn within_quota(
    world: &mut World,
    account: &str,
    writes: u64,
    now_ms: u64,
) -> Result<(), Refusal> {
    if world.count_kv_writes(account, writes, now_ms) {
        return Ok(());
    }
    let text = "your account has reached the free usage limit for this operation for today";
    Err(Refusal::new(429, 10048, text.to_owned()))
}

/// KV's own refusal as the API answers it. The statuses are the runtime's; codes of the limits are not known, those
/// from 100,000 on are ours.
pub(super) fn refused(operation: &str, error: &KvError) -> Refusal {
    let (status, code) = match error {
        KvError::KeyName(_) => (400, 100_400),
        KvError::KeyTooLong(_) => (414, 100_414),
        KvError::ValueTooLarge(_) | KvError::MetadataTooLarge(_) => (413, 100_413),
        KvError::TtlTooShort(_) | KvError::ExpirationTooSoon(_) => (400, 10034),
    };
    Refusal::new(status, code, format!("{operation}: '{error}'"))
}

fn not_found() -> Refusal {
    Refusal::new(404, 10009, "get: 'key not found'")
}

fn entry<'a>(
    call: &Call,
    namespace: &'a Namespace,
    key: &str,
    operation: &str,
) -> Result<&'a KvEntry, Refusal> {
    Namespace::check_key(key).map_err(|e| refused(operation, &e))?;
    namespace.get(key, call.now_ms).ok_or_else(not_found)
}

fn get(call: &Call, account: &str, ns: &str, key: &str) -> Reply {
    let world = call.world.read();
    let entry = entry(call, find(&world, account, ns, "get")?, key, "get")?;
    let answer = Answer::raw(entry.value.clone(), "application/octet-stream");
    Ok(match entry.expiration {
        Some(end) => answer.with(HeaderName::from_static("expiration"), &end.to_string()),
        None => answer,
    })
}

fn metadata(call: &Call, account: &str, ns: &str, key: &str) -> Reply {
    let world = call.world.read();
    let entry = entry(call, find(&world, account, ns, "get")?, key, "get metadata")?;
    Ok(Answer::ok(entry.metadata.clone()))
}

async fn put(call: Call, account: String, ns: String, key: String) -> Reply {
    find(&call.world.read(), &account, &ns, "put")?;
    let seconds = |name: &str| {
        call.query(name)
            .map(|text| {
                text.parse::<u64>().map_err(|_| {
                    Refusal::new(400, 10034, format!("put: 'Invalid {name} of {text}.'"))
                })
            })
            .transpose()
    };
    let (expiration, expiration_ttl) = (seconds("expiration")?, seconds("expiration_ttl")?);
    let (value, metadata) = body(&call).await?;
    let write = KvWrite {
        value,
        metadata,
        expiration,
        expiration_ttl,
    };
    let mut world = call.world.write();
    let delay = world.switches.kv_delay_ms;
    within_quota(&mut world, &account, 1, call.now_ms)?;
    find_mut(&mut world, &account, &ns, "put")?
        .put(&key, write, call.now_ms, delay)
        .map_err(|e| refused("put", &e))?;
    Ok(Answer::ok(Value::Null))
}

/// The value, and the metadata when the body is a form that has some.
async fn body(call: &Call) -> Result<(Bytes, Option<Value>), Refusal> {
    let bad = |text: String| Refusal::new(400, 10012, format!("put: '{text}'"));
    if !form::is_form(call) {
        return Ok((call.body.clone(), None));
    }
    let parts = form::parts(call).await.map_err(bad)?;
    let (mut value, mut metadata) = (None, None);
    for part in parts {
        match part.name.as_str() {
            "value" => value = Some(part.bytes),
            "metadata" => {
                let text = String::from_utf8_lossy(&part.bytes);
                if !text.trim().is_empty() {
                    metadata = Some(
                        serde_json::from_str(&text)
                            .map_err(|e| bad(format!("metadata must be valid JSON: {e}")))?,
                    );
                }
            }
            _ => {}
        }
    }
    let value = value.ok_or_else(|| bad("the form has no part named value".into()))?;
    Ok((value, metadata))
}

fn delete(call: &Call, account: &str, ns: &str, key: &str) -> Reply {
    Namespace::check_key(key).map_err(|e| refused("remove", &e))?;
    let mut world = call.world.write();
    let delay = world.switches.kv_delay_ms;
    find_mut(&mut world, account, ns, "remove")?.delete(key, call.now_ms, delay);
    Ok(Answer::ok(Value::Null))
}

fn list(call: &Call, account: &str, ns: &str) -> Reply {
    let operation = "list keys";
    let world = call.world.read();
    let namespace = find(&world, account, ns, operation)?;
    let limit = match call.query("limit") {
        None => KV_LIST_KEYS,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (KV_LIST_MIN_KEYS..=KV_LIST_KEYS).contains(n))
            .ok_or_else(|| {
                let text = format!(
                    "{operation}: 'limit must be from {KV_LIST_MIN_KEYS} to {KV_LIST_KEYS}'"
                );
                Refusal::new(400, 10012, text)
            })?,
    };
    let after = match call.query("cursor") {
        None | Some("") => None,
        Some(cursor) => Some(
            BASE64_URL_SAFE_NO_PAD
                .decode(cursor)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    Refusal::new(400, 10012, format!("{operation}: 'invalid cursor'"))
                })?,
        ),
    };
    let prefix = call.query("prefix").unwrap_or_default();
    let page = namespace.list(prefix, limit, after.as_deref(), call.now_ms);
    let items: Vec<Value> = page
        .keys
        .into_iter()
        .map(|(name, entry)| {
            let mut item = json!({"name": name});
            if let Some(end) = entry.expiration {
                item["expiration"] = json!(end);
            }
            if let Some(metadata) = entry.metadata {
                item["metadata"] = metadata;
            }
            item
        })
        .collect();
    let cursor = page
        .next
        .map(|name| BASE64_URL_SAFE_NO_PAD.encode(name))
        .unwrap_or_default();
    let info = json!({"count": items.len(), "cursor": cursor});
    Ok(Answer::list(items, info))
}
