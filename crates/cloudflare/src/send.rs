//! Sends one call: token, time limits, rate limit, repetitions.
//!
//! Promises: one attempt takes at most [`ClientConfig::timeout`](crate::ClientConfig::timeout), a call with its attempts
//! and waits at most [`ClientConfig::step_budget`](crate::ClientConfig::step_budget). Only what does no harm when sent
//! twice is repeated, except after 429, which says that nothing was done. Redirects and proxies are never followed, so
//! the token goes to the base URL's host alone; it is cut out of whatever an answer says.

use crate::{
    Api,
    envelope::{Answer, Head},
    error::{Error, ErrorKind},
    request::{Body, Part, Request},
};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    multipart,
};
use std::{error::Error as _, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;
use zeroize::Zeroizing;

/// Attempts in all, the first included (§1.4: as wrangler does).
const ATTEMPTS: usize = 3;

/// Told to wait longer than this, a call gives up at once (§1.4: as wrangler does).
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// After a 429 that does not say how long.
const UNTOLD_WAIT: Duration = Duration::from_secs(1);

/// The largest answer that is read, decompressed: a KV value has at most 25 MiB.
const ANSWER_MAX: usize = 32 * 1024 * 1024;

impl Api {
    /// Sends, repeats where that is harmless, and reads the answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.budget + request.extra_time;
        let mut delays = delays();
        let mut may_be_done = false;
        loop {
            let mut error = match self.send_once(&request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.without(self.token.expose()),
            };
            // What an earlier attempt left unknown stays unknown, whatever the last one says.
            may_be_done |= error.effect_unknown();
            let wait = if is_worth_repeating(&request, &error, self.patience) {
                delays.next().map(|planned| wait_as_told(&error, planned))
            } else {
                None
            };
            match wait {
                Some(wait) if Instant::now() + wait < deadline => {
                    tracing::debug!(%error, wait_ms = wait.as_millis(), "a call to Cloudflare is repeated");
                    sleep(wait).await;
                }
                _ => {
                    error.is_effect_unknown = may_be_done;
                    return Err(error);
                }
            }
        }
    }

    async fn send_once(&self, request: &Request, deadline: Instant) -> Result<Answer, Error> {
        let inner = self.inner();
        let built = self.build(request)?;
        if let Err(wait) = inner.limiter.wait(self.key, deadline, self.patience).await {
            let mut error = Error::unsent(request, ErrorKind::Throttled);
            error.retry_after = Some(wait);
            return Err(error);
        }
        let started = Instant::now();
        let outcome = match timeout_at(deadline, self.exchange(request, built)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::unanswered(request, ErrorKind::Timeout)),
        };
        let (status, ray) = match &outcome {
            Ok((head, _)) => (Some(head.status), head.ray_id.as_deref()),
            Err(error) => (error.status, error.ray_id.as_deref()),
        };
        tracing::debug!(
            endpoint = request.endpoint(),
            http.status = status,
            cf.ray = ray,
            elapsed_ms = started.elapsed().as_millis(),
            "called Cloudflare"
        );
        let (head, body) = outcome?;
        if request.is_refused_in_words
            && let Some(error) = head.told_in_words(&body)
        {
            return Err(error);
        }
        Answer::read(head, body, request.wants_raw)
    }

    async fn exchange(
        &self,
        request: &Request,
        built: reqwest::Request,
    ) -> Result<(Head, Bytes), Error> {
        let inner = self.inner();
        let mut response = inner
            .http
            .execute(built)
            .await
            .map_err(|error| broken(request, &error))?;
        let retry_after = retry_after(response.headers());
        inner.limiter.learn(
            self.key,
            response.status().as_u16(),
            retry_after,
            response.headers(),
        );
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let head = Head {
            endpoint: request.endpoint(),
            status: response.status().as_u16(),
            ray_id: header("cf-ray").filter(|ray| is_ray_id(ray)),
            retry_after,
            is_write: request.method != Method::GET,
            is_challenge: header("cf-mitigated").as_deref() == Some("challenge"),
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| broken(request, &error))?
        {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(head.error(ErrorKind::TooLarge, Vec::new()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((head, body.freeze()))
    }

    fn build(&self, request: &Request) -> Result<reqwest::Request, Error> {
        let invalid = |why: &str| Error::unsent(request, ErrorKind::Invalid(why.into()));
        if let Some(why) = &request.refusal {
            return Err(invalid(why));
        }
        let base = self.inner().config.base_url.as_str().trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}{}", request.path))
            .map_err(|_| invalid("the address cannot be made"))?;
        if !request.query.is_empty() {
            url.query_pairs_mut()
                .extend_pairs(request.query.iter().map(|(name, value)| (*name, value)));
        }
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.expose()));
        let mut bearer = HeaderValue::from_str(&bearer)
            .map_err(|_| invalid("the token has characters that no header may hold"))?;
        bearer.set_sensitive(true);
        let builder = self
            .inner()
            .http
            .request(request.method.clone(), url)
            .timeout(self.inner().config.timeout + request.extra_time)
            .header(AUTHORIZATION, bearer);
        let builder = match &request.body {
            Body::Empty => builder,
            Body::Json(bytes) => builder
                .header(CONTENT_TYPE, "application/json")
                .body(bytes.clone()),
            Body::Text(bytes) => builder
                .header(CONTENT_TYPE, "text/plain; charset=utf-8")
                .body(bytes.clone()),
            Body::Raw(bytes) => builder
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(bytes.clone()),
            Body::Multipart(parts) => builder
                .multipart(form(parts).ok_or_else(|| invalid("a part's type cannot be read"))?),
        };
        builder
            .build()
            .map_err(|_| invalid("the request cannot be made"))
    }
}

