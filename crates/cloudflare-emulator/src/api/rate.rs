//! The global rate limit: calls per token in a window, then nothing for as long again (Cloudflare API notes §1.4).
//! When it is switched off, answers say that everything is left.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::limits::{RATE_CALLS, RATE_WINDOW};

#[derive(Debug, Default)]
struct Window {
    began_ms: u64,
    calls: u64,
    blocked_until_ms: u64,
}

/// Counts calls by token id.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Window>>);

/// Where a caller stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Calls left.
    pub(crate) remaining: u64,
    /// Seconds until all are there again.
    pub(crate) reset: u64,
    /// Seconds to wait, when there are none left.
    pub(crate) retry_after: Option<u64>,
}

impl Standing {
    /// Where everybody stands when nothing is limited.
    pub(crate) fn unlimited() -> Self {
        Self {
            remaining: RATE_CALLS,
            reset: RATE_WINDOW.as_secs(),
            retry_after: None,
        }
    }
}

impl Rates {
    /// Counts one call.
    pub(crate) fn count(&self, token: &str, now_ms: u64) -> Standing {
        let window_ms = RATE_WINDOW.as_secs() * 1000;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = all.entry(token.to_owned()).or_default();
        let seconds = |ms: u64| ms.div_ceil(1000);
        if window.blocked_until_ms > now_ms {
            let wait = seconds(window.blocked_until_ms - now_ms);
            return Standing {
                remaining: 0,
                reset: wait,
                retry_after: Some(wait),
            };
        }
        if now_ms >= window.began_ms + window_ms {
            window.began_ms = now_ms;
            window.calls = 0;
        }
        window.calls += 1;
        if window.calls > RATE_CALLS {
            window.blocked_until_ms = now_ms + window_ms;
            window.calls = 0;
            window.began_ms = window.blocked_until_ms;
            return Standing {
                remaining: 0,
                reset: RATE_WINDOW.as_secs(),
                retry_after: Some(RATE_WINDOW.as_secs()),
            };
        }
        Standing {
            remaining: RATE_CALLS - window.calls,
            reset: seconds(window.began_ms + window_ms - now_ms),
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_calls_are_refused_for_a_window() {
        let rates = Rates::default();
        for _ in 0..RATE_CALLS {
            assert!(rates.count("t", 1000).retry_after.is_none());
        }
        assert_eq!(rates.count("t", 1000).retry_after, Some(300));
        assert_eq!(rates.count("t", 2000).retry_after, Some(299));
        assert!(rates.count("other", 2000).retry_after.is_none());
        assert_eq!(rates.count("t", 301_000).remaining, RATE_CALLS - 1);
    }
}
