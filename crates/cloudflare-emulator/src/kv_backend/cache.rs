//! What a location of the edge remembers of KV: values, and that there is none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Failure, bad};
use crate::account::kv::KvEntry;
use crate::clock::now_ms;

/// The shortest and the usual time that a location answers from its cache, in seconds (Cloudflare API notes §6.6, official).
const MIN_S: u64 = 30;
const USUAL_S: u64 = 60;

/// Until when, in milliseconds since 1970, and the value or that there is none.
struct Cached {
    until_ms: u64,
    entry: Option<KvEntry>,
}

/// One location.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<String, Cached>>);

impl Cache {
    /// What is remembered of a key, or what `read` says, which is remembered for `ttl_ms` then.
    pub(super) fn read(
        &self,
        key: &str,
        ttl_ms: u64,
        read: impl FnOnce() -> Result<Option<KvEntry>, Failure>,
    ) -> Result<Option<KvEntry>, Failure> {
        let now = now_ms();
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cache.get(key)
            && cached.until_ms > now
        {
            return Ok(cached.entry.clone().filter(|entry| !entry.expired(now)));
        }
        let entry = read()?;
        let cached = Cached {
            until_ms: now.saturating_add(ttl_ms),
            entry: entry.clone(),
        };
        cache.insert(key.to_owned(), cached);
        Ok(entry)
    }

    /// As if the time had gone by.
    #[cfg(test)]
    pub(super) fn forget(&self, key: &str) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.remove(key);
    }

    /// Until when a key is remembered.
    #[cfg(test)]
    pub(super) fn until_ms(&self, key: &str) -> Option<u64> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(key).map(|cached| cached.until_ms)
    }
}

/// Refuses a time that KV does not take.
pub(super) fn check_ttl(cache_ttl: Option<u64>) -> Result<(), Failure> {
    match cache_ttl {
        Some(ttl) if ttl < MIN_S => Err(bad(format!(
            "Invalid cache_ttl of {ttl}. Cache TTL must be at least {MIN_S}."
        ))),
        _ => Ok(()),
    }
}

/// How long a read is remembered, in milliseconds: `percent` of what the real service does.
pub(super) fn ttl_ms(cache_ttl: Option<u64>, percent: u64) -> u64 {
    cache_ttl.unwrap_or(USUAL_S).saturating_mul(10 * percent)
}
