//! KV namespaces and their values, with the limits that both the API and a Worker's binding run into.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::limits::{KV_KEY_BYTES, KV_METADATA_BYTES, KV_MIN_TTL_SECONDS, KV_VALUE_BYTES};

/// A KV namespace.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    /// 32 hex digits.
    pub id: String,
    /// The account that owns it.
    pub account: String,
    /// Unique within the account.
    pub title: String,
    /// By key, in byte order. Expired entries may still be here: read through [`Namespace::get`].
    pub values: BTreeMap<String, KvEntry>,
    /// What keys were before their newest write, for the delay at the edge: when that write was, and the entry.
    pub before: BTreeMap<String, (u64, Option<KvEntry>)>,
}

/// One stored value.
#[derive(Clone, Debug, PartialEq)]
pub struct KvEntry {
    /// The bytes as written.
    pub value: Bytes,
    /// Any JSON.
    pub metadata: Option<Value>,
    /// When it goes away, in seconds since 1970.
    pub expiration: Option<u64>,
    /// When it was written, in milliseconds since 1970.
    pub written_at_ms: u64,
}

impl KvEntry {
    /// Whether it is gone at this moment.
    #[must_use]
    pub fn expired(&self, now_ms: u64) -> bool {
        self.expiration.is_some_and(|end| end <= now_ms / 1000)
    }
}

/// What a write asks for.
#[derive(Clone, Debug, Default)]
pub struct KvWrite {
    /// The bytes.
    pub value: Bytes,
    /// Any JSON.
    pub metadata: Option<Value>,
    /// When it shall go away, in seconds since 1970.
    pub expiration: Option<u64>,
    /// How long it shall live, in seconds; wins over `expiration`.
    pub expiration_ttl: Option<u64>,
}

/// One page of a key list.
#[derive(Clone, Debug, Default)]
pub struct KvPage {
    /// Names with their entries, in byte order.
    pub keys: Vec<(String, KvEntry)>,
    /// The last name of the page when there is more.
    pub next: Option<String>,
}

/// Why KV refused. The texts are the runtime's (Cloudflare API notes §6.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// Empty, `.` or `..`.
    #[error("key name cannot be {0:?}")]
    KeyName(String),
    /// Longer than [`KV_KEY_BYTES`].
    #[error("UTF-8 encoded length of {0} exceeds key length limit of {KV_KEY_BYTES}.")]
    KeyTooLong(usize),
    /// Larger than [`KV_VALUE_BYTES`].
    #[error("Value length of {0} exceeds limit of {KV_VALUE_BYTES}.")]
    ValueTooLarge(usize),
    /// Larger than [`KV_METADATA_BYTES`].
    #[error("Metadata length of {0} exceeds limit of {KV_METADATA_BYTES}.")]
    MetadataTooLarge(usize),
    /// Shorter than [`KV_MIN_TTL_SECONDS`].
    #[error("Invalid expiration_ttl of {0}. Expiration TTL must be at least {KV_MIN_TTL_SECONDS}.")]
    TtlTooShort(u64),
    /// Not at least [`KV_MIN_TTL_SECONDS`] in the future.
    #[error(
        "Invalid expiration of {0}. Expiration times must be at least {KV_MIN_TTL_SECONDS} seconds in the future."
    )]
    ExpirationTooSoon(u64),
}

impl Namespace {
    /// Refuses what no key may be.
    ///
    /// # Errors
    /// [`KvError::KeyName`] and [`KvError::KeyTooLong`].
    pub fn check_key(key: &str) -> Result<(), KvError> {
        if matches!(key, "" | "." | "..") {
            return Err(KvError::KeyName(key.to_owned()));
        }
        if key.len() > KV_KEY_BYTES {
            return Err(KvError::KeyTooLong(key.len()));
        }
        Ok(())
    }

    /// The entry that a write would store.
    ///
    /// # Errors
    /// Every limit of [`KvError`].
    pub fn check_write(key: &str, write: KvWrite, now_ms: u64) -> Result<KvEntry, KvError> {
        Self::check_key(key)?;
        if write.value.len() > KV_VALUE_BYTES {
            return Err(KvError::ValueTooLarge(write.value.len()));
        }
        if let Some(metadata) = &write.metadata {
            let length = metadata.to_string().len();
            if length > KV_METADATA_BYTES {
                return Err(KvError::MetadataTooLarge(length));
            }
        }
        let now = now_ms / 1000;
        let expiration = match (write.expiration_ttl, write.expiration) {
            (Some(ttl), _) if ttl < KV_MIN_TTL_SECONDS => return Err(KvError::TtlTooShort(ttl)),
            (Some(ttl), _) => Some(now.saturating_add(ttl)),
            (None, Some(end)) if end < now.saturating_add(KV_MIN_TTL_SECONDS) => {
                return Err(KvError::ExpirationTooSoon(end));
            }
            (None, end) => end,
        };
        Ok(KvEntry {
            value: write.value,
            metadata: write.metadata,
            expiration,
            written_at_ms: now_ms,
        })
    }

