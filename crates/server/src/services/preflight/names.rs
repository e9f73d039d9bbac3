//! Whether the host names lead to Cloudflare: without a proxied DNS record a Worker never runs, and nothing reports it
//! (Cloudflare API notes §5, official). DNS records cannot be read with our permissions, so the names are resolved.

use super::warning;
use crate::app::App;
use domain::{edge::PROBE_HEADER, names::Hostname, plan::Warning};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ipnet::IpNet;
use std::{net::IpAddr, sync::LazyLock};
use store::Site;

/// As many host names are resolved.
const HOSTS_MAX: usize = 20;

/// Cloudflare's published address ranges (www.cloudflare.com/ips), as of September 2023, unchanged since to our
/// knowledge. Accounts with addresses of their own answer from others, so an address outside is no proof.
static CLOUDFLARE: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    [
        "173.245.48.0/20",
        "103.21.244.0/22",
        "103.22.200.0/22",
        "103.31.4.0/22",
        "141.101.64.0/18",
        "108.162.192.0/18",
        "190.93.240.0/20",
        "188.114.96.0/20",
        "197.234.240.0/22",
        "198.41.128.0/17",
        "162.158.0.0/15",
        "104.16.0.0/13",
        "104.24.0.0/14",
        "172.64.0.0/13",
        "131.0.72.0/22",
        "2400:cb00::/32",
        "2606:4700::/32",
        "2803:f800::/32",
        "2405:b500::/32",
        "2405:8100::/32",
        "2a06:98c0::/29",
        "2c0f:f248::/32",
    ]
    .iter()
    .map(|net| net.parse().expect("a constant network"))
    .collect()
});

/// Looks where the site's host names lead.
pub(super) async fn look(app: &App, site: &Site) -> Vec<Warning> {
    let looks = site
        .hostnames
        .iter()
        .take(HOSTS_MAX)
        .map(|host| look_at(app, host));
    futures::future::join_all(looks)
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// Whether one host name leads to Cloudflare: by DNS; or, where all requests go to one fixed address, by the mark that
/// Cloudflare puts on every answer of its own.
pub(super) async fn look_at(app: &App, host: &Hostname) -> Option<Warning> {
    if app.config.edge_url.is_some() {
        return ask_edge(app, host).await;
    }
    let found = tokio::net::lookup_host((host.as_str(), 443)).await;
    let addresses: Vec<IpAddr> = found
        .map(|found| found.map(|address| address.ip()).collect())
        .unwrap_or_default();
    judge(host.as_str(), &addresses)
}

async fn ask_edge(app: &App, host: &Hostname) -> Option<Warning> {
    let mut headers = HeaderMap::new();
    headers.insert(
        HeaderName::from_static(PROBE_HEADER),
        HeaderValue::from_static("1"),
    );
    let answer = app.edge.send(Method::GET, host, "/", headers).await.ok()?;
    let is_marked = answer.headers.contains_key("cf-ray");
    judge_answer(host.as_str(), answer.status.as_u16(), is_marked)
}

/// 530 is Cloudflare's own word for a host that it cannot place.
fn judge_answer(host: &str, status: u16, is_marked: bool) -> Option<Warning> {
    match (is_marked, status) {
        (true, 530) => Some(warning(
            "hostname_without_dns",
            format!(
                "The edge does not know {host} (530). A Worker runs only behind a proxied DNS record: add one at Cloudflare (DNS, Records), or leave the host name out."
            ),
        )),
        (true, _) => None,
        (false, _) => Some(warning(
            "hostname_not_proxied",
            format!(
                "{host} is answered without Cloudflare's mark (cf-ray), as asked at EDGE_DELIVERY_EDGE_URL: its DNS record seems not to be proxied, and then the Worker never runs. Switch the orange cloud on at Cloudflare (DNS, Records)."
            ),
        )),
    }
}

fn judge(host: &str, addresses: &[IpAddr]) -> Option<Warning> {
    if addresses.is_empty() {
        return Some(warning(
            "hostname_without_dns",
            format!(
                "{host} was not found in DNS, as seen from this machine. A Worker runs only behind a proxied DNS record: add one at Cloudflare (DNS, Records), or leave the host name out."
            ),
        ));
    }
    let is_proxied = addresses
        .iter()
        .any(|address| CLOUDFLARE.iter().any(|net| net.contains(address)));
    (!is_proxied).then(|| {
        warning(
            "hostname_not_proxied",
            format!("{host} leads to {}, which is not among Cloudflare's published addresses: its DNS record seems not to be proxied, and then the Worker never runs. Switch the orange cloud on at Cloudflare (DNS, Records). Accounts that bring their own addresses may pass over this.", addresses[0]),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_tell_whether_cloudflare_gave_them() {
        let judged = |status, is_marked| {
            judge_answer("shop.example", status, is_marked).map(|warning| warning.code)
        };
        assert_eq!(judged(200, true), None);
        assert_eq!(judged(503, true), None);
        assert_eq!(judged(200, false).as_deref(), Some("hostname_not_proxied"));
        assert_eq!(judged(530, true).as_deref(), Some("hostname_without_dns"));
    }

    #[test]
    fn addresses_tell_whether_cloudflare_answers() {
        let judged = |addresses: &[&str]| {
            let addresses: Vec<IpAddr> = addresses
                .iter()
                .map(|address| address.parse().expect("an address"))
                .collect();
            judge("shop.example", &addresses).map(|warning| warning.code)
        };
        assert_eq!(judged(&["104.16.132.229", "2606:4700::6810:84e5"]), None);
        assert_eq!(judged(&["198.51.100.7", "172.67.1.1"]), None);
        assert_eq!(
            judged(&["198.51.100.7"]).as_deref(),
            Some("hostname_not_proxied")
        );
        assert_eq!(
            judged(&["2001:db8::1"]).as_deref(),
            Some("hostname_not_proxied")
        );
        assert_eq!(judged(&[]).as_deref(), Some("hostname_without_dns"));
    }
}
