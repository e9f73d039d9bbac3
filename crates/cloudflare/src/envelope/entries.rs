//! What an answer says went wrong, in every form that was seen.

use crate::error::ApiErrorEntry;
use serde_json::{Map, Value};

/// The most entries that are kept.
const ENTRIES_MAX: usize = 16;

/// The most characters that are kept of a text.
const MESSAGE_MAX: usize = 2_000;

/// What an answer says went wrong: `errors`, or the one error that some endpoints tell outside the envelope (§1.2).
pub(super) fn entries(envelope: &Map<String, Value>) -> Vec<ApiErrorEntry> {
    let listed = match envelope.get("errors") {
        Some(Value::Array(entries)) => entries.iter().take(ENTRIES_MAX).map(entry).collect(),
        Some(one @ (Value::Object(_) | Value::String(_))) => vec![entry(one)],
        _ => Vec::new(),
    };
    if listed.is_empty() && (envelope.contains_key("error") || envelope.contains_key("code")) {
        return vec![entry_of(envelope, 0)];
    }
    listed
}

/// An entry is an object; a plain string is taken as the message.
fn entry(value: &Value) -> ApiErrorEntry {
    match value {
        Value::Object(object) => entry_of(object, 0),
        Value::String(message) => ApiErrorEntry {
            message: cut(message),
            ..ApiErrorEntry::default()
        },
        other => ApiErrorEntry {
            message: cut(&other.to_string()),
            ..ApiErrorEntry::default()
        },
    }
}

fn entry_of(object: &Map<String, Value>, depth: usize) -> ApiErrorEntry {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(cut);
    let chain = match object.get("error_chain") {
        Some(Value::Array(chain)) if depth < 4 => chain
            .iter()
            .take(ENTRIES_MAX)
            .filter_map(Value::as_object)
            .map(|object| entry_of(object, depth + 1))
            .collect(),
        _ => Vec::new(),
    };
    ApiErrorEntry {
        code: object
            .get("code")
            .and_then(|code| code.as_i64().or_else(|| code.as_str()?.parse().ok())),
        message: text("message")
            .or_else(|| text("error"))
            .unwrap_or_default(),
        documentation_url: text("documentation_url"),
        error_chain: chain,
    }
}

pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
