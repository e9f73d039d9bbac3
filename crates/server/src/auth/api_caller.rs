//! The extractor of API handlers: the access key in `Authorization: Bearer`, and nothing else.

use super::{access_keys, peer::Peer};
use crate::{
    app::{App, AppState},
    audit::{Actor, Who},
    problem::{Code, Outcome, Problem},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use domain::ids::{AccessKeyId, WorkspaceId};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use std::{num::NonZeroU32, sync::LazyLock};

/// Calls a second of one key.
const CALLS_A_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not 0");
/// Use is written down at most so often, in seconds.
const TOUCH_EVERY_SECONDS: i64 = 60;

/// Counts calls of each key in this process; known keys alone get in here, so it cannot be filled from outside.
static CALLS: LazyLock<DefaultKeyedRateLimiter<AccessKeyId>> =
    LazyLock::new(|| DefaultKeyedRateLimiter::keyed(Quota::per_second(CALLS_A_SECOND)));

/// A program with a valid access key.
#[derive(Debug, Clone)]
pub(crate) struct ApiCaller {
    /// The workspace it works in.
    pub(crate) workspace: WorkspaceId,
    /// The name under which its deeds are recorded.
    pub(crate) name: String,
    /// Who it is in the audit log, and from where.
    pub(crate) actor: Actor,
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

fn unauthenticated(detail: &str) -> Problem {
    let mut problem = Problem::new(Code::Unauthenticated, detail);
    "Access key needed".clone_into(&mut problem.title);
    problem
        .cause("The Authorization header is missing, is not `Bearer ed_…`, or the access key was revoked. Cookies and Cloudflare tokens do not count here.")
        .remedy("Make an access key with `edge-delivery admin access-key create`, or in the console under Settings.")
        .remedy("Send it as the header `Authorization: Bearer ed_…`.")
}

/// The caller behind these headers.
///
/// # Errors
///
/// `unauthenticated` without a valid key, `rate_limited` beyond the key's calls a second.
pub(crate) async fn caller(app: &App, peer: Peer, headers: &HeaderMap) -> Outcome<ApiCaller> {
    let Some(text) = bearer(headers) else {
        return Err(unauthenticated("This call needs an access key."));
    };
    let found = match access_keys::hash_of(text) {
        Some(hash) => app.store.access_key_by_hash(&hash).await?,
        None => None,
    };
    let Some(key) = found else {
        return Err(unauthenticated("This access key is not valid."));
    };
    if let Err(not_until) = CALLS.check_key(&key.id) {
        let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
        return Err(Problem::new(
            Code::RateLimited,
            format!("This access key made more than {CALLS_A_SECOND} calls within a second."),
        )
        .cause("The calls came too fast one after another, or several programs share the key.")
        .remedy("Wait as long as the Retry-After header says, then go on more slowly.")
        .remedy("Give each program its own key.")
        .with_retry_after(wait.as_secs().max(1)));
    }
    let now = app.clock.now();
    if key
        .last_used_at
        .is_none_or(|last| last.plus_seconds(TOUCH_EVERY_SECONDS) <= now)
    {
        app.store.touch_access_key(key.id, now).await?;
    }
    Ok(ApiCaller {
        workspace: key.workspace,
        name: format!("access key {}", key.name),
        actor: Actor {
            workspace: key.workspace,
            who: Who::AccessKey {
                name: key.name,
                hint: key.hint,
            },
            address: Some(peer.address),
        },
    })
}

impl FromRequestParts<AppState> for ApiCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let peer = Peer::of(parts, app);
        caller(app, peer, &parts.headers).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_alone_counts() {
        let headers = |values: &[&str]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            map
        };
        assert_eq!(bearer(&headers(&["Bearer ed_x"])), Some("ed_x"));
        assert_eq!(bearer(&headers(&["bearer  ed_x"])), Some("ed_x"));
        for bad in [
            &[][..],
            &["ed_x"],
            &["Basic ed_x"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(bearer(&headers(bad)), None, "{bad:?}");
        }
    }
}
