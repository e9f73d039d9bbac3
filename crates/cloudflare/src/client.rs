//! The connection pool, the settings, and the calls that every resource is made of. How a call is sent is in `send`.

use crate::{
    ApiToken,
    envelope::{Answer, ResultInfo},
    error::{Error, ErrorKind},
    limiter::{LimitKey, Limiter},
    request::Request,
    send::RETRY_AFTER_MAX,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

/// The most pages of one list; a list that goes on is broken.
const PAGES_MAX: u64 = 1_000;

/// Pages of a long list that are asked for at the same time.
const PAGES_AT_ONCE: usize = 4;

/// The longest that making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// The token would travel in the clear, or to somewhere that cannot be the API. User name, password and query of the
    /// address are left out here.
    #[error(
        "the API's base URL must be https, or http on a loopback address, without user name, query or fragment: {0}"
    )]
    BaseUrl(Url),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Http(#[from] reqwest::Error),
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: ClientConfig,
    pub(crate) http: reqwest::Client,
    pub(crate) limiter: Limiter,
}

/// The connection pool and the limits; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// When the base URL would let a token travel in the clear, or the user agent is no header.
    ///
    /// # Panics
    ///
    /// When the process has installed no rustls provider.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one constructor for calls to the API"
    )]
    pub fn new(config: ClientConfig) -> Result<Self, InvalidClientConfig> {
        if !is_safe(&config.base_url) {
            return Err(InvalidClientConfig::BaseUrl(showable(config.base_url)));
        }
        let http = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .timeout(config.timeout)
            .connect_timeout(Ord::min(CONNECT_TIMEOUT, config.timeout))
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
            patience: RETRY_AFTER_MAX,
            budget: self.0.config.step_budget,
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
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && is_loopback)
}

fn showable(mut url: Url) -> Url {
    // An address that cannot hold a user name has none to hide.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// The API as one token sees it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    pub(crate) token: ApiToken,
    pub(crate) key: LimitKey,
    /// The longest that a call waits by itself when it is told to wait.
    pub(crate) patience: Duration,
    /// The longest that a call with its repetitions and waits may take.
    pub(crate) budget: Duration,
}

impl Api {
    /// Calls that are told to wait longer than this (HTTP 429) come back at once, so that the caller can say so, wait, and
    /// be stopped meanwhile. Usually a call waits up to a minute by itself.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Ord::min(patience, RETRY_AFTER_MAX);
        self
    }

    /// Calls with their repetitions and waits take at most this; never longer than the settings say.
    #[must_use]
    pub fn with_step_budget(mut self, budget: Duration) -> Self {
        self.budget = Ord::min(budget, self.inner().config.step_budget);
        self
    }

    /// Whether the token has so many calls left that work which can wait may make some. Half of what may be made at once is
    /// kept for work that somebody waits for.
    pub fn has_calls_to_spare(&self) -> bool {
        self.inner().limiter.has_to_spare(self.key)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.client.0
    }

    /// Sends and reads `result`; an absent one reads as `null`.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.send(request)
            .await?
            .result()
            .map_err(|error| error.without(self.token.expose()))
    }

    /// Sends and reads `result` as a list, with `result_info`. An answer without a `result` is no empty list: nothing is
    /// ever taken for absent because an answer was cut.
    pub(crate) async fn call_list<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<(Vec<T>, ResultInfo), Error> {
        self.send(request)
            .await?
            .list()
            .map_err(|error| error.without(self.token.expose()))
    }

    /// Sends, and takes any success for an answer.
    pub(crate) async fn call_for_effect(&self, request: Request) -> Result<(), Error> {
        self.send(request).await.map(|_| ())
    }

    /// Sends, and gives the body as it came, whatever it looks like.
    pub(crate) async fn call_raw(&self, request: Request) -> Result<Bytes, Error> {
        self.send(request.answered_raw())
            .await
            .map(Answer::into_body)
    }

    /// All pages of a list.
    pub(crate) async fn call_all_pages<T: DeserializeOwned>(
        &self,
        request: Request,
        per_page: usize,
    ) -> Result<Vec<T>, Error> {
        self.pages_from(1, Vec::new(), request, per_page).await
    }

    /// All pages of a list that may be long: when the first says how many there are, several of the others are asked for
    /// at the same time. What comes and goes meanwhile may be told twice or not at all, as with pages one by one.
    pub(crate) async fn call_long_list<T: DeserializeOwned + Send>(
        &self,
        request: Request,
        per_page: usize,
    ) -> Result<Vec<T>, Error> {
        let (mut all, info) = self.call_page(&request, 1, per_page).await?;
        let told = info.total_pages.unwrap_or(1).min(PAGES_MAX);
        if told <= 1 {
            if all.is_empty() || is_last_page(&info, 1, all.len(), all.len(), per_page) {
                return Ok(all);
            }
            return self.pages_from(2, all, request, per_page).await;
        }
        let pages: Vec<(Vec<T>, ResultInfo)> = stream::iter(2..=told)
            .map(|page| self.call_page(&request, page, per_page))
            .buffered(PAGES_AT_ONCE)
            .try_collect()
            .await?;
        let mut is_done = true;
        for (items, info) in pages {
            // The list may have grown since the first page.
            is_done = items.is_empty() || info.total_pages.is_none_or(|total| total <= told);
            all.extend(items);
        }
        if is_done {
            return Ok(all);
        }
        self.pages_from(told + 1, all, request, per_page).await
    }

    async fn call_page<T: DeserializeOwned>(
        &self,
        request: &Request,
        page: u64,
        per_page: usize,
    ) -> Result<(Vec<T>, ResultInfo), Error> {
        let request = request
            .clone()
            .query("page", page.to_string())
            .query("per_page", per_page.to_string());
        self.call_list(request).await
    }

    async fn pages_from<T: DeserializeOwned>(
        &self,
        first: u64,
        mut all: Vec<T>,
        request: Request,
        per_page: usize,
    ) -> Result<Vec<T>, Error> {
        for page in first..=PAGES_MAX {
            let (items, info) = self.call_page(&request, page, per_page).await?;
            let count = items.len();
            all.extend(items);
            if count == 0 || is_last_page(&info, page, all.len(), count, per_page) {
                return Ok(all);
            }
        }
        Err(Error::unsent(
            &request,
            ErrorKind::Malformed(format!("the list does not end after {PAGES_MAX} pages").into()),
        ))
    }
}