/// Hex digits, a hyphen and a data centre (`8f00000000000000-FRA`); anything else is not worth keeping.
fn is_ray_id(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn form(parts: &[Part]) -> Option<multipart::Form> {
    let mut form = multipart::Form::new();
    for part in parts {
        let mut made = multipart::Part::bytes(part.bytes.clone());
        if let Some(filename) = &part.filename {
            made = made.file_name(filename.clone());
        }
        if let Some(content_type) = &part.content_type {
            made = made.mime_str(content_type).ok()?;
        }
        form = form.part(part.name.clone(), made);
    }
    Some(form)
}

/// What became of a call without a whole answer. Where no connection was made, nothing can have been done.
fn broken(request: &Request, error: &reqwest::Error) -> Error {
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Connect(reason(error).into())
    };
    if error.is_connect() {
        Error::unsent(request, kind)
    } else {
        Error::unanswered(request, kind)
    }
}

/// The innermost cause: refused, no such host, an invalid certificate. It names no address and no header.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost = error.source();
    while let Some(next) = innermost.and_then(std::error::Error::source) {
        innermost = Some(next);
    }
    innermost.map_or_else(|| "it broke off".to_owned(), ToString::to_string)
}

/// Seconds or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let when = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(when.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

fn delays() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(ATTEMPTS - 1)
        .with_jitter()
        .build()
}

/// 429 says that nothing was done, so anything may be repeated after it; a lost answer or a server's failure only where a
/// second sending does no harm. What was answered and merely cannot be understood is not asked for again.
fn is_worth_repeating(request: &Request, error: &Error, patience: Duration) -> bool {
    if error.retry_after.is_some_and(|wait| wait > RETRY_AFTER_MAX) {
        return false;
    }
    if error.status == Some(429) {
        if error.retry_after.unwrap_or(UNTOLD_WAIT) > patience {
            return false;
        }
        // 10048: the free plan's writes of the day are spent (§6.5); waiting seconds does not help.
        // 10502: each further failed sign-in makes the lock longer (§1.2, reported).
        return !matches!(error.code(), Some(10_048 | 10_502));
    }
    match error.kind {
        // Never arrived.
        ErrorKind::Connect(_) | ErrorKind::Timeout if error.is_unsent => true,
        ErrorKind::Connect(_) | ErrorKind::Timeout => request.is_repeatable,
        ErrorKind::Api | ErrorKind::Malformed(_) => {
            request.is_repeatable && error.status.is_some_and(|status| status >= 500)
        }
        ErrorKind::Challenge
        | ErrorKind::TooLarge
        | ErrorKind::Invalid(_)
        | ErrorKind::Throttled => false,
    }
}

