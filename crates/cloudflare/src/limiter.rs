//! Keeps each token within Cloudflare's limits (§1.4): 1,200 calls per five minutes, and what the headers say.

use governor::{
    Quota, RateLimiter, clock::DefaultClock, middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use reqwest::header::HeaderMap;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Calls that may be made at once before the pace applies. Burst and pace together keep every five minutes within
/// 1,200 calls: 600 at once, then 600 in 300 seconds.
const BURST: NonZeroU32 = NonZeroU32::new(600).expect("not zero");

/// The pace.
const PERIOD: Duration = Duration::from_millis(500);

/// A window is five minutes; more than that is no advice.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// With more tokens than this, those that have not called for a while are forgotten.
const TOKENS_KEPT: usize = 1_000;

/// Names a token in the limiter without holding it. The real limit is a user's, over all tokens; which user a token
/// belongs to is not known, so the headers have the last word.
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
    pace: Pace,
    paused_until: Mutex<HashMap<LimitKey, Instant>>,
    /// How much of the burst was left after a token's last call, and when.
    left: Mutex<HashMap<LimitKey, (Instant, u32)>>,
    /// What Cloudflare said is left of a token's window, and until when that holds.
    told_left: Mutex<HashMap<LimitKey, (Instant, u32)>>,
}

type Pace = RateLimiter<
    LimitKey,
    DefaultKeyedStateStore<LimitKey>,
    DefaultClock,
    StateInformationMiddleware,
>;

impl Limiter {
    pub(crate) fn new() -> Self {
        let quota = Quota::with_period(PERIOD)
            .expect("not zero")
            .allow_burst(BURST);
        Self {
            pace: RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>(),
            paused_until: Mutex::default(),
            left: Mutex::default(),
            told_left: Mutex::default(),
        }
    }

    /// Waits until a call may be made. Fails at once with the time to wait when that is over the deadline, or longer than
    /// `patience`.
    pub(crate) async fn wait(
        &self,
        key: LimitKey,
        deadline: Instant,
        patience: Duration,
    ) -> Result<(), Duration> {
        if let Some(until) = self.paused_until(key) {
            let pause = until.saturating_duration_since(Instant::now());
            if until >= deadline || pause > patience {
                return Err(pause);
            }
            sleep_until(until).await;
        }
        let state = timeout_at(deadline, self.pace.until_key_ready(&key))
            .await
            .map_err(|_| PERIOD)?;
        let now = Instant::now();
        let mut known = locked(&self.left);
        if known.len() > TOKENS_KEPT {
            known.retain(|_, (at, _)| at.elapsed() < PAUSE_MAX);
        }
        known.insert(key, (now, state.remaining_burst_capacity()));
        Ok(())
    }

    /// Whether so many calls are left that work which can wait may take some: half of the burst, which is a quarter of the
    /// window.
    pub(crate) fn has_to_spare(&self, key: LimitKey) -> bool {
        if self.paused_until(key).is_some() {
            return false;
        }
        let half = BURST.get() / 2;
        let told = locked(&self.told_left).get(&key).copied();
        if told.is_some_and(|(until, left)| until > Instant::now() && left < half) {
            return false;
        }
        let Some((at, left)) = locked(&self.left).get(&key).copied() else {
            return true;
        };
        let since = at.elapsed().as_millis() / PERIOD.as_millis();
        u128::from(left) + since >= u128::from(half)
    }

    fn paused_until(&self, key: LimitKey) -> Option<Instant> {
        let mut paused = self.paused();
        let until = *paused.get(&key)?;
        if until <= Instant::now() {
            paused.remove(&key);
            return None;
        }
        Some(until)
    }

