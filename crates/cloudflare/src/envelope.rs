//! The wrapper around every JSON answer (§1), read leniently: live answers leave out `result`, `messages` or codes.

use crate::error::{ApiErrorEntry, Error, ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// `result_info` of lists.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ResultInfo {
    pub(crate) page: Option<u64>,
    pub(crate) per_page: Option<u64>,
    pub(crate) total_count: Option<u64>,
    pub(crate) total_pages: Option<u64>,
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    success: Option<bool>,
    #[serde(default)]
    errors: Option<Vec<Value>>,
    result: Option<Value>,
    #[serde(default)]
    result_info: Option<ResultInfo>,
}

/// The answer's raw parts.
pub(crate) struct Answer {
    pub(crate) endpoint: String,
    pub(crate) status: u16,
    pub(crate) ray_id: Option<String>,
    pub(crate) retry_after: Option<std::time::Duration>,
    pub(crate) is_write: bool,
    pub(crate) is_challenge: bool,
    pub(crate) body: bytes::Bytes,
}

impl Answer {
    pub(crate) fn error(&self, kind: ErrorKind, errors: Vec<ApiErrorEntry>) -> Error {
        Error {
            endpoint: self.endpoint.clone(),
            status: Some(self.status),
            errors,
            ray_id: self.ray_id.clone(),
            kind,
            retry_after: self.retry_after,
            is_write: self.is_write,
        }
    }

    /// The failure that this answer tells of, or nothing when it tells of success.
    pub(crate) fn failure(&self) -> Option<Error> {
        if self.is_challenge {
            return Some(self.error(ErrorKind::Challenge, Vec::new()));
        }
        let is_ok = (200..300).contains(&self.status);
        match serde_json::from_slice::<Envelope>(&self.body) {
            Ok(envelope) if envelope.success == Some(false) || !is_ok => Some(
                self.error(
                    ErrorKind::Api,
                    envelope
                        .errors
                        .unwrap_or_default()
                        .into_iter()
                        .map(entry)
                        .collect(),
                ),
            ),
            Ok(_) => None,
            Err(_) if is_ok => None,
            Err(error) => Some(self.error(
                ErrorKind::Malformed(what_is_wrong(&self.body, &error)),
                Vec::new(),
            )),
        }
    }

    /// `result` as the caller's type, with `result_info`. An absent result reads as `null`.
    pub(crate) fn result<T: DeserializeOwned>(&self) -> Result<(T, ResultInfo), Error> {
        let malformed = |what: String| self.error(ErrorKind::Malformed(what), Vec::new());
        if self.body.is_empty() {
            return serde_json::from_value(Value::Null)
                .map(|result| (result, ResultInfo::default()))
                .map_err(|_| malformed("it is empty".to_owned()));
        }
        let envelope: Envelope = serde_json::from_slice(&self.body)
            .map_err(|error| malformed(what_is_wrong(&self.body, &error)))?;
        let result = serde_json::from_value(envelope.result.unwrap_or(Value::Null))
            .map_err(|error| malformed(format!("its result does not fit: {error}")))?;
        Ok((result, envelope.result_info.unwrap_or_default()))
    }
}

/// Entries are objects; a plain string is taken as the message.
fn entry(value: Value) -> ApiErrorEntry {
    match value {
        Value::String(message) => ApiErrorEntry {
            message,
            ..ApiErrorEntry::default()
        },
        object => serde_json::from_value(object).unwrap_or_default(),
    }
}

fn what_is_wrong(body: &[u8], error: &serde_json::Error) -> String {
    if body.trim_ascii_start().starts_with(b"<") {
        "it is an HTML page".to_owned()
    } else {
        format!(
            "it is no JSON at line {}, column {}",
            error.line(),
            error.column()
        )
    }
}
