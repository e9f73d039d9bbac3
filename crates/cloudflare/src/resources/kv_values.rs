//! KV values and keys, one by one and in bulk (§6.2 to §6.4).

use crate::{
    AccountId, Api, Error, NamespaceId,
    request::{Part, Request},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const VALUE: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}";
const KEYS: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/keys";
const BULK: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk";
const BULK_DELETE: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk/delete";

/// A pair of a bulk write: at most 10,000 pairs and 100 MB a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    #[serde(default, rename = "successful_key_count")]
    pub successful: u64,
    /// The keys that were not.
    #[serde(default, rename = "unsuccessful_keys")]
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
        self.call_raw(Request::get(
            VALUE,
            &[account.as_str(), namespace.as_str(), key],
        ))
        .await
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
        let request = Request::put(VALUE, &[account.as_str(), namespace.as_str(), key]);
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
        self.call_for_effect(Request::delete(
            VALUE,
            &[account.as_str(), namespace.as_str(), key],
        ))
        .await
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
        let (keys, info): (Option<Vec<KeyEntry>>, _) = self.call_with_info(request).await?;
        Ok(KeyPage {
            keys: keys.unwrap_or_default(),
            cursor: info.cursor.filter(|cursor| !cursor.is_empty()),
        })
    }

    /// Writes many pairs.
    ///
    /// # Errors
    ///
    /// When the call failed; partial success is no error, see [`BulkOutcome`].
    pub async fn bulk_put(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        pairs: &[BulkPair],
    ) -> Result<BulkOutcome, Error> {
        let request = Request::put(BULK, &[account.as_str(), namespace.as_str()]).json(&pairs);
        let outcome: Option<BulkOutcome> = self.call(request).await?;
        // Older answers have no result: then success means all.
        Ok(outcome.unwrap_or(BulkOutcome {
            successful: pairs.len() as u64,
            unsuccessful: Vec::new(),
        }))
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
        let outcome: Option<BulkOutcome> = self.call(request).await?;
        Ok(outcome.unwrap_or(BulkOutcome {
            successful: keys.len() as u64,
            unsuccessful: Vec::new(),
        }))
    }
}
