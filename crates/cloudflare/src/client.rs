//! Sends requests: token, time limits, rate limit, retries.
//!
//! Promises: a call takes at most [`ClientConfig::timeout`], with its repetitions at most [`ClientConfig::step_budget`].
//! Only what does no harm when sent twice is repeated, except after 429, which says that nothing was done. Redirects
//! and proxies are never followed, so the token goes to the base URL's host alone.

use crate::{
    ApiToken,
    envelope::{Answer, ResultInfo},
    error::{Error, ErrorKind},
    limiter::{LimitKey, Limiter},
    request::{Body, Request},
};
use backon::{ExponentialBuilder, Retryable};
use bytes::{Bytes, BytesMut};
use reqwest::{
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    multipart,
};
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

/// Calls in all, the first included (§1.4: as wrangler does).
const ATTEMPTS: usize = 3;

/// Told to wait longer than this, a call gives up at once (§1.4: as wrangler does).
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// The largest answer that is read: a KV value has at most 25 MiB.
const ANSWER_MAX: usize = 32 * 1024 * 1024;

/// How to reach the API.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// `https://…/client/v4`, or http on loopback.
    pub base_url: Url,
    /// `User-Agent`.
    pub user_agent: String,
    /// The longest that one call may take.
    pub timeout: Duration,
    /// The longest that a call with its repetitions and waits may take.
    pub step_budget: Duration,
}

impl ClientConfig {
    /// The usual limits: 10 s a call, 45 s with repetitions.
    pub fn new(base_url: Url, user_agent: impl Into<String>) -> Self {
        Self {
            base_url,
            user_agent: user_agent.into(),
            timeout: Duration::from_secs(10),
            step_budget: Duration::from_secs(45),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClientConfig {
    /// The token would travel in the clear.
    #[error("the API's base URL must be https, or http on a loopback address: {0}")]
    BaseUrl(Url),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Http(#[from] reqwest::Error),
}

#[derive(Debug)]
struct Inner {
    config: ClientConfig,
    http: reqwest::Client,
    limiter: Limiter,
}

/// The connection pool and the limits; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// When the base URL would let a token travel in the clear.
    pub fn new(config: ClientConfig) -> Result<Self, InvalidClientConfig> {
        if !is_safe(&config.base_url) {
            return Err(InvalidClientConfig::BaseUrl(config.base_url));
        }
        let http = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self(Arc::new(Inner {
            config,
            http,
            limiter: Limiter::new(),
        })))
    }

    /// The API as this token sees it.
    pub fn with_token(&self, token: ApiToken) -> Api {
        Api {
            client: self.clone(),
            key: LimitKey::of(token.expose()),
            token,
        }
    }
}

fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_loopback
}

/// The API as one token sees it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    token: ApiToken,
    key: LimitKey,
}

