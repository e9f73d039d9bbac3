//! Keeps each token within Cloudflare's limits (§1.4): 1,200 calls per five minutes, and what the headers say.

use governor::{Quota, RateLimiter, clock::DefaultClock, state::keyed::DefaultKeyedStateStore};
use reqwest::header::HeaderMap;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Calls that may be made at once before the pace of the limit applies.
const BURST: NonZeroU32 = NonZeroU32::new(1_000).expect("not zero");

/// The pace: 1,200 in 300 seconds.
const PERIOD: Duration = Duration::from_millis(250);

/// Names a token in the limiter without holding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LimitKey([u8; 8]);

impl LimitKey {
    pub(crate) fn of(token: &str) -> Self {
        let mut key = [0; 8];
        key.copy_from_slice(&Sha256::digest(token.as_bytes())[..8]);
        Self(key)
    }
}

#[derive(Debug)]
pub(crate) struct Limiter {
    pace: RateLimiter<LimitKey, DefaultKeyedStateStore<LimitKey>, DefaultClock>,
    paused_until: Mutex<HashMap<LimitKey, Instant>>,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        let quota = Quota::with_period(PERIOD)
            .expect("not zero")
            .allow_burst(BURST);
        Self {
            pace: RateLimiter::keyed(quota),
            paused_until: Mutex::default(),
        }
    }

    /// Waits until a call may be made.
    pub(crate) async fn wait(&self, key: LimitKey) {
        let paused_until = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .copied();
        if let Some(until) = paused_until {
            tokio::time::sleep_until(until.into()).await;
        }
        self.pace.until_key_ready(&key).await;
    }

    /// Learns from an answer: with nothing remaining, the token pauses until the window ends.
    pub(crate) fn learn(&self, key: LimitKey, headers: &HeaderMap) {
        let pause = headers
            .get("ratelimit")
            .and_then(|value| value.to_str().ok())
            .and_then(exhausted_for);
        let mut paused = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match pause {
            Some(pause) => {
                paused.insert(key, Instant::now() + pause);
            }
            None => {
                paused.remove(&key);
            }
        }
    }
}

/// The longest reset among the items of a `Ratelimit` header that have nothing remaining:
/// `"default";r=0;t=12, "burst";r=5;t=1` (§1.4, official).
fn exhausted_for(header: &str) -> Option<Duration> {
    header
        .split(',')
        .filter_map(|item| {
            let parameter = |name: &str| {
                item.split(';').find_map(|part| {
                    part.trim()
                        .strip_prefix(name)?
                        .strip_prefix('=')?
                        .parse::<u64>()
                        .ok()
                })
            };
            (parameter("r")? == 0).then(|| parameter("t")).flatten()
        })
        .max()
        // A window is five minutes; more than that is no advice.
        .map(|seconds| Duration::from_secs(Ord::min(seconds, 300)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exhausted_window_pauses() {
        for (header, seconds) in [
            (r#""default";r=1150;t=120"#, None),
            (r#""default";r=0;t=12, "burst";r=5;t=100"#, Some(12)),
            (r#""default";r=0"#, None),
            ("garbage", None),
        ] {
            assert_eq!(
                exhausted_for(header),
                seconds.map(Duration::from_secs),
                "{header}"
            );
        }
    }
}
