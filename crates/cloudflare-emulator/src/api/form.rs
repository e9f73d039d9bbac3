//! Forms: `multipart/form-data`, and what the SDKs make of it.

use std::convert::Infallible;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::call::Call;

/// One part of a form.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

/// Whether the header says that the body is a form.
pub(super) fn is_form(call: &Call) -> bool {
    call.content_type()
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
}

/// The boundary of a body that is a form whatever its header says: the TypeScript SDK sends scripts as a form under
/// `application/javascript`.
pub(crate) fn hidden_boundary(body: &[u8]) -> Option<String> {
    let line_end = body.iter().take(200).position(|b| *b == b'\n')?;
    let line = std::str::from_utf8(&body[..line_end]).ok()?;
    let boundary = line.trim_end().strip_prefix("--")?;
    let next = body.get(line_end + 1..)?;
    let next = &next[..next.len().min(200)];
    let next = String::from_utf8_lossy(next).to_ascii_lowercase();
    let header = next.lines().next().unwrap_or_default();
    let is_part =
        header.starts_with("content-disposition: form-data") || header.starts_with("content-type:");
    (is_part && !boundary.is_empty()).then(|| boundary.to_owned())
}

/// All parts of a call's form; the error says why it is none.
pub(super) async fn parts(call: &Call) -> Result<Vec<Part>, String> {
    split(call.content_type(), &call.body).await
}

/// All parts of a form.
pub(crate) async fn split(content_type: &str, body: &Bytes) -> Result<Vec<Part>, String> {
    let boundary = match multer::parse_boundary(content_type) {
        Ok(boundary) => boundary,
        Err(e) => hidden_boundary(body).ok_or_else(|| e.to_string())?,
    };
    let bytes = body.clone();
    let stream = futures::stream::once(async move { Ok::<_, Infallible>(bytes) });
    let mut form = multer::Multipart::new(stream, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|e| e.to_string())? {
        parts.push(Part {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(ToOwned::to_owned),
            content_type: field.content_type().map(ToString::to_string),
            bytes: field.bytes().await.map_err(|e| e.to_string())?,
        });
    }
    Ok(parts)
}

/// The object `name` of a form: a part of JSON, or the SDKs' flattened parts `name[key]`, `name[list][][key]`.
pub(crate) fn object(parts: &[Part], name: &str) -> Result<Option<Map<String, Value>>, String> {
    if let Some(part) = parts.iter().find(|p| p.name == name) {
        return match serde_json::from_slice(&part.bytes) {
            Ok(Value::Object(map)) => Ok(Some(map)),
            Ok(_) => Err(format!("{name} is no JSON object")),
            Err(e) => Err(format!("{name} is no JSON: {e}")),
        };
    }
    let mut root = Value::Null;
    for part in parts {
        let Some(keys) = part.name.strip_prefix(name).and_then(keys) else {
            continue;
        };
        let text = String::from_utf8_lossy(&part.bytes).into_owned();
        insert(&mut root, &keys, Value::String(text));
    }
    match root {
        Value::Object(map) => Ok(Some(map)),
        _ => Ok(None),
    }
}

/// `[a][][b]` as its keys.
fn keys(path: &str) -> Option<Vec<&str>> {
    let inner = path.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.split("][").collect())
}

/// Puts a value where its keys say. An empty key is a list; a list's last object takes what it does not have yet.
fn insert(at: &mut Value, keys: &[&str], value: Value) {
    let Some((key, rest)) = keys.split_first() else {
        *at = value;
        return;
    };
    if key.is_empty() {
        if !at.is_array() {
            *at = Value::Array(Vec::new());
        }
        if let Value::Array(list) = at {
            let fits = list
                .last()
                .is_some_and(|last| !rest.is_empty() && !has(last, rest));
            if !fits {
                list.push(Value::Null);
            }
            if let Some(last) = list.last_mut() {
                insert(last, rest, value);
            }
        }
        return;
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    if let Value::Object(map) = at {
        insert(
            map.entry((*key).to_owned()).or_insert(Value::Null),
            rest,
            value,
        );
    }
}

/// Whether there is a value already; a list always has room.
fn has(at: &Value, keys: &[&str]) -> bool {
    match keys.split_first() {
        None => true,
        Some((&"", _)) => false,
        Some((key, rest)) => at.get(*key).is_some_and(|inner| has(inner, rest)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    fn part(name: &str, text: &str) -> Part {
        Part {
            name: name.into(),
            file_name: None,
            content_type: None,
            bytes: Bytes::from(text.to_owned()),
        }
    }

    #[test]
    fn flattened_objects_are_put_together() {
        let parts = [
            part("metadata[main_module]", "worker.js"),
            part("metadata[bindings][][type]", "plain_text"),
            part("metadata[bindings][][name]", "A"),
            part("metadata[bindings][][text]", "1"),
            part("metadata[bindings][][type]", "kv_namespace"),
            part("metadata[bindings][][name]", "KV"),
            part("metadata[bindings][][namespace_id]", "c1"),
            part("metadata[compatibility_flags][]", "x"),
            part("metadata[compatibility_flags][]", "y"),
        ];
        let map = object(&parts, "metadata").unwrap().unwrap();
        assert_eq!(
            Value::Object(map),
            serde_json::json!({
                "main_module": "worker.js",
                "bindings": [
                    {"type": "plain_text", "name": "A", "text": "1"},
                    {"type": "kv_namespace", "name": "KV", "namespace_id": "c1"},
                ],
                "compatibility_flags": ["x", "y"],
            })
        );
    }

    #[test]
    fn a_form_is_seen_under_any_header() {
        let body =
            b"--abc\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--abc--";
        assert_eq!(hidden_boundary(body).as_deref(), Some("abc"));
        assert_eq!(
            hidden_boundary(b"addEventListener('fetch', () => {})\n"),
            None
        );
        assert_eq!(hidden_boundary(b"--x\nlet a = 1;"), None);
    }
}