impl Api {
    /// Sends and reads `result`.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.call_with_info(request).await.map(|(result, _)| result)
    }

    /// Sends and reads `result` and `result_info`.
    pub(crate) async fn call_with_info<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<(T, ResultInfo), Error> {
        self.send(request).await?.result()
    }

    /// Sends, and takes any success for an answer.
    pub(crate) async fn call_for_effect(&self, request: Request) -> Result<(), Error> {
        self.send(request).await.map(|_| ())
    }

    /// Sends, and gives the body as it came.
    pub(crate) async fn call_raw(&self, request: Request) -> Result<Bytes, Error> {
        self.send(request).await.map(|answer| answer.body)
    }

    /// All pages of a list.
    pub(crate) async fn call_all_pages<T: DeserializeOwned>(
        &self,
        request: Request,
        per_page: usize,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for page in 1_u64.. {
            let request = request
                .clone()
                .query("page", page.to_string())
                .query("per_page", per_page.to_string());
            let (items, info): (Option<Vec<T>>, _) = self.call_with_info(request).await?;
            let items = items.unwrap_or_default();
            let count = items.len();
            all.extend(items);
            if count == 0 || is_last_page(&info, page, all.len(), count, per_page) {
                break;
            }
        }
        Ok(all)
    }

    async fn send(&self, request: Request) -> Result<Answer, Error> {
        let budget = self.client.0.config.step_budget;
        let attempts = || self.send_once(&request);
        let retries = attempts
            .retry(
                ExponentialBuilder::default()
                    .with_min_delay(Duration::from_millis(250))
                    .with_max_delay(Duration::from_secs(5))
                    .with_max_times(ATTEMPTS - 1)
                    .with_jitter(),
            )
            .when(|error| is_worth_repeating(&request, error))
            .adjust(|error: &Error, planned| planned.map(|planned| wait_as_told(error, planned)));
        match tokio::time::timeout(budget, retries).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Self::failed(&request, ErrorKind::Timeout)),
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, Error> {
        let inner = &*self.client.0;
        inner.limiter.wait(self.key).await;
        let built = self.build(request)?;
        let broken = |error: &reqwest::Error| {
            Self::failed(
                request,
                if error.is_timeout() {
                    ErrorKind::Timeout
                } else {
                    ErrorKind::Connect
                },
            )
        };
        let mut response = inner
            .http
            .execute(built)
            .await
            .map_err(|error| broken(&error))?;
        inner.limiter.learn(self.key, response.headers());
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let mut answer = Answer {
            endpoint: request.endpoint(),
            status: response.status().as_u16(),
            ray_id: header("cf-ray"),
            retry_after: retry_after(response.headers()),
            is_write: request.method != reqwest::Method::GET,
            is_challenge: header("cf-mitigated").as_deref() == Some("challenge"),
            body: Bytes::new(),
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(answer.error(ErrorKind::TooLarge, Vec::new()));
            }
            body.extend_from_slice(&chunk);
        }
        answer.body = body.freeze();
        tracing::debug!(
            endpoint = answer.endpoint,
            http.status = answer.status,
            cf.ray = answer.ray_id,
            "called Cloudflare"
        );
        match answer.failure() {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    fn failed(request: &Request, kind: ErrorKind) -> Error {
        Error {
            endpoint: request.endpoint(),
            status: None,
            errors: Vec::new(),
            ray_id: None,
            kind,
            retry_after: None,
            is_write: request.method != reqwest::Method::GET,
        }
    }

    fn build(&self, request: &Request) -> Result<reqwest::Request, Error> {
        let invalid = |why: &str| Self::failed(request, ErrorKind::Invalid(why.to_owned()));
        let base = self.client.0.config.base_url.as_str().trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}{}", request.path))
            .map_err(|_| invalid("the address cannot be made"))?;
        if !request.query.is_empty() {
            url.query_pairs_mut()
                .extend_pairs(request.query.iter().map(|(name, value)| (*name, value)));
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()))
            .map_err(|_| invalid("the token has characters that no header may hold"))?;
        bearer.set_sensitive(true);
        let builder = self
            .client
            .0
            .http
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, bearer);
        let builder = match &request.body {
            Body::Empty => builder,
            Body::Json(bytes) => builder
                .header(CONTENT_TYPE, "application/json")
                .body(bytes.clone()),
            Body::Raw(bytes) => builder
                .header(CONTENT_TYPE, "text/plain;charset=UTF-8")
                .body(bytes.clone()),
            Body::Multipart(parts) => builder
                .multipart(form(parts).ok_or_else(|| invalid("a part's type cannot be read"))?),
        };
        builder
            .build()
            .map_err(|_| invalid("the request cannot be made"))
    }
}

fn form(parts: &[crate::request::Part]) -> Option<multipart::Form> {
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

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// 429 says that nothing was done, so anything may be repeated after it; other failures only where a second sending does
/// no harm.
fn is_worth_repeating(request: &Request, error: &Error) -> bool {
    if error.retry_after.is_some_and(|wait| wait > RETRY_AFTER_MAX) {
        return false;
    }
    if error.is_rate_limited() {
        // 10048: the free plan's writes of the day are spent (§6.5); waiting seconds does not help.
        return error.code() != Some(10_048);
    }
    request.is_repeatable && error.is_unavailable() && error.kind != ErrorKind::TooLarge
}

/// Waits as told, with up to the planned (jittered) delay on top; a 429 without advice waits at least a second.
fn wait_as_told(error: &Error, planned: Duration) -> Duration {
    match error.retry_after {
        Some(told) => told + Ord::min(planned, Duration::from_secs(1)),
        None if error.is_rate_limited() => Ord::max(planned, Duration::from_secs(1)),
        None => planned,
    }
}

/// Lists differ in what they say of their length (§1.1): take the first thing that is there.
fn is_last_page(
    info: &ResultInfo,
    page: u64,
    so_far: usize,
    count: usize,
    per_page: usize,
) -> bool {
    if let Some(total) = info.total_pages {
        return page >= total;
    }
    if let Some(total) = info.total_count {
        return so_far as u64 >= total;
    }
    count
        < info
            .per_page
            .map_or(per_page, |size| usize::try_from(size).unwrap_or(per_page))
        || info.page.is_none() && count < per_page
}