/// Waits as told, with up to a second of the planned (jittered) delay on top; a 429 without advice waits at least a
/// second.
fn wait_as_told(error: &Error, planned: Duration) -> Duration {
    match error.retry_after {
        Some(told) => told + Ord::min(planned, Duration::from_secs(1)),
        None if error.is_rate_limited() => Ord::max(planned, UNTOLD_WAIT),
        None => planned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16, retry_after: Option<u64>) -> Error {
        let mut error = Error::unanswered(&Request::get("/x", &[]), ErrorKind::Api);
        error.status = Some(status);
        error.retry_after = retry_after.map(Duration::from_secs);
        error
    }

    #[test]
    fn only_what_is_harmless_is_repeated() {
        let get = Request::get("/x", &[]);
        let create = Request::post("/x", &[]);
        let bulk = Request::post("/x", &[]).repeatable();
        let answered = |kind| Error {
            kind,
            ..failed(200, None)
        };
        for (error, by_get, by_create, by_bulk) in [
            (failed(500, None), true, false, true),
            (failed(503, Some(5)), true, false, true),
            (failed(503, Some(61)), false, false, false),
            (failed(429, None), true, true, true),
            (failed(429, Some(60)), true, true, true),
            (failed(429, Some(61)), false, false, false),
            (failed(400, None), false, false, false),
            (failed(403, None), false, false, false),
            (
                Error::unanswered(&get, ErrorKind::Timeout),
                true,
                false,
                true,
            ),
            (
                Error::unsent(&get, ErrorKind::Connect("refused".into())),
                true,
                true,
                true,
            ),
            (
                Error::unsent(&get, ErrorKind::Throttled),
                false,
                false,
                false,
            ),
            (answered(ErrorKind::Challenge), false, false, false),
            (answered(ErrorKind::TooLarge), false, false, false),
            (
                answered(ErrorKind::Malformed(Box::default())),
                false,
                false,
                false,
            ),
        ] {
            for (name, request, expected) in [
                ("GET", &get, by_get),
                ("POST", &create, by_create),
                ("bulk", &bulk, by_bulk),
            ] {
                let is_repeated = is_worth_repeating(request, &error, RETRY_AFTER_MAX);
                assert_eq!(is_repeated, expected, "{name} {error}");
            }
        }
    }

    #[test]
    fn who_has_no_patience_hears_of_a_wait_at_once() {
        let get = Request::get("/x", &[]);
        for (status, told, expected) in [
            (429, None, false),
            (429, Some(1), false),
            (429, Some(0), true),
            (503, Some(5), true),
            (500, None, true),
        ] {
            let error = failed(status, told);
            assert_eq!(is_worth_repeating(&get, &error, Duration::ZERO), expected);
        }
    }

    #[test]
    fn it_waits_as_told_and_a_little() {
        let planned = Duration::from_millis(300);
        assert_eq!(wait_as_told(&failed(500, None), planned), planned);
        assert_eq!(
            wait_as_told(&failed(429, None), planned),
            Duration::from_secs(1)
        );
        assert_eq!(
            wait_as_told(&failed(429, Some(7)), planned),
            Duration::from_millis(7_300)
        );
        assert_eq!(
            wait_as_told(&failed(429, Some(7)), Duration::from_secs(4)),
            Duration::from_secs(8)
        );
        assert_eq!(delays().count(), ATTEMPTS - 1);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(read("37"), Some(Duration::from_secs(37)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let far = read("Wed, 21 Oct 2099 07:28:00 GMT").expect("a wait");
        assert!(far > RETRY_AFTER_MAX);
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
