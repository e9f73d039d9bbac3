//! KV values and keys, one by one and in bulk (§6.2 to §6.4).

use super::kv_bulk_body::BulkBody;
use crate::{
    AccountId, Api, Error, NamespaceId,
    envelope::null_as_default,
    request::{Body, Part, Request},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const VALUE: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}";
const KEYS: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/keys";
const BULK: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk";
const BULK_DELETE: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk/delete";

/// The longest key in bytes (§6.6, official).
const KEY_MAX: usize = 512;

/// The largest metadata in bytes, as JSON (§6.6, official).
const METADATA_MAX: usize = 1_024;

/// The largest value in bytes, decoded (§6.6, official).
pub(super) const VALUE_MAX: usize = 25 * 1024 * 1024;

/// The most pairs or keys of one bulk call (§6.4, official).
pub(super) const BULK_MAX: usize = 10_000;

/// The largest request of a bulk call in bytes (§6.4, official).
pub(super) const BULK_BYTES_MAX: usize = 100_000_000;

/// A pair of a bulk write: at most 10,000 pairs and 100 MB a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BulkPair {
    /// The key, at most 512 bytes.
    pub key: String,
    /// The value, as text or as base64.
    pub value: String,
    /// Whether the value is base64.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub base64: bool,
    /// At most 1,024 bytes as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
}

/// What a bulk call did. 200 with unsuccessful keys is partial success: send exactly those again (official).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct BulkOutcome {
    /// How many were done.
    #[serde(
        default,
        rename = "successful_key_count",
        deserialize_with = "null_as_default"
    )]
    pub successful: u64,
    /// The keys that were not.
    #[serde(
        default,
        rename = "unsuccessful_keys",
        deserialize_with = "null_as_default"
    )]
    pub unsuccessful: Vec<String>,
}

/// A key of a list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KeyEntry {
    /// The key.
    pub name: String,
    /// Its metadata.
    #[serde(default)]
    pub metadata: Option<Value>,
    /// Seconds since 1970.
    #[serde(default)]
    pub expiration: Option<u64>,
}

/// A page of keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<KeyEntry>,
    /// For the next page; `None` at the end. Pages may be short or empty before that.
    pub cursor: Option<String>,
}

impl BulkOutcome {
    /// Older answers are `null` or leave the numbers out (§6.4): then all was done but what is named.
    fn completed(read: Option<Self>, sent: usize) -> Self {
        let mut outcome = read.unwrap_or_default();
        if outcome.successful == 0 {
            outcome.successful = sent.saturating_sub(outcome.unsuccessful.len()) as u64;
        }
        outcome
    }
}

fn refuse_key(key: &str) -> Option<String> {
    if matches!(key, "" | "." | "..") {
        return Some(format!("{key:?} cannot be a key"));
    }
    (key.len() > KEY_MAX).then(|| {
        let start: String = key.chars().take(40).collect();
        format!(
            "the key {start:?}… has {} bytes, {KEY_MAX} are allowed",
            key.len()
        )
    })
}

fn refuse_metadata(key: &str, metadata: Option<&Value>) -> Option<String> {
    let size = metadata?.to_string().len();
    (size > METADATA_MAX)
        .then(|| format!("the metadata of {key:?} has {size} bytes, {METADATA_MAX} are allowed"))
}

fn refuse_value(key: &str, size: usize) -> Option<String> {
    (size > VALUE_MAX)
        .then(|| format!("the value of {key:?} has {size} bytes, {VALUE_MAX} are allowed"))
}

/// Whether one bad pair spoils a whole batch is not documented (§6.4), so each is looked at first.
pub(super) fn refuse_pair(pair: &BulkPair) -> Option<String> {
    let size = if pair.base64 {
        pair.value.len() / 4 * 3
    } else {
        pair.value.len()
    };
    refuse_key(&pair.key)
        .or_else(|| refuse_metadata(&pair.key, pair.metadata.as_ref()))
        .or_else(|| refuse_value(&pair.key, size))
}

fn refuse_count(count: usize) -> Option<String> {
    (count > BULK_MAX).then(|| format!("{count} keys in one call, {BULK_MAX} are allowed"))
}

fn refuse_size(request: &Request) -> Option<String> {
    match &request.body {
        Body::Json(bytes) if bytes.len() > BULK_BYTES_MAX => Some(format!(
            "{} bytes in one call, {BULK_BYTES_MAX} are allowed",
            bytes.len()
        )),
        _ => None,
    }
}

