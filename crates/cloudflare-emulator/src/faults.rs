//! Faults that a test asks for: what shall go wrong, with which calls, how many times.
//!
//! The API looks faults up by the path after `/client/v4`. A Worker's own reads of KV are no API calls; a fault whose
//! path begins with `^kv/` is searched in `kv/{namespace id}/{key}` instead and meets only those.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use regex::Regex;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Not done; answered with the fault's status and code.
    Before,
    /// Done; answered with the fault's status and code all the same.
    After,
    /// Not done; held, then closed without an answer.
    Timeout,
    /// Done; held, then closed without an answer all the same.
    Hang,
    /// Done; held, then answered as it should be.
    Slow,
    /// Closed at once without an answer; done `delay_ms` later, whoever waits for it by then.
    Late,
    /// Not done; 502 with an HTML page.
    Html,
    /// Not done; 429 with `Retry-After`.
    RateLimited,
}

impl FaultKind {
    /// Whether the call has its effect, now or later.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::After | Self::Hang | Self::Slow | Self::Late)
    }
}

/// Which calls a fault meets; empty meets all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultMatch {
    /// An HTTP method, any case.
    #[serde(default)]
    pub method: Option<String>,
    /// A regular expression, searched in the path.
    #[serde(default)]
    pub path: Option<String>,
}

/// What a test posts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSpec {
    /// Which calls.
    #[serde(default, rename = "match")]
    pub matching: FaultMatch,
    /// How.
    pub kind: FaultKind,
    /// The answer's status, 400 to 599; 500 when left out (429 for a rate limit, 502 for HTML, whatever it says).
    #[serde(default)]
    pub status: Option<u16>,
    /// The answer's error code; 10013 when left out.
    #[serde(default)]
    pub code: Option<u32>,
    /// How many matching calls go well before the first one goes wrong.
    #[serde(default)]
    pub skip: u64,
    /// How many calls.
    #[serde(default = "once")]
    pub times: u64,
    /// How long a call is held, in milliseconds; 30,000 for a timeout, hang or slow call when left out, else 0.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// `Retry-After` of a rate limit, in seconds; 1 when left out.
    #[serde(default)]
    pub retry_after: Option<u64>,
}

fn once() -> u64 {
    1
}

/// A fault that has met a call.
#[derive(Clone, Debug)]
pub struct Fault {
    /// How.
    pub kind: FaultKind,
    /// The answer's status.
    pub status: u16,
    /// The answer's error code.
    pub code: u32,
    /// How long the call is held.
    pub delay: Duration,
    /// `Retry-After` of a rate limit, in seconds.
    pub retry_after: u64,
    held: Arc<Held>,
}

/// The calls that one fault holds right now.
#[derive(Debug, Default)]
struct Held {
    count: Mutex<u64>,
    released: CancellationToken,
}

/// One call less is held, also when its caller went away.
struct Holding<'a>(&'a Held);

