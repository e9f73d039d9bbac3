//! Requests to a webhook: an address that somebody typed, so it is guarded. https and public addresses alone, by DNS at the
//! moment of connecting; no proxy, no redirect, ten seconds; of the answer nothing but the status is read.
//!
//! `EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE` lifts the limit to public addresses and to https, for a receiver in one's own
//! network.

use crate::{
    guarded::PublicOnly,
    problem::{Outcome, Problem},
};
use http::{HeaderMap, StatusCode, header};
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

/// The longest that one message may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The longest address.
const URL_MAX: usize = 2_000;

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    /// The status.
    pub(crate) status: StatusCode,
    /// `Retry-After` in seconds.
    pub(crate) retry_after: Option<u64>,
}

/// Sends messages to webhooks.
#[derive(Debug, Clone)]
pub(crate) struct WebhookClient {
    client: reqwest::Client,
    allow_private: bool,
}

impl WebhookClient {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one constructor for messages to webhooks"
    )]
    pub(crate) fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("edge-delivery/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIME_LIMIT)
            // Connections are not kept: each message looks its address up anew.
            .pool_max_idle_per_host(0);
        if !allow_private {
            builder = builder.https_only(true).dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self {
            client: builder.build()?,
            allow_private,
        })
    }

    /// Reads an address that somebody typed. It is not quoted back: services put keys into theirs.
    pub(crate) fn parse(&self, text: &str) -> Outcome<Url> {
        let refuse = |detail: &str| Err(Problem::field("url", detail));
        let text = text.trim();
        if text.len() > URL_MAX {
            return refuse("is longer than 2,000 characters");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("is not an address such as https://hooks.example.com/edge-delivery");
        };
        let is_scheme_good =
            url.scheme() == "https" || (self.allow_private && url.scheme() == "http");
        if !is_scheme_good {
            return refuse(
                "must begin with https://, so that nobody on the way can read or change a message",
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not hold a user name or password; messages are signed instead");
        }
        if url.fragment().is_some() {
            return refuse("must not end in a #fragment, which is never sent");
        }
        if url.port() == Some(0) {
            return refuse("names port 0, on which nothing can listen");
        }
        match url.host() {
            Some(Host::Domain(name)) if self.allow_private || !is_local_name(name) => Ok(url),
            Some(_) if self.allow_private => Ok(url),
            Some(Host::Domain(_)) => refuse(
                "names this machine or its network; a public host name is wanted (EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE=1 allows others)",
            ),
            _ => refuse(
                "must have a host name, not an IP address (EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE=1 allows addresses)",
            ),
        }
    }

    /// Sends one message. The error says what happened without naming the address.
    pub(crate) async fn post(
        &self,
        url: Url,
        headers: HeaderMap,
        body: String,
    ) -> Result<Received, String> {
        let sent = self
            .client
            .post(url)
            .headers(headers)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) => Ok(Received {
                status: answer.status(),
                retry_after: answer
                    .headers()
                    .get(header::RETRY_AFTER)
                    .and_then(|value| value.to_str().ok()?.parse().ok()),
            }),
            Err(error) => Err(words(&error, TIME_LIMIT)),
        }
    }
}

/// Names that no public resolver knows.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.')
        || ["localhost", "local", "internal", "lan", "home.arpa"]
            .iter()
            .any(|end| name == *end || name.ends_with(&format!(".{end}")))
}

/// What went wrong, without the address. `limit` is the longest that the request could take.
pub(crate) fn words(error: &reqwest::Error, limit: Duration) -> String {
    if error.is_timeout() {
        return format!("it did not answer within {} seconds", limit.as_secs());
    }
    // The innermost cause says most, and none of them but reqwest's own names the address.
    let mut source = std::error::Error::source(error);
    let mut innermost = None;
    while let Some(inner) = source {
        innermost = Some(inner.to_string());
        source = inner.source();
    }
    match innermost {
        Some(cause) if error.is_connect() => format!("it could not be reached: {cause}"),
        Some(cause) => format!("the answer could not be read: {cause}"),
        None => "it could not be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(allow_private: bool) -> WebhookClient {
        let _ = rustls::crypto::ring::default_provider().install_default();
        WebhookClient::new(allow_private).expect("a client")
    }

    #[test]
    fn only_public_names_by_https() {
        let strict = client(false);
        for good in [
            "https://hooks.example.com/x?key=1",
            " https://hooks.example.com:8443/ ",
        ] {
            assert!(strict.parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "hooks.example.com",
            "http://hooks.example.com",
            "ftp://hooks.example.com",
            "https://user:pass@hooks.example.com",
            "https://hooks.example.com/#here",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://1.1.1.1/",
            "https://localhost/",
            "https://localhost./",
            "https://a.localhost/",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://intranet/",
            "https://hooks.example.com:0/",
        ] {
            let problem = strict.parse(bad).expect_err(bad);
            assert_eq!(problem.errors[0].field, "url");
            assert!(
                !bad.contains("://") || !problem.to_string().contains(bad),
                "{bad}"
            );
        }
        let lax = client(true);
        assert!(lax.parse("http://127.0.0.1:9999/hook").is_ok());
        assert!(lax.parse("https://intranet/").is_ok());
        assert!(lax.parse("http://user:pass@127.0.0.1/").is_err());
        assert!(lax.parse("http://127.0.0.1:0/hook").is_err());
    }

    #[tokio::test]
    async fn a_name_without_a_public_address_is_not_contacted() {
        // Past the check of the spelling, as a name whose address changed since would be.
        let url = Url::parse("https://localhost/").expect("an address");
        let said = client(false)
            .post(url, HeaderMap::new(), String::new())
            .await
            .expect_err("nothing is sent");
        assert!(said.contains("has no public address"), "{said}");
    }
}
