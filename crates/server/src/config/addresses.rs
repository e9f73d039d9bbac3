//! Addresses among the settings.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

pub(super) fn listen(given: Option<&str>, errors: &mut Vec<String>) -> Option<SocketAddr> {
    let text = given.unwrap_or(DEFAULT_LISTEN);
    // `localhost` is what people write; it means the loopback address, without asking a resolver.
    let spelled = text
        .strip_prefix("localhost:")
        .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    match spelled.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            errors.push(format!(
                "EDGE_DELIVERY_LISTEN (--listen) {text:?} is not ADDRESS:PORT, for example 127.0.0.1:8080 or [::]:8080"
            ));
            None
        }
    }
}

/// An http or https address without user name, password or fragment.
fn web_url(name: &str, given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    let text = given.filter(|text| !text.is_empty())?;
    let Ok(url) = Url::parse(text) else {
        errors.push(format!(
            "{name} is not an address such as https://example.com"
        ));
        return None;
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        errors.push(format!("{name} must begin with https:// or http://"));
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        errors.push(format!("{name} must not hold a user name or password"));
        return None;
    }
    if url.fragment().is_some() {
        errors.push(format!("{name} must not end in a #fragment"));
        return None;
    }
    Some(url)
}

fn without_path(name: &str, given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    let url = web_url(name, given, errors)?;
    if url.path() != "/" || url.query().is_some() {
        errors.push(format!(
            "{name} must be the bare address without a path: {}",
            url.origin().ascii_serialization()
        ));
        return None;
    }
    Some(url)
}

pub(super) fn public_url(given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    without_path("EDGE_DELIVERY_PUBLIC_URL", given, errors)
}

pub(super) fn edge_url(given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    without_path("EDGE_DELIVERY_EDGE_URL", given, errors)
}

/// https anywhere, http on loopback alone: a token must not cross a network in the clear.
pub(super) fn cloudflare_api(text: &str, errors: &mut Vec<String>) -> Option<Url> {
    const NAME: &str = "CLOUDFLARE_API_BASE_URL";
    let mut url = web_url(NAME, Some(text), errors)?;
    if url.query().is_some() {
        errors.push(format!("{NAME} must not hold a query"));
        return None;
    }
    if url.scheme() == "http" && !url.host().is_some_and(|host| is_loopback(&host)) {
        errors.push(format!(
            "{NAME} must be https (http only on loopback), or the token could be read on its way"
        ));
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

/// https anywhere, http on loopback alone: whoever can change a list decides who is verified.
pub(super) fn mirror(given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    const NAME: &str = "EDGE_DELIVERY_VERIFICATION_MIRROR";
    let url = web_url(NAME, given, errors)?;
    if url.query().is_some() {
        errors.push(format!("{NAME} must not hold a query"));
        return None;
    }
    if url.scheme() == "http" && !url.host().is_some_and(|host| is_loopback(&host)) {
        errors.push(format!(
            "{NAME} must be https (http only on loopback), or the lists could be changed on their way"
        ));
        return None;
    }
    Some(url)
}

pub(super) fn trusted_proxies(given: Option<&str>, errors: &mut Vec<String>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for part in given
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        match part
            .parse::<IpNet>()
            .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
        {
            Ok(network) => networks.push(network),
            Err(_) => errors.push(format!(
                "EDGE_DELIVERY_TRUSTED_PROXIES: {part:?} is neither an address nor a network such as 10.0.0.0/8"
            )),
        }
    }
    networks
}

/// Whether a URL's host is this machine by its spelling.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}
