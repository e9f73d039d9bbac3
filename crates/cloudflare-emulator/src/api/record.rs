//! The record: every exchange as one line of JSON. The Authorization header, the texts of secrets and the values of
//! KV are not in it: it may be handed to somebody for help.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use super::{Asked, HttpResponse, form, pairs};
use crate::clock::{now_ms, rfc3339};

/// Instead of a secret.
const MASK: &str = "***";

/// Appends exchanges to a file.
#[derive(Debug)]
pub struct Recorder {
    file: Mutex<File>,
}

impl Recorder {
    /// Opens the file for appending; it is made when missing.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Appends one exchange. A refused call's body is not kept, and no answer is one that a fault closed.
    pub(super) async fn append(
        &self,
        asked: &Asked,
        body: &Bytes,
        answered: Option<&HttpResponse>,
        began_ms: u64,
    ) {
        let answer = match answered {
            Some(answer) => {
                // A full body is there at once.
                let bytes = answer.body().clone().collect().await;
                let bytes = bytes
                    .map(http_body_util::Collected::to_bytes)
                    .unwrap_or_default();
                json!({
                    "status": answer.status().as_u16(),
                    "headers": headers(answer.headers()),
                    "body": shown(&asked.path, answer.headers(), &bytes).await,
                })
            }
            None => Value::Null,
        };
        let line = json!({
            "at": rfc3339(began_ms),
            "ms": now_ms().saturating_sub(began_ms),
            "method": asked.method.as_str(),
            "path": asked.path,
            "query": pairs(asked.query.as_deref())
                .into_iter()
                .map(|(key, value)| (key, Value::String(value)))
                .collect::<Map<_, _>>(),
            "request": {
                "headers": headers(&asked.headers),
                "body": shown(&asked.path, &asked.headers, body).await,
            },
            "answer": answer,
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(e) = writeln!(file, "{line}") {
            tracing::warn!(error = %e, "the record could not be written");
        }
    }
}

fn headers(map: &HeaderMap) -> Value {
    let secret = |name: &str| {
        matches!(
            name,
            "authorization" | "x-auth-key" | "x-auth-user-service-key" | "cookie"
        )
    };
    map.iter()
        .map(|(name, value)| {
            let text = if secret(name.as_str()) {
                MASK.to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.as_str().to_owned(), Value::String(text))
        })
        .collect::<Map<_, _>>()
        .into()
}

/// A body without what is secret.
async fn shown(path: &str, headers: &HeaderMap, body: &Bytes) -> Value {
    let length = json!({"bytes": body.len()});
    if body.is_empty() {
        return Value::Null;
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if kind.starts_with("multipart/form-data") || form::hidden_boundary(body).is_some() {
        return match form::split(kind, body).await {
            Ok(parts) => parts.into_iter().map(part).collect::<Vec<_>>().into(),
            Err(_) => length,
        };
    }
    let is_value = path.contains("/values/");
    match serde_json::from_slice::<Value>(body) {
        // A KV value may be JSON too; the answer to a write of one is an envelope.
        Ok(value) if !is_value || value.get("success").is_some_and(Value::is_boolean) => {
            understood(path, value).unwrap_or(length)
        }
        _ => length,
    }
}

/// A body as far as it has the shape that its call takes: what does not may be a secret in the wrong place.
fn understood(path: &str, value: Value) -> Option<Value> {
    let in_answer = value.get("success").is_some();
    let shaped = match &value {
        Value::Array(items) if path.ends_with("/bulk") => {
            // Pairs to write, or names to delete; names stand where a key could stand.
            items
                .iter()
                .all(|i| i.get("key").is_some() || i.get("name").is_some())
        }
        Value::Object(map) if path.contains("/secrets") && !in_answer => map
            .keys()
            .all(|key| matches!(key.as_str(), "name" | "text" | "type" | "secrets")),
        _ => true,
    };
    shaped.then(|| masked(value))
}

fn part(part: form::Part) -> Value {
    let name = part.name;
    let length = part.bytes.len();
    let text = String::from_utf8_lossy(&part.bytes);
    if matches!(name.as_str(), "metadata" | "settings")
        && let Ok(value) = serde_json::from_str::<Value>(&text)
    {
        return json!({"name": name, "json": masked(value)});
    }
    // A flattened field of the metadata, as the SDKs send it.
    if name.starts_with("metadata[") && !name.ends_with("[text]") {
        return json!({"name": name, "text": text});
    }
    json!({
        "name": name,
        "file_name": part.file_name,
        "content_type": part.content_type,
        "bytes": length,
    })
}

/// The same JSON without texts of secrets and values of KV. A text is taken for a secret unless its object says that
/// it is a plain one.
fn masked(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(map) => {
            let plain = map.get("type").is_some_and(|kind| kind == "plain_text");
            map.into_iter()
                .map(|(key, inner)| {
                    let inner = match (key.as_str(), inner) {
                        ("text", Value::String(text)) if plain => Value::String(text),
                        ("text" | "key_base64" | "key_jwk", _) => Value::String(MASK.to_owned()),
                        ("value", inner) => sized(&inner),
                        ("values", Value::Object(values)) => values
                            .into_iter()
                            .map(|(key, inner)| (key, sized(&inner)))
                            .collect::<Map<_, _>>()
                            .into(),
                        (_, inner) => masked(inner),
                    };
                    (key, inner)
                })
                .collect::<Map<_, _>>()
                .into()
        }
        other => other,
    }
}

fn sized(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(text) => json!({"bytes": text.len()}),
        other => json!({"bytes": other.to_string().len()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_values_are_masked() {
        let masked = masked(json!({
            "bindings": [
                {"type": "secret_text", "name": "S", "text": "hush"},
                {"type": "plain_text", "name": "P", "text": "open"},
            ],
            "secrets": {"A": {"text": "hush"}},
            "list": [{"key": "k", "value": "12345"}],
        }));
        let text = masked.to_string();
        assert!(!text.contains("hush"));
        assert!(!text.contains("12345"));
        assert!(text.contains("open"));
        assert_eq!(masked["list"][0]["value"], json!({"bytes": 5}));
    }
}