impl Api {
    /// A value as it is; a missing key is 404 with code 10009.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn get_value(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        key: &str,
    ) -> Result<Bytes, Error> {
        let request = Request::get(VALUE, &[account.as_str(), namespace.as_str(), key])
            .refused_for(refuse_key(key));
        self.call_raw(request).await
    }

    /// Writes a value, its metadata and expiry; all three are overwritten.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn put_value(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        key: &str,
        value: Vec<u8>,
        metadata: Option<&Value>,
    ) -> Result<(), Error> {
        let refusal = refuse_key(key)
            .or_else(|| refuse_metadata(key, metadata))
            .or_else(|| refuse_value(key, value.len()));
        let request =
            Request::put(VALUE, &[account.as_str(), namespace.as_str(), key]).refused_for(refusal);
        let field = |name: &str, bytes| Part {
            name: name.to_owned(),
            filename: None,
            content_type: None,
            bytes,
        };
        let request = match metadata {
            None => request.raw(value),
            Some(metadata) => request.multipart(vec![
                field("value", value),
                field("metadata", metadata.to_string().into_bytes()),
            ]),
        };
        self.call_for_effect(request).await
    }

    /// Deletes a value; succeeds for a missing key.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn delete_value(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        key: &str,
    ) -> Result<(), Error> {
        let request = Request::delete(VALUE, &[account.as_str(), namespace.as_str(), key])
            .refused_for(refuse_key(key));
        self.call_for_effect(request).await
    }

    /// A page of at most 1,000 keys.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn list_keys(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        prefix: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<KeyPage, Error> {
        let mut request =
            Request::get(KEYS, &[account.as_str(), namespace.as_str()]).query("limit", "1000");
        if let Some(prefix) = prefix {
            request = request.query("prefix", prefix);
        }
        if let Some(cursor) = cursor {
            request = request.query("cursor", cursor);
        }
        let (keys, info) = self.call_list(request).await?;
        Ok(KeyPage {
            keys,
            cursor: info.cursor,
        })
    }

    /// Writes what was put together.
    ///
    /// # Errors
    ///
    /// When the call failed; partial success is no error, see [`BulkOutcome`].
    pub async fn bulk_put_body(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        body: BulkBody,
    ) -> Result<BulkOutcome, Error> {
        let Some((json, pairs)) = body.finish() else {
            return Ok(BulkOutcome::default());
        };
        let request = Request::put(BULK, &[account.as_str(), namespace.as_str()]).json_bytes(json);
        let outcome = self.call(request).await?;
        Ok(BulkOutcome::completed(outcome, pairs))
    }

    /// Writes many pairs.
    ///
    /// # Errors
    ///
    /// When the call failed, or a pair is over a limit (then nothing is sent); partial success is no error, see
    /// [`BulkOutcome`].
    pub async fn bulk_put(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        pairs: &[BulkPair],
    ) -> Result<BulkOutcome, Error> {
        let request = Request::put(BULK, &[account.as_str(), namespace.as_str()]).json(&pairs);
        let refusal = refuse_count(pairs.len())
            .or_else(|| pairs.iter().find_map(refuse_pair))
            .or_else(|| refuse_size(&request));
        let outcome = self.call(request.refused_for(refusal)).await?;
        Ok(BulkOutcome::completed(outcome, pairs.len()))
    }

    /// Deletes many keys, at most 10,000 a call.
    ///
    /// # Errors
    ///
    /// When the call failed; partial success is no error.
    pub async fn bulk_delete(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        keys: &[String],
    ) -> Result<BulkOutcome, Error> {
        let request = Request::post(BULK_DELETE, &[account.as_str(), namespace.as_str()])
            .json(&keys)
            .repeatable();
        let refusal =
            refuse_count(keys.len()).or_else(|| keys.iter().find_map(|key| refuse_key(key)));
        let outcome = self.call(request.refused_for(refusal)).await?;
        Ok(BulkOutcome::completed(outcome, keys.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_checked_before_anything_is_sent() {
        let pair = |key: &str, value: usize, metadata: usize| BulkPair {
            key: key.to_owned(),
            value: "x".repeat(value),
            metadata: Some(Value::from("m".repeat(metadata))),
            ..BulkPair::default()
        };
        assert_eq!(refuse_pair(&pair(&"k".repeat(512), 1, 1_022)), None);
        assert!(refuse_pair(&pair(&"k".repeat(513), 1, 1)).is_some());
        // 257 characters of two bytes each
        assert!(refuse_pair(&pair(&"\u{e9}".repeat(257), 1, 1)).is_some());
        assert!(refuse_pair(&pair("..", 1, 1)).is_some());
        assert!(refuse_pair(&pair("k", 1, 1_023)).is_some());
        assert_eq!(refuse_pair(&pair("k", VALUE_MAX, 1)), None);
        assert!(refuse_pair(&pair("k", VALUE_MAX + 1, 1)).is_some());
        assert_eq!(refuse_count(10_000), None);
        assert!(refuse_count(10_001).is_some());
    }

    #[test]
    fn outcomes_of_every_age_are_read() {
        let read = |text: &str| {
            let outcome = serde_json::from_str(text).expect("an outcome");
            let outcome = BulkOutcome::completed(outcome, 3);
            (outcome.successful, outcome.unsuccessful.len())
        };
        for (text, expected) in [
            (
                r#"{"successful_key_count":3,"unsuccessful_keys":[]}"#,
                (3, 0),
            ),
            (
                r#"{"successful_key_count":2,"unsuccessful_keys":["a"]}"#,
                (2, 1),
            ),
            (
                r#"{"successful_key_count":null,"unsuccessful_keys":null}"#,
                (3, 0),
            ),
            (r#"{"unsuccessful_keys":["a"]}"#, (2, 1)),
            ("{}", (3, 0)),
            ("null", (3, 0)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