    /// The entry of a key, unless it has expired.
    #[must_use]
    pub fn get(&self, key: &str, now_ms: u64) -> Option<&KvEntry> {
        self.values.get(key).filter(|e| !e.expired(now_ms))
    }

    /// The entry of a key as a far edge location sees it, `delay_ms` behind its newest write.
    #[must_use]
    pub fn get_at_edge(&self, key: &str, now_ms: u64, delay_ms: u64) -> Option<&KvEntry> {
        match self.before.get(key) {
            Some((written, old)) if delay_ms > 0 && written.saturating_add(delay_ms) > now_ms => {
                old.as_ref().filter(|e| !e.expired(now_ms))
            }
            _ => self.get(key, now_ms),
        }
    }

    /// Writes a value.
    ///
    /// # Errors
    /// Every limit of [`KvError`].
    pub fn put(
        &mut self,
        key: &str,
        write: KvWrite,
        now_ms: u64,
        delay_ms: u64,
    ) -> Result<(), KvError> {
        let entry = Self::check_write(key, write, now_ms)?;
        self.put_checked(key.to_owned(), entry, now_ms, delay_ms);
        Ok(())
    }

    /// Writes what [`Namespace::check_write`] has passed.
    pub fn put_checked(&mut self, key: String, entry: KvEntry, now_ms: u64, delay_ms: u64) {
        let old = self.values.insert(key.clone(), entry);
        self.remember(key, old, now_ms, delay_ms);
    }

    /// Removes a key; that it is not there is no error.
    pub fn delete(&mut self, key: &str, now_ms: u64, delay_ms: u64) {
        let old = self.values.remove(key);
        self.remember(key.to_owned(), old, now_ms, delay_ms);
    }

    /// One page of at most `limit` keys that start with `prefix`, after the key `after`.
    #[must_use]
    pub fn list(&self, prefix: &str, limit: usize, after: Option<&str>, now_ms: u64) -> KvPage {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = match after {
            Some(after) if after >= prefix => Excluded(after.to_owned()),
            _ => Included(prefix.to_owned()),
        };
        let mut page = KvPage::default();
        for (name, entry) in self.values.range((start, Unbounded)) {
            if !name.starts_with(prefix) {
                break;
            }
            if entry.expired(now_ms) {
                continue;
            }
            if page.keys.len() == limit {
                page.next = page.keys.last().map(|(name, _)| name.clone());
                break;
            }
            page.keys.push((name.clone(), entry.clone()));
        }
        page
    }

    fn remember(&mut self, key: String, old: Option<KvEntry>, now_ms: u64, delay_ms: u64) {
        if delay_ms == 0 {
            return;
        }
        // Within the delay the oldest of several writes decides what is still seen, but the newest when that ends.
        let old = match self.before.remove(&key) {
            Some((written, before)) if written.saturating_add(delay_ms) > now_ms => before,
            _ => old,
        };
        self.before.insert(key, (now_ms, old));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    fn write(text: &'static str) -> KvWrite {
        KvWrite {
            value: Bytes::from_static(text.as_bytes()),
            ..KvWrite::default()
        }
    }

    #[test]
    fn pages_follow_each_other_without_gap() {
        let mut ns = Namespace::default();
        for i in 0..25 {
            ns.put(&format!("a/{i:02}"), write("x"), 0, 0).unwrap();
        }
        ns.put("b", write("x"), 0, 0).unwrap();
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = ns.list("a/", 10, after.as_deref(), 0);
            seen.extend(page.keys.into_iter().map(|(k, _)| k));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 25);
        assert!(seen.is_sorted());
    }

    #[test]
    fn expired_values_are_gone() {
        let mut ns = Namespace::default();
        let mut w = write("x");
        w.expiration_ttl = Some(60);
        ns.put("k", w, 1_000, 0).unwrap();
        assert!(ns.get("k", 60_000).is_some());
        assert!(ns.get("k", 61_000).is_none());
        assert!(ns.list("", 10, None, 61_000).keys.is_empty());
    }

    #[test]
    fn the_edge_lags_behind() {
        let mut ns = Namespace::default();
        ns.put("k", write("old"), 0, 1000).unwrap();
        ns.put("k", write("new"), 5000, 1000).unwrap();
        assert_eq!(ns.get("k", 5000).unwrap().value, "new");
        assert_eq!(ns.get_at_edge("k", 5500, 1000).unwrap().value, "old");
        assert_eq!(ns.get_at_edge("k", 6000, 1000).unwrap().value, "new");
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(
            Namespace::check_key(".."),
            Err(KvError::KeyName("..".into()))
        );
        assert!(Namespace::check_key(&"x".repeat(512)).is_ok());
        assert_eq!(
            Namespace::check_key(&"x".repeat(513)),
            Err(KvError::KeyTooLong(513))
        );
        let mut w = write("x");
        w.metadata = Some(Value::String("x".repeat(1023)));
        assert_eq!(
            Namespace::check_write("k", w, 0),
            Err(KvError::MetadataTooLarge(1025))
        );
    }
}
