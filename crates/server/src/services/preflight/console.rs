//! Whether the console can be reached from Cloudflare: visits are sent to its public address by the Worker, and what does
//! not arrive is lost without a word.

use super::warning;
use crate::{app::App, config::is_loopback, guarded::is_public, reconcile::material::material_for};
use domain::plan::Warning;
use std::net::IpAddr;
use store::Site;
use url::{Host, Url};

/// Looks at the address that the site's Worker is given for its visits, if it is given one.
pub(super) async fn look(app: &App, site: &Site) -> Option<Warning> {
    let material = material_for(app, site, None).await.ok()?;
    let address = Url::parse(material.config.ingest()?).ok()?;
    let edge = app.config.edge_url.as_ref().and_then(Url::host);
    if edge.is_some_and(|edge| is_loopback(&edge)) {
        // The local Cloudflare is on this machine, too.
        return None;
    }
    let found = match address.host()? {
        Host::Domain(name) if !is_loopback(&Host::Domain(name)) => {
            let port = address.port_or_known_default().unwrap_or(443);
            let found = tokio::net::lookup_host((name, port)).await;
            found
                .map(|found| found.map(|address| address.ip()).collect())
                .unwrap_or_default()
        }
        Host::Domain(_) => Vec::new(),
        Host::Ipv4(address) => vec![IpAddr::V4(address)],
        Host::Ipv6(address) => vec![IpAddr::V6(address)],
    };
    judge(&address, &found)
}

const FIX: &str = "Set EDGE_DELIVERY_PUBLIC_URL to an https address that the internet reaches, then deploy again.";

/// `found`: the addresses of the host.
fn judge(address: &Url, found: &[IpAddr]) -> Option<Warning> {
    let shown = address.origin().ascii_serialization();
    let lost = |why: &str| {
        Some(warning(
            "console_not_reachable",
            format!("Visits will not arrive: they are sent to {shown}, {why}. {FIX}"),
        ))
    };
    if address.host().is_some_and(|host| is_loopback(&host)) {
        return lost("which is this machine alone");
    }
    if found.is_empty() {
        return Some(warning(
            "console_reach_unknown",
            format!(
                "Whether visits will arrive is unknown: they are sent to {shown}, which was not found in DNS from this machine. If the internet finds it, all is well; else: {FIX}"
            ),
        ));
    }
    if !found.iter().any(|address| is_public(*address)) {
        return lost("which leads to a private address");
    }
    if address.scheme() != "https" {
        return lost("which is plain http: who visits what would cross the internet in the clear");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cloudflare_cannot_reach_is_told() {
        for (address, found, code) in [
            ("https://edge.example.com/x", &["104.16.0.1"][..], None),
            (
                "https://edge.example.com/x",
                &["10.0.0.7", "104.16.0.1"],
                None,
            ),
            (
                "http://edge.example.com/x",
                &["104.16.0.1"],
                Some("console_not_reachable"),
            ),
            (
                "https://edge.example.com/x",
                &["10.0.0.7"],
                Some("console_not_reachable"),
            ),
            (
                "https://10.0.0.7/x",
                &["10.0.0.7"],
                Some("console_not_reachable"),
            ),
            ("https://[::1]/x", &["::1"], Some("console_not_reachable")),
            (
                "http://localhost:8080/x",
                &[],
                Some("console_not_reachable"),
            ),
            (
                "https://nowhere.example.com/x",
                &[],
                Some("console_reach_unknown"),
            ),
        ] {
            let url = Url::parse(address).expect("an address");
            let found: Vec<IpAddr> = found
                .iter()
                .map(|address| address.parse().expect("an address"))
                .collect();
            let told = judge(&url, &found).map(|warning| warning.code);
            assert_eq!(told.as_deref(), code, "{address} {found:?}");
        }
    }
}
