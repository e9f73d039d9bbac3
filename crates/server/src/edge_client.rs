//! Requests to the edge, as a visitor would make them: by DNS and https, or to the address that `EDGE_DELIVERY_EDGE_URL`
//! names, with the site's host in `Host`. Nothing is followed, nothing is cached, time and size are bounded.

use crate::guarded::PublicOnly;
use bytes::{Bytes, BytesMut};
use domain::names::Hostname;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use url::Url;

/// The longest that one request may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The most bytes of a body that are read.
pub(crate) const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// What the edge answered.
#[derive(Debug, Clone)]
pub(crate) struct EdgeAnswer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers, in order.
    pub(crate) headers: HeaderMap,
    /// The body, cut at [`BODY_LIMIT`].
    pub(crate) body: Bytes,
    /// Whether there was more.
    pub(crate) is_cut: bool,
    /// From sending to the body's end.
    pub(crate) took: Duration,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EdgeError {
    /// The path does not stay on the host.
    #[error("the path must begin with one / and stay on the site")]
    BadPath,
    /// No answer in time, or none at all.
    #[error("{host} could not be fetched")]
    Unreachable {
        /// The host.
        host: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
}

/// Makes requests to the edge.
#[derive(Debug, Clone)]
pub(crate) struct EdgeClient {
    fixed: Option<Url>,
    client: reqwest::Client,
}

impl EdgeClient {
    /// `fixed` is the value of `EDGE_DELIVERY_EDGE_URL`: with it every request goes there, else by DNS (public addresses
    /// only) and https.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one constructor for fetches of sites"
    )]
    pub(crate) fn new(fixed: Option<Url>) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIME_LIMIT)
            .pool_max_idle_per_host(2);
        if fixed.is_none() {
            builder = builder.https_only(true).dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self {
            fixed,
            client: builder.build()?,
        })
    }

    /// The address a visitor of `host` would open.
    pub(crate) fn url(&self, host: &Hostname, path_and_query: &str) -> Result<Url, EdgeError> {
        if !path_and_query.starts_with('/')
            || path_and_query.starts_with("//")
            || path_and_query.contains('\\')
        {
            return Err(EdgeError::BadPath);
        }
        let base = match &self.fixed {
            Some(fixed) => fixed.origin().ascii_serialization(),
            None => format!("https://{host}"),
        };
        let url = Url::parse(&format!("{base}{path_and_query}")).map_err(|_| EdgeError::BadPath)?;
        let expected = Url::parse(&base).map_err(|_| EdgeError::BadPath)?;
        if url.origin() == expected.origin() {
            Ok(url)
        } else {
            Err(EdgeError::BadPath)
        }
    }

    /// The beginning of an address of `host` for a browser: https, or the local edge with its port.
    pub(crate) fn origin_for_people(&self, host: &Hostname) -> String {
        let is_local = |url: &&Url| match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let Some(local) = self.fixed.as_ref().filter(is_local) else {
            return format!("https://{host}");
        };
        let port = local
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{host}{port}", local.scheme())
    }

    /// One request. `headers` are sent as given; `Host` is set here.
    pub(crate) async fn send(
        &self,
        method: Method,
        host: &Hostname,
        path_and_query: &str,
        mut headers: HeaderMap,
    ) -> Result<EdgeAnswer, EdgeError> {
        let url = self.url(host, path_and_query)?;
        if let (Some(_), Ok(value)) = (&self.fixed, HeaderValue::from_str(host.as_str())) {
            headers.insert(header::HOST, value);
        }
        let unreachable = |source: reqwest::Error| EdgeError::Unreachable {
            host: host.to_string(),
            source,
        };
        let started = Instant::now();
        let mut response = self
            .client
            .request(method, url)
            .headers(headers)
            .send()
            .await
            .map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        let mut is_cut = false;
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            let room = BODY_LIMIT - body.len();
            if chunk.len() > room {
                body.extend_from_slice(&chunk[..room]);
                is_cut = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(EdgeAnswer {
            status,
            headers,
            body: body.freeze(),
            is_cut,
            took: started.elapsed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_on_the_host() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let host: Hostname = "shop.example".parse().expect("a host name");
        let client = EdgeClient::new(None).expect("a client");
        assert_eq!(
            client.url(&host, "/a?b=c").expect("good").as_str(),
            "https://shop.example/a?b=c"
        );
        for bad in [
            "",
            "a",
            "//evil.example/",
            "/\\evil.example",
            "@evil.example/",
            "\\/evil",
        ] {
            assert!(client.url(&host, bad).is_err(), "{bad}");
        }
        let fixed = EdgeClient::new(Url::parse("http://127.0.0.1:8787").ok()).expect("a client");
        assert_eq!(
            fixed.url(&host, "/a").expect("good").as_str(),
            "http://127.0.0.1:8787/a"
        );
    }
}
