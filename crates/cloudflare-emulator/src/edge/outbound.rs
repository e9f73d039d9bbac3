//! What Workers fetch, and requests that a Worker lets pass: to the origin of its zone, to loopback, nowhere else.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::uri::Authority;
use http::{Request, Response};

use super::{Edge, visitor, words};
use crate::runtime::spec::WorkerId;

/// Where a fetch may go.
#[derive(Debug, PartialEq)]
enum Target {
    /// To its zone's origin.
    Origin(url::Url),
    /// To a server on this machine.
    Loopback(Authority),
    /// Nowhere, for this reason.
    Refused(String),
}

/// Answers a request that the script `worker` sent out.
pub(super) async fn handle(
    edge: Arc<Edge>,
    worker: WorkerId,
    mut request: Request<Body>,
) -> Response<Body> {
    visitor::to_origin_form(&mut request);
    let https = request
        .headers()
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    let Some((host, port)) = visitor::host_and_port(&request) else {
        return words::answer(400, "the Worker's fetch names no host");
    };
    match target(&edge, &worker, &host, port, https) {
        Target::Origin(origin) => edge.to_origin(&origin, request).await,
        Target::Loopback(authority) => {
            request.headers_mut().remove("x-forwarded-proto");
            edge.to_server(&authority, request).await
        }
        Target::Refused(why) => words::answer(403, &why),
    }
}

fn target(edge: &Edge, worker: &WorkerId, host: &str, port: Option<u16>, https: bool) -> Target {
    {
        let world = edge.world.read();
        if let Some(zone) = world.zone_of_host(host) {
            return match &zone.origin {
                _ if !edge.has_called(worker, &zone.id) => Target::Refused(format!(
                    "{host} is in the zone {}, for which the Worker {} does not run; a Worker may fetch hosts of its \
                     own zone and loopback addresses",
                    zone.name, worker.name
                )),
                Some(origin) => Target::Origin(origin.clone()),
                None => Target::Refused(format!("the zone {} has no origin", zone.name)),
            };
        }
    }
    let Some(address) = loopback(host) else {
        return Target::Refused(format!(
            "a Worker may fetch hosts of its own zone and loopback addresses; {host} is neither"
        ));
    };
    let port = port.unwrap_or(if https { 443 } else { 80 });
    if edge.world.api_addr().is_some_and(|api| api.port() == port) {
        return Target::Refused(format!("a Worker may not call the API (port {port})"));
    }
    if https {
        return Target::Refused(format!(
            "loopback is reached by http, not https ({host}:{port})"
        ));
    }
    let authority = match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    };
    authority.parse().map_or_else(
        |_| Target::Refused(format!("{host} is no address")),
        Target::Loopback,
    )
}

/// The loopback address that `host` is or names.
fn loopback(host: &str) -> Option<IpAddr> {
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    host.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
        .filter(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn only_loopback_is_loopback() {
        for host in [
            "localhost",
            "a.localhost",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(loopback(host).is_some(), "{host}");
        }
        for host in [
            "0.0.0.0",
            "10.0.0.1",
            "localhost.example",
            "example.com",
            "::",
            "169.254.169.254",
            "[::1]",
        ] {
            assert!(loopback(host).is_none(), "{host}");
        }
    }
}
