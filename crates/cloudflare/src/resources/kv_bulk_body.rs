//! The body of a bulk write (§6.4), put together pair by pair, so that the contents are in memory once.

use super::kv_values::{BULK_BYTES_MAX, BULK_MAX, BulkPair, refuse_pair};
use bytes::Bytes;
use std::fmt;

/// A bulk write as it is put together: the JSON that is sent, never over Cloudflare's limits.
#[derive(Clone)]
pub struct BulkBody {
    json: Vec<u8>,
    keys: Vec<String>,
    bytes_max: usize,
}

impl fmt::Debug for BulkBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pairs ({} bytes)", self.keys.len(), self.json.len())
    }
}

impl BulkBody {
    /// An empty one of at most `bytes_max` bytes, as sent; Cloudflare's own limit holds anyway.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            json: Vec::new(),
            keys: Vec::new(),
            bytes_max: Ord::min(bytes_max, BULK_BYTES_MAX),
        }
    }

    /// Adds a pair. `false`: it does not fit any more, and nothing was added; into an empty body every pair fits that
    /// Cloudflare takes at all.
    ///
    /// # Errors
    ///
    /// Why Cloudflare would refuse the pair.
    pub fn push(&mut self, pair: &BulkPair) -> Result<bool, String> {
        if let Some(why) = refuse_pair(pair) {
            return Err(why);
        }
        if self.keys.len() == BULK_MAX {
            return Ok(false);
        }
        let before = self.json.len();
        self.json.push(if before == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.json, pair).map_err(|error| error.to_string())?;
        // The closing bracket comes with the sending.
        let limit = if before == 0 {
            BULK_BYTES_MAX
        } else {
            self.bytes_max
        };
        if self.json.len() + 1 > limit {
            self.json.truncate(before);
            return if before == 0 {
                Err(format!(
                    "the pair {:?} alone has more than {BULK_BYTES_MAX} bytes",
                    pair.key
                ))
            } else {
                Ok(false)
            };
        }
        self.keys.push(pair.key.clone());
        Ok(true)
    }

    /// The keys of the pairs, in order.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The whole JSON and how many pairs it has; none of an empty body.
    pub(super) fn finish(mut self) -> Option<(Bytes, usize)> {
        if self.json.is_empty() {
            return None;
        }
        self.json.push(b']');
        Some((self.json.into(), self.keys.len()))
    }

    /// Bytes of the body so far.
    pub const fn bytes(&self) -> usize {
        self.json.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::kv_values::VALUE_MAX;
    use serde_json::Value;

    #[test]
    fn a_body_ends_at_its_limits() {
        let pair = |key: usize, bytes: usize| BulkPair {
            key: format!("k{key}"),
            value: "\"".repeat(bytes),
            ..BulkPair::default()
        };
        let mut body = BulkBody::new(1_000);
        // Each quotation mark is two bytes in JSON.
        let fitting = (0..)
            .take_while(|key| body.push(&pair(*key, 100)).expect("allowed"))
            .count();
        assert_eq!((fitting, body.keys().len()), (4, 4));
        assert!(body.bytes() < 1_000);
        assert!(serde_json::from_slice::<Vec<Value>>(&[&body.json[..], b"]"].concat()).is_ok());
        let mut body = BulkBody::new(1_000);
        assert!(body.push(&pair(0, 5_000)).expect("one always fits"));
        assert!(!body.push(&pair(1, 1)).expect("allowed"));
        let mut body = BulkBody::new(usize::MAX);
        let fitting = (0..)
            .take_while(|key| body.push(&pair(*key, 1)).expect("allowed"))
            .count();
        assert_eq!(fitting, BULK_MAX);
        assert!(body.push(&pair(0, VALUE_MAX + 1)).is_err());
    }
}
