//! Where a request comes from.

use crate::{
    app::{App, AppState},
    config::is_loopback,
};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use ipnet::IpNet;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
use url::Host;

/// Headers that proxies add. Their presence means that the peer is not the visitor.
const FORWARDING_HEADERS: [&str; 8] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
    "true-client-ip",
];

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The visitor's address: the connection's, or what a trusted proxy says.
    pub(crate) address: IpAddr,
    /// Whether the visitor is on this very machine: the connection comes from loopback, no proxy stands between, and
    /// the browser was told a loopback name.
    pub(crate) is_local: bool,
}

impl Peer {
    /// Judges by the connection's address and the headers. `X-Forwarded-For` counts only from a trusted proxy, and is read
    /// from its end, where trusted proxies wrote; other forwarding headers can only make a visitor less local.
    pub(crate) fn judge(connection: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let connection = connection.to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let mut address = connection;
        if is_trusted(&connection) {
            let hops: Vec<&str> = headers
                .get_all("x-forwarded-for")
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .map(str::trim)
                .collect();
            for hop in hops.iter().rev() {
                match hop.parse::<IpAddr>() {
                    Ok(hop) => address = hop.to_canonical(),
                    Err(_) => break,
                }
                if !is_trusted(&address) {
                    break;
                }
            }
        }
        let forwarded = FORWARDING_HEADERS
            .iter()
            .any(|name| headers.contains_key(*name));
        let is_local = connection.is_loopback() && !forwarded && host_is_loopback(headers);
        Self { address, is_local }
    }

    /// Where this request comes from.
    pub(crate) fn of(parts: &Parts, app: &App) -> Self {
        Self::judge(
            connection_address(&parts.extensions),
            &parts.headers,
            &app.config.trusted_proxies,
        )
    }

    /// The key under which this visitor's failures are counted: an IPv6 visitor has a whole /64.
    pub(crate) fn counting_key(&self) -> String {
        match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => IpNet::new(address.into(), 64)
                .map_or_else(|_| address.to_string(), |net| net.trunc().to_string()),
        }
    }
}

/// The `Host` header's name without its port, as a URL's host.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<(Host<String>, Option<u16>)> {
    parse_authority(headers.get(header::HOST)?.to_str().ok()?)
}

/// Reads `name`, `name:port`, `[v6]:port`.
pub(crate) fn parse_authority(text: &str) -> Option<(Host<String>, Option<u16>)> {
    let authority: axum::http::uri::Authority = text.parse().ok()?;
    if text.contains('@') {
        return None;
    }
    Some((Host::parse(authority.host()).ok()?, authority.port_u16()))
}

fn host_is_loopback(headers: &HeaderMap) -> bool {
    host_of(headers).is_some_and(|(host, _)| is_loopback(&borrowed(&host)))
}

/// The same host, borrowed.
pub(crate) fn borrowed(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

/// The connection's address.
pub(crate) fn connection_address(extensions: &axum::http::Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        // Without it (a router without `serve`, in tests) nobody counts as local.
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())
}

impl FromRequestParts<AppState> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(connection: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> Peer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        Peer::judge(connection.parse().unwrap(), &map, &trusted)
    }

    #[test]
    fn local_is_loopback_by_name_and_address_without_a_proxy() {
        for (connection, headers, local) in [
            ("127.0.0.1", &[("host", "127.0.0.1:8080")][..], true),
            ("::1", &[("host", "[::1]:8080")], true),
            ("::ffff:127.0.0.1", &[("host", "localhost")], true),
            ("127.0.0.1", &[("host", "edge.example.com")], false),
            ("127.0.0.1", &[], false),
            ("192.0.2.1", &[("host", "localhost")], false),
            (
                "127.0.0.1",
                &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")],
                false,
            ),
            (
                "127.0.0.1",
                &[("host", "localhost"), ("cf-connecting-ip", "192.0.2.1")],
                false,
            ),
        ] {
            assert_eq!(
                judge(connection, headers, &[]).is_local,
                local,
                "{connection} {headers:?}"
            );
        }
    }

    #[test]
    fn forwarded_addresses_count_from_trusted_proxies_alone() {
        let spoof = [("x-forwarded-for", "198.51.100.1, 192.0.2.9")];
        assert_eq!(
            judge("203.0.113.5", &spoof, &[]).address.to_string(),
            "203.0.113.5"
        );
        assert_eq!(
            judge("10.0.0.1", &spoof, &["10.0.0.0/8"])
                .address
                .to_string(),
            "192.0.2.9"
        );
        assert_eq!(
            judge("10.0.0.1", &spoof, &["10.0.0.0/8", "192.0.2.0/24"])
                .address
                .to_string(),
            "198.51.100.1"
        );
        assert_eq!(
            judge(
                "10.0.0.1",
                &[("x-forwarded-for", "unknown")],
                &["10.0.0.0/8"]
            )
            .address
            .to_string(),
            "10.0.0.1"
        );
    }

    #[test]
    fn an_ipv6_visitor_is_a_whole_network() {
        assert_eq!(
            judge("2001:db8::1", &[], &[]).counting_key(),
            judge("2001:db8::2", &[], &[]).counting_key()
        );
        assert_ne!(
            judge("192.0.2.1", &[], &[]).counting_key(),
            judge("192.0.2.2", &[], &[]).counting_key()
        );
    }
}
