//! Fetches what operators publish of their agents. The addresses come from the registry, which an administrator may replace, so they
//! are guarded: https and public addresses alone, by DNS at the moment of connecting; no proxy, three redirects at most and under the
//! same rules, bounded in time and size.
//!
//! `EDGE_DELIVERY_VERIFICATION_MIRROR` names a place to fetch copies from instead, for a server without a way out:
//! `https://mirror.example/lists` is asked for `/lists/openai.com/gptbot.json`.

use crate::{guarded::PublicOnly, webhook_client::words};
use domain::identity::published::BODY_MAX;
use http::{HeaderValue, StatusCode, header};
use reqwest::redirect::{Attempt, Policy};
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

/// The longest that one list may take.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The most redirects.
const REDIRECTS_MAX: usize = 3;

/// The longest `ETag` that is kept.
const ETAG_MAX: usize = 200;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// It is as it was.
    NotModified,
    /// A list.
    Body {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Its `ETag`.
        etag: Option<String>,
    },
}

/// Fetches lists.
#[derive(Debug, Clone)]
pub(crate) struct ListClient {
    client: reqwest::Client,
    mirror: Option<Url>,
}

impl ListClient {
    /// `mirror` is the value of `EDGE_DELIVERY_VERIFICATION_MIRROR`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one constructor for fetches of operators' lists"
    )]
    pub(crate) fn new(mirror: Option<Url>) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("edge-delivery/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .timeout(TIME_LIMIT)
            .pool_max_idle_per_host(0);
        builder = if mirror.is_some() {
            builder.redirect(Policy::none())
        } else {
            builder
                .https_only(true)
                .redirect(Policy::custom(follow))
                .dns_resolver(Arc::new(PublicOnly))
        };
        Ok(Self {
            client: builder.build()?,
            mirror,
        })
    }

    /// Where a list is fetched from.
    fn address(&self, list: &str) -> Result<Url, String> {
        let url = Url::parse(list).map_err(|_| "its address cannot be read".to_owned())?;
        if !is_name(&url) || url.scheme() != "https" {
            return Err("its address is not https with a host name".to_owned());
        }
        let Some(mirror) = &self.mirror else {
            return Ok(url);
        };
        let host = url.host_str().unwrap_or_default();
        let base = mirror.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{host}{}", url.path()))
            .map_err(|_| "its place at the mirror cannot be named".to_owned())
    }

    /// Fetches a list, unless it is the one of this `ETag`. The error says what happened.
    pub(crate) async fn fetch(&self, list: &str, etag: Option<&str>) -> Result<Fetched, String> {
        let mut request = self.client.get(self.address(list)?);
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let said = |error: reqwest::Error| words(&error, TIME_LIMIT);
        let mut answer = request.send().await.map_err(said)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::NotModified),
            status => return Err(format!("it answered {status}")),
        }
        let etag = answer
            .headers()
            .get(header::ETAG)
            .and_then(|value| value.to_str().ok())
            .filter(|value| value.len() <= ETAG_MAX)
            .map(str::to_owned);
        let mut bytes = Vec::new();
        // Counted after decompression.
        while let Some(chunk) = answer.chunk().await.map_err(said)? {
            if bytes.len() + chunk.len() > BODY_MAX {
                return Err(format!("it is larger than {BODY_MAX} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::Body { bytes, etag })
    }
}

/// Follows within https and host names: the resolver never sees an address that is written out.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("it redirects too often");
    }
    if attempt.url().scheme() != "https" || !is_name(attempt.url()) {
        return attempt.error("it redirects to something else than https with a host name");
    }
    attempt.follow()
}

fn is_name(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Domain(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(mirror: Option<&str>) -> ListClient {
        let _ = rustls::crypto::ring::default_provider().install_default();
        ListClient::new(mirror.and_then(|text| Url::parse(text).ok())).expect("a client")
    }

    #[test]
    fn lists_have_their_place_at_a_mirror() {
        let list = "https://openai.com/gptbot.json";
        let at = |mirror| {
            client(mirror)
                .address(list)
                .expect("an address")
                .to_string()
        };
        assert_eq!(at(None), list);
        assert_eq!(
            at(Some("http://127.0.0.1:9/lists/")),
            "http://127.0.0.1:9/lists/openai.com/gptbot.json"
        );
        assert_eq!(
            at(Some("https://mirror.example")),
            "https://mirror.example/openai.com/gptbot.json"
        );
        for bad in [
            "",
            "http://openai.com/a",
            "https://127.0.0.1/a",
            "file:///etc/passwd",
        ] {
            assert!(client(None).address(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn private_addresses_are_not_asked() {
        let said = client(None)
            .fetch("https://localhost/list.json", None)
            .await;
        let said = said.expect_err("nothing is fetched");
        assert!(said.contains("has no public address"), "{said}");
    }
}