/// Lists differ in what they say of their length (§1.1): take the first thing that is there, else stop at a short page.
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
    let given = info
        .per_page
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0);
    count < given.unwrap_or(per_page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        for (text, is_good) in [
            ("https://api.cloudflare.com/client/v4", true),
            ("http://127.0.0.1:8788/client/v4", true),
            ("http://localhost:8788/client/v4", true),
            ("http://[::1]:8788/client/v4", true),
            ("http://api.cloudflare.com/client/v4", false),
            ("http://localhost.example/client/v4", false),
            ("http://128.0.0.1/client/v4", false),
            ("ftp://127.0.0.1/", false),
            ("https://user:canary@api.example/v4", false),
            ("https://api.example/v4?key=canary", false),
            ("https://api.example/v4#canary", false),
            ("file:///v4", false),
        ] {
            let url: Url = text.parse().expect("a URL");
            assert_eq!(is_safe(&url), is_good, "{text}");
            let refusal = InvalidClientConfig::BaseUrl(showable(url));
            assert!(!format!("{refusal} {refusal:?}").contains("canary"));
        }
    }

    #[test]
    fn every_way_of_saying_that_a_list_ends_is_understood() {
        let info = |total_pages, total_count, per_page| ResultInfo {
            total_pages,
            total_count,
            per_page,
            ..ResultInfo::default()
        };
        // (info, page, so far, on this page) with 50 asked for
        for (info, page, so_far, count, is_last) in [
            (info(Some(2), None, None), 1, 50, 50, false),
            (info(Some(2), None, None), 2, 60, 10, true),
            (info(None, Some(60), None), 1, 50, 50, false),
            (info(None, Some(50), None), 1, 50, 50, true),
            // The service gives smaller pages than were asked for.
            (info(None, None, Some(20)), 1, 20, 20, false),
            (info(None, None, Some(20)), 2, 30, 10, true),
            (info(None, None, None), 1, 50, 50, false),
            (info(None, None, None), 1, 49, 49, true),
            (info(None, None, Some(0)), 1, 49, 49, true),
        ] {
            assert_eq!(
                is_last_page(&info, page, so_far, count, 50),
                is_last,
                "{info:?} {page} {so_far} {count}"
            );
        }
    }
}
