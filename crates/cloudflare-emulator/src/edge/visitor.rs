//! What Cloudflare adds to a visitor's request, and what it takes away.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use serde_json::json;

use crate::runtime::config::CF_BLOB_HEADER;

/// What a visitor may not say: it is the edge's own.
const RESERVED: [&str; 10] = [
    CF_BLOB_HEADER,
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-ew-via",
    "cf-ipcountry",
    "cf-kv-flprod-405",
    "cf-ray",
    "cf-visitor",
    "cf-worker",
    "x-kv-namespace",
];
/// The country of every visitor.
const COUNTRY: &str = "US";
/// The location that answers.
const COLO: &str = "DEV";

/// Who asks for what.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// `http` or `https`; the latter when a TLS proxy in front says so.
    pub scheme: &'static str,
    /// Lower case, without port.
    pub host: String,
    /// As sent.
    pub path_and_query: String,
    /// Where it came from.
    pub ip: IpAddr,
    /// Names this request: 16 hex digits and the location.
    pub ray: String,
}

impl Visitor {
    /// Reads a request as it arrived from `peer`; none without a usable host.
    #[must_use]
    pub(super) fn new<B>(request: &Request<B>, peer: SocketAddr) -> Option<Self> {
        let (host, _) = host_and_port(request)?;
        let https = request
            .headers()
            .get("x-forwarded-proto")
            .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
        let mut id = [0_u8; 8];
        // Without randomness the id is all zeros: it only names the request in logs.
        let _ = getrandom::fill(&mut id);
        Some(Self {
            scheme: if https { "https" } else { "http" },
            host,
            path_and_query: request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            ip: peer.ip().to_canonical(),
            ray: format!("{}-{COLO}", hex::encode(id)),
        })
    }

    /// Takes the last address of `X-Forwarded-For`, if there is one, for where the visitor came from, and takes it off.
    pub(super) fn is_forwarded(&mut self, headers: &mut HeaderMap) {
        let Some(all) = headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok())
        else {
            return;
        };
        let (before, last) = all.rsplit_once(',').unwrap_or(("", all));
        let Ok(ip) = last.trim().parse::<IpAddr>() else {
            return;
        };
        let before = before.trim().to_owned();
        self.ip = ip.to_canonical();
        headers.remove("x-forwarded-for");
        if !before.is_empty() {
            set(headers, "x-forwarded-for", &before);
        }
    }

    /// Makes `headers` what a Worker and the origin see.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        for name in RESERVED {
            headers.remove(name);
        }
        let forwarded_for = match headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok())
        {
            Some(before) => format!("{before}, {}", self.ip),
            None => self.ip.to_string(),
        };
        let visitor = json!({ "scheme": self.scheme }).to_string();
        set(headers, "cf-connecting-ip", &self.ip.to_string());
        set(headers, "cf-ipcountry", COUNTRY);
        set(headers, "cf-ray", &self.ray);
        set(headers, "cf-visitor", &visitor);
        set(headers, "x-forwarded-for", &forwarded_for);
        set(headers, "x-forwarded-proto", self.scheme);
    }

    /// The header that becomes `request.cf` in a Worker.
    pub(super) fn add_cf(&self, headers: &mut HeaderMap) {
        let cf = json!({
            "asn": 64_512,
            "asOrganization": "Local Cloudflare",
            "city": "Austin",
            "clientAcceptEncoding": headers.get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or(""),
            "colo": COLO,
            "continent": "NA",
            "country": COUNTRY,
            "edgeRequestKeepAliveStatus": 1,
            "httpProtocol": "HTTP/1.1",
            "latitude": "30.27130",
            "longitude": "-97.74260",
            "postalCode": "78701",
            "region": "Texas",
            "regionCode": "TX",
            "requestPriority": "",
            "timezone": "America/Chicago",
            "tlsCipher": if self.scheme == "https" { "AEAD-AES128-GCM-SHA256" } else { "" },
            "tlsVersion": if self.scheme == "https" { "TLSv1.3" } else { "" },
            "verifiedBotCategory": "",
        });
        set(headers, CF_BLOB_HEADER, &cf.to_string());
    }
}

/// The host (lower case, no trailing dot, IPv6 without brackets) and port that a request is for.
#[must_use]
pub(super) fn host_and_port<B>(request: &Request<B>) -> Option<(String, Option<u16>)> {
    let from_header = request
        .headers()
        .get(HOST)
        .and_then(|value| value.to_str().ok());
    let authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => from_header?.parse().ok()?,
    };
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.');
    (!host.is_empty()).then(|| (host.to_ascii_lowercase(), authority.port_u16()))
}

/// Turns a request in absolute form into one with a Host header, as RFC 9112 §3.2.2 says.
pub(super) fn to_origin_form<B>(request: &mut Request<B>) {
    let Some(authority) = request.uri().authority() else {
        return;
    };
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, host: Option<&str>) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn hosts_are_read_without_port_and_case() {
        let cases = [
            (
                request("/", Some("Shop.Example:8787")),
                Some(("shop.example", Some(8787))),
            ),
            (
                request("/", Some("shop.example.")),
                Some(("shop.example", None)),
            ),
            (request("/", Some("[::1]:80")), Some(("::1", Some(80)))),
            (
                request("http://shop.example/x", Some("other.example")),
                Some(("shop.example", None)),
            ),
            (request("/", Some("a b")), None),
            (request("/", Some("")), None),
            (request("/", None), None),
        ];
        for (request, expected) in cases {
            let got = host_and_port(&request);
            assert_eq!(
                got.as_ref().map(|(host, port)| (host.as_str(), *port)),
                expected,
                "{request:?}"
            );
        }
    }

    #[test]
    fn reserved_headers_are_replaced() {
        let request = request("/", Some("shop.example"));
        let visitor = Visitor::new(&request, SocketAddr::from(([127, 0, 0, 1], 5))).unwrap();
        let mut headers = HeaderMap::new();
        for name in RESERVED {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static("forged"),
            );
        }
        visitor.mark(&mut headers);
        assert!(
            headers.values().all(|value| value != "forged"),
            "{headers:?}"
        );
        assert_eq!(headers["cf-connecting-ip"], "127.0.0.1");
        assert!(!headers.contains_key(CF_BLOB_HEADER));
    }

    #[test]
    fn a_load_balancer_names_the_visitor() {
        let request = request("/", Some("shop.example"));
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5));
        let cases = [
            (Some("198.51.100.7"), "198.51.100.7", None),
            (
                Some("203.0.113.1, 2001:db8::7"),
                "2001:db8::7",
                Some("203.0.113.1"),
            ),
            (Some("::ffff:192.0.2.1"), "192.0.2.1", None),
            (Some("nobody"), "127.0.0.1", Some("nobody")),
            (None, "127.0.0.1", None),
        ];
        for (sent, ip, left) in cases {
            let mut visitor = Visitor::new(&request, loopback).unwrap();
            let mut headers = HeaderMap::new();
            if let Some(sent) = sent {
                headers.insert("x-forwarded-for", HeaderValue::from_static(sent));
            }
            visitor.is_forwarded(&mut headers);
            assert_eq!(visitor.ip.to_string(), ip, "{sent:?}");
            let kept = headers.get("x-forwarded-for");
            assert_eq!(kept.map(|value| value.to_str().unwrap()), left, "{sent:?}");
        }
    }
}