impl<'a> Holding<'a> {
    fn begin(held: &'a Held) -> Self {
        *held.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(held)
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl Fault {
    /// Holds the call as long as the fault says, or until the faults are disarmed.
    pub async fn hold(&self) {
        let _holding = Holding::begin(&self.held);
        tokio::select! {
            () = tokio::time::sleep(self.delay) => {}
            () = self.held.released.cancelled() => {}
        }
    }
}

/// How far a fault is, for whoever asked for it.
#[derive(Clone, Debug, Serialize)]
pub struct FaultStanding {
    /// The method it meets.
    pub method: Option<String>,
    /// The path it meets.
    pub path: Option<String>,
    /// How.
    pub kind: FaultKind,
    /// How many calls it has met.
    pub met: u64,
    /// How many it will still meet.
    pub left: u64,
    /// How many it holds right now.
    pub held: u64,
}

/// Why a fault was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The path is no regular expression.
    #[error("match.path is no regular expression: {0}")]
    Path(#[from] regex::Error),
    /// The status is no error.
    #[error("status must be from 400 to 599, not {0}")]
    Status(u16),
}

#[derive(Debug)]
struct Armed {
    method: Option<String>,
    path: Option<Regex>,
    fault: Fault,
    skip: u64,
    met: u64,
    times: u64,
}

/// The faults in force, in the order they were asked for; a call meets the first that fits.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Armed>>);

impl Faults {
    /// Arms a fault.
    ///
    /// # Errors
    /// A path that is no regular expression, a status that is no error.
    pub fn add(&self, spec: &FaultSpec) -> Result<(), FaultError> {
        let path = spec.matching.path.as_deref().map(Regex::new).transpose()?;
        let status = match spec.kind {
            FaultKind::Html => 502,
            FaultKind::RateLimited => 429,
            _ => spec.status.unwrap_or(500),
        };
        if !(400..600).contains(&status) {
            return Err(FaultError::Status(status));
        }
        let held = matches!(
            spec.kind,
            FaultKind::Timeout | FaultKind::Hang | FaultKind::Slow
        );
        let delay_ms = spec.delay_ms.unwrap_or(if held { 30_000 } else { 0 });
        let code = match spec.kind {
            FaultKind::RateLimited => spec.code.unwrap_or(971),
            _ => spec.code.unwrap_or(10013),
        };
        self.lock().push(Armed {
            method: spec.matching.method.as_deref().map(str::to_ascii_uppercase),
            path,
            fault: Fault {
                kind: spec.kind,
                status,
                code,
                delay: Duration::from_millis(delay_ms),
                retry_after: spec.retry_after.unwrap_or(1),
                held: Arc::default(),
            },
            skip: spec.skip,
            met: 0,
            times: spec.times,
        });
        Ok(())
    }

    /// Disarms all; calls that are held go on.
    pub fn clear(&self) {
        for armed in self.lock().drain(..) {
            armed.fault.held.released.cancel();
        }
    }

    /// How far each fault is, in the order they were asked for.
    #[must_use]
    pub fn standings(&self) -> Vec<FaultStanding> {
        self.lock()
            .iter()
            .map(|armed| FaultStanding {
                method: armed.method.clone(),
                path: armed.path.as_ref().map(|path| path.as_str().to_owned()),
                kind: armed.fault.kind,
                met: armed.met,
                left: armed.times,
                held: *armed
                    .fault
                    .held
                    .count
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
            })
            .collect()
    }

    /// The fault that an API call meets, and one time less of it. `path` is the part after `/client/v4`.
    #[must_use]
    pub fn take_api(&self, method: &str, path: &str) -> Option<Fault> {
        self.take(method, path, false)
    }

    /// The fault that a Worker's call of KV meets, and one time less of it; `path` is `kv/{namespace id}/{key}`.
    #[must_use]
    pub fn take_kv(&self, method: &str, path: &str) -> Option<Fault> {
        self.take(method, path, true)
    }

    fn take(&self, method: &str, path: &str, kv: bool) -> Option<Fault> {
        let mut all = self.lock();
        let armed = all.iter_mut().find(|armed| {
            let for_kv = armed
                .path
                .as_ref()
                .is_some_and(|p| p.as_str().starts_with("^kv/"));
            for_kv == kv
                && armed.times > 0
                && armed.method.as_deref().is_none_or(|m| m == method)
                && armed.path.as_ref().is_none_or(|p| p.is_match(path))
        })?;
        if armed.skip > 0 {
            armed.skip -= 1;
            return None;
        }
        armed.times -= 1;
        armed.met += 1;
        Some(armed.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    fn spec(text: &str) -> FaultSpec {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_meets_as_many_calls_as_asked() {
        let faults = Faults::default();
        faults
            .add(&spec(
                r#"{"match":{"method":"put","path":"/values/"},"kind":"before","status":503,"times":2}"#,
            ))
            .unwrap();
        assert!(faults.take_api("GET", "/a/values/k").is_none());
        assert_eq!(faults.take_api("PUT", "/a/values/k").unwrap().status, 503);
        assert!(faults.take_api("PUT", "/a/values/k").is_some());
        assert!(faults.take_api("PUT", "/a/values/k").is_none());
        let standing = &faults.standings()[0];
        assert_eq!((standing.met, standing.left, standing.held), (2, 0, 0));
    }

    #[test]
    fn some_calls_go_well_first() {
        let faults = Faults::default();
        let text = r#"{"match":{"path":"/x$"},"kind":"slow","skip":2}"#;
        faults.add(&spec(text)).unwrap();
        let met: Vec<bool> = (0..4)
            .map(|_| faults.take_api("GET", "/x").is_some())
            .collect();
        assert_eq!(met, [false, false, true, false]);
    }

    #[test]
    fn kv_faults_leave_the_api_alone() {
        let faults = Faults::default();
        faults
            .add(&spec(r#"{"match":{"path":"^kv/"},"kind":"hang"}"#))
            .unwrap();
        assert!(faults.take_api("GET", "/accounts").is_none());
        let met = faults.take_kv("GET", "kv/c1/index").unwrap();
        assert_eq!(met.delay, Duration::from_secs(30));
        faults.add(&spec(r#"{"kind":"rate_limited"}"#)).unwrap();
        assert!(faults.take_kv("GET", "kv/c1/index").is_none());
        assert_eq!(faults.take_api("GET", "/accounts").unwrap().code, 971);
    }

    #[test]
    fn nonsense_is_refused() {
        let faults = Faults::default();
        assert!(
            faults
                .add(&spec(r#"{"kind":"before","status":200}"#))
                .is_err()
        );
        assert!(
            faults
                .add(&spec(r#"{"match":{"path":"("},"kind":"before"}"#))
                .is_err()
        );
        assert!(serde_json::from_str::<FaultSpec>(r#"{"kind":"before","delay":1}"#).is_err());
    }
}
