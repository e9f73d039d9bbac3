//! Bindings as they are uploaded: read, checked, and joined with those that stay from the version before
//! (Cloudflare API notes §4.1).

use serde_json::{Map, Value};

use super::answer::Refusal;
use crate::{
    account::{Binding, World, plain_id},
    limits::{SCRIPT_VARIABLE_BYTES, SCRIPT_VARIABLES},
};

/// The bindings of a new version. `before` are those of the version before, `keep` the types of which those that are
/// not sent stay, `strict` whether an `inherit` that points at nothing is refused (10057) rather than dropped.
pub(crate) fn resolve(
    world: &World,
    account: &str,
    sent: Vec<Map<String, Value>>,
    before: Option<&[Binding]>,
    keep: &[String],
    strict: bool,
) -> Result<Vec<Binding>, Refusal> {
    let before = before.unwrap_or_default();
    let mut bindings: Vec<Binding> = Vec::new();
    for raw in sent {
        let binding = match read(world, account, raw)? {
            Binding::Inherit { name } => match before.iter().find(|b| b.name() == name) {
                Some(there) => there.clone(),
                None if strict => {
                    let text = format!("Inherit binding '{name}' points at no existing binding.");
                    return Err(Refusal::new(400, 10057, text));
                }
                None => continue,
            },
            binding => binding,
        };
        if bindings.iter().any(|b| b.name() == binding.name()) {
            let text = format!("binding {} is declared more than once", binding.name());
            return Err(Refusal::new(400, 10021, text));
        }
        bindings.push(binding);
    }
    for there in before {
        let stays = keep.iter().any(|kind| kind == there.kind());
        if stays && !bindings.iter().any(|b| b.name() == there.name()) {
            bindings.push(there.clone());
        }
    }
    let variables = bindings
        .iter()
        .filter(|b| matches!(b.kind(), "plain_text" | "secret_text" | "json"))
        .count();
    if variables > SCRIPT_VARIABLES {
        let text = format!("a Worker may have at most {SCRIPT_VARIABLES} variables and secrets");
        return Err(Refusal::new(400, 10021, text));
    }
    Ok(bindings)
}

/// One binding as it was sent.
fn read(world: &World, account: &str, mut raw: Map<String, Value>) -> Result<Binding, Refusal> {
    let mut text = |key: &str| match raw.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let Some(name) = text("name").filter(|n| !n.is_empty()) else {
        return Err(Refusal::new(400, 10052, "Binding name is required."));
    };
    let bad = |what: &str| Err(Refusal::new(400, 10021, format!("binding {name}: {what}")));
    let Some(kind) = text("type") else {
        return bad("type is required");
    };
    Ok(match kind.as_str() {
        "kv_namespace" => {
            let Some(id) = text("namespace_id") else {
                return bad("namespace_id is required");
            };
            let Some(namespace) = world.namespace(account, &id) else {
                let text = format!("KV namespace '{}' not found.", plain_id(&id));
                return Err(Refusal::new(400, 10041, text));
            };
            Binding::KvNamespace {
                name,
                namespace_id: namespace.id.clone(),
            }
        }
        "secret_text" => match text("text") {
            Some(text) => checked(Binding::SecretText { name, text })?,
            None => return bad("text is required"),
        },
        "plain_text" => match text("text") {
            Some(text) => checked(Binding::PlainText { name, text })?,
            None => return bad("text is required"),
        },
        "json" => match raw.remove("json") {
            Some(json) => checked(Binding::Json { name, json })?,
            None => return bad("json is required"),
        },
        "analytics_engine" => match text("dataset") {
            Some(dataset) if is_dataset(&dataset) => {
                let is_enabled = world
                    .account(account)
                    .is_none_or(|account| account.analytics_engine);
                if !is_enabled {
                    return Err(no_analytics_engine(account));
                }
                Binding::AnalyticsEngine { name, dataset }
            }
            Some(_) => return bad("dataset is no name of a dataset"),
            None => return bad("dataset is required"),
        },
        "inherit" => Binding::Inherit { name },
        _ => {
            raw.insert("name".into(), Value::String(name));
            raw.insert("type".into(), Value::String(kind));
            Binding::Other(raw)
        }
    })
}

/// Letters, digits and underscores, none of them a digit at the start: it is the name of a table. Which names the real service
/// takes is not documented.
fn is_dataset(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// The refusal of an account for which Analytics Engine is not enabled: code and words as people report them
/// (cloudflare/workers-sdk issues 5940 and 9312), the status is a guess.
fn no_analytics_engine(account: &str) -> Refusal {
    let text = format!(
        "You need to enable Analytics Engine. Head to the Cloudflare Dashboard to enable: \
         https://dash.cloudflare.com/{account}/workers/analytics-engine"
    );
    Refusal::new(403, 10089, text)
}

fn checked(binding: Binding) -> Result<Binding, Refusal> {
    let size = match &binding {
        Binding::SecretText { text, .. } | Binding::PlainText { text, .. } => text.len(),
        Binding::Json { json, .. } => json.to_string().len(),
        _ => 0,
    };
    if size > SCRIPT_VARIABLE_BYTES {
        let text = format!(
            "binding {}: {size} bytes are more than {SCRIPT_VARIABLE_BYTES}",
            binding.name()
        );
        return Err(Refusal::new(400, 10021, text));
    }
    Ok(binding)
}

/// A new secret, checked like any binding.
pub(crate) fn secret(name: String, text: String) -> Result<Binding, Refusal> {
    if name.is_empty() {
        return Err(Refusal::new(400, 10052, "Binding name is required."));
    }
    checked(Binding::SecretText { name, text })
}