    fn paused(&self) -> MutexGuard<'_, HashMap<LimitKey, Instant>> {
        locked(&self.paused_until)
    }

    /// Learns from an answer: with nothing remaining, or told to wait, all calls of the token pause.
    pub(crate) fn learn(
        &self,
        key: LimitKey,
        status: u16,
        retry_after: Option<Duration>,
        headers: &HeaderMap,
    ) {
        let told = retry_after.filter(|_| status == 429);
        let said = headers
            .get("ratelimit")
            .and_then(|value| value.to_str().ok());
        if let Some((left, seconds)) = said.and_then(least_left) {
            let until = Instant::now() + Ord::min(Duration::from_secs(seconds), PAUSE_MAX);
            let mut known = locked(&self.told_left);
            if known.len() > TOKENS_KEPT {
                known.retain(|_, (until, _)| *until > Instant::now());
            }
            known.insert(key, (until, left));
        }
        let exhausted = said.and_then(exhausted_for);
        if let Some(pause) = Ord::max(told, exhausted) {
            let until = Instant::now() + Ord::min(pause, PAUSE_MAX);
            let mut paused = self.paused();
            if paused.len() > TOKENS_KEPT {
                paused.retain(|_, until| *until > Instant::now());
            }
            let known = paused.entry(key).or_insert(until);
            *known = Ord::max(*known, until);
        }
        if self.pace.len() > TOKENS_KEPT {
            self.pace.retain_recent();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is left and the seconds until it is reset, of each item of a `Ratelimit` header:
/// `"default";r=0;t=12, "burst";r=5;t=1` (§1.4, official).
fn windows(header: &str) -> impl Iterator<Item = (u64, u64)> {
    header.split(',').filter_map(|item| {
        let parameter = |name: &str| {
            item.split(';').find_map(|part| {
                part.trim()
                    .strip_prefix(name)?
                    .strip_prefix('=')?
                    .parse::<u64>()
                    .ok()
            })
        };
        Some((parameter("r")?, parameter("t")?))
    })
}

/// The longest reset among the windows that have nothing left.
fn exhausted_for(header: &str) -> Option<Duration> {
    windows(header)
        .filter(|(left, _)| *left == 0)
        .map(|(_, seconds)| Duration::from_secs(seconds))
        .max()
}

/// Of the window with the least left: how much that is, and the seconds until its reset.
fn least_left(header: &str) -> Option<(u32, u64)> {
    let (left, seconds) = windows(header).min()?;
    Some((u32::try_from(left).unwrap_or(u32::MAX), seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::RETRY_AFTER_MAX;

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

    const KEY: LimitKey = LimitKey([1; 8]);
    const OTHER: LimitKey = LimitKey([2; 8]);

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_pause_holds_for_one_token_and_not_past_a_deadline() {
        let limiter = Limiter::new();
        let mut headers = HeaderMap::new();
        headers.insert(
            "ratelimit",
            r#""default";r=0;t=12"#.parse().expect("a header"),
        );
        limiter.learn(KEY, 200, None, &headers);
        let pause = limiter
            .wait(KEY, in_seconds(10), RETRY_AFTER_MAX)
            .await
            .expect_err("a pause");
        assert_eq!(pause.as_secs(), 11, "{pause:?}");
        let pause = Duration::from_millis(40);
        limiter.learn(OTHER, 429, Some(pause), &HeaderMap::new());
        let started = Instant::now();
        assert_eq!(
            limiter.wait(OTHER, in_seconds(10), RETRY_AFTER_MAX).await,
            Ok(())
        );
        assert!(started.elapsed() >= pause);
        assert!(limiter.paused_until(OTHER).is_none());
    }

    #[tokio::test]
    async fn who_is_told_to_wait_long_is_not_kept_waiting() {
        let limiter = Limiter::new();
        limiter.learn(KEY, 503, Some(Duration::from_secs(99)), &HeaderMap::new());
        assert_eq!(
            limiter.wait(KEY, in_seconds(45), RETRY_AFTER_MAX).await,
            Ok(())
        );
        limiter.learn(
            KEY,
            429,
            Some(Duration::from_secs(9_999)),
            &HeaderMap::new(),
        );
        // A later and shorter word does not shorten it.
        limiter.learn(KEY, 429, Some(Duration::from_secs(1)), &HeaderMap::new());
        let pause = limiter
            .wait(KEY, in_seconds(900), RETRY_AFTER_MAX)
            .await
            .expect_err("a pause");
        assert!(
            pause <= PAUSE_MAX && pause > PAUSE_MAX - Duration::from_secs(30),
            "{pause:?}"
        );
    }

    #[tokio::test]
    async fn work_that_can_wait_leaves_half_of_the_burst() {
        let limiter = Limiter::new();
        assert!(limiter.has_to_spare(KEY));
        for call in 0..BURST.get() / 2 {
            assert!(limiter.has_to_spare(KEY), "call {call}");
            let waited = limiter.wait(KEY, in_seconds(10), RETRY_AFTER_MAX).await;
            assert_eq!(waited, Ok(()));
        }
        // Some have come back meanwhile, if this took its time.
        for _ in 0..BURST.get() / 4 {
            let waited = limiter.wait(KEY, in_seconds(10), RETRY_AFTER_MAX).await;
            assert_eq!(waited, Ok(()));
        }
        assert!(!limiter.has_to_spare(KEY));
        assert!(limiter.has_to_spare(OTHER));
        // Another program with the same token shows in what Cloudflare says.
        let mut headers = HeaderMap::new();
        headers.insert(
            "ratelimit",
            r#""default";r=120;t=60"#.parse().expect("a header"),
        );
        limiter.learn(OTHER, 200, None, &headers);
        assert!(!limiter.has_to_spare(OTHER));
    }

    #[test]
    fn the_pace_stays_within_the_limit() {
        let per_window = PAUSE_MAX.as_millis() / PERIOD.as_millis();
        assert!(u128::from(BURST.get()) + per_window <= 1_200);
    }
}
