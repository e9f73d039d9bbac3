//! The `Host` header must name this server.
//!
//! Otherwise a page of another site could point its own name at this address (DNS rebinding) and read the console as if
//! it were its own. Accepted are the public URL's host, loopback names with any port, and, when the server listens
//! beyond loopback, literal addresses: no DNS, no rebinding. Probes of health are spared: orchestrators send what they like.

use crate::{
    app::{App, AppState},
    auth::peer::{borrowed, host_of, parse_authority},
    config::is_loopback,
    problem::{Code, Problem},
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Host;

/// Refuses requests for other hosts with 421.
pub(super) async fn check(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let spared = matches!(request.uri().path(), "/healthz" | "/readyz");
    if spared || is_ours(&app, &request) {
        return next.run(request).await;
    }
    let asked: String = request
        .headers()
        .get(axum::http::header::HOST)
        .map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .chars()
                .take(100)
                .collect()
        })
        .unwrap_or_default();
    tracing::warn!(http.host = asked, "refused a request for another host");
    Problem::new(
        Code::MisdirectedRequest,
        format!("The request asked for the host {asked:?}, which is not a name of this server."),
    )
    .cause("A name was pointed at this server that it was not told about, or another site tries to reach it through your browser.")
    .remedy("Open it by its public address, or on the machine itself as http://127.0.0.1 with its port.")
    .remedy("Is this its address? Then set EDGE_DELIVERY_PUBLIC_URL to it and start the server again.")
    .into_response()
}

fn is_ours(app: &App, request: &Request) -> bool {
    // A target in absolute form names the host as well; both must be ours.
    let target = request.uri().authority().map(|authority| {
        parse_authority(authority.as_str())
            .is_some_and(|(host, port)| is_accepted(app, &borrowed(&host), port))
    });
    let header = host_of(request.headers())
        .is_some_and(|(host, port)| is_accepted(app, &borrowed(&host), port));
    header && target != Some(false) && request.headers().get_all("host").iter().count() == 1
}

fn is_accepted(app: &App, host: &Host<&str>, port: Option<u16>) -> bool {
    if is_loopback(host) {
        return true;
    }
    let listens_beyond = !app.config.listen.ip().to_canonical().is_loopback();
    if listens_beyond && matches!(host, Host::Ipv4(_) | Host::Ipv6(_)) {
        return true;
    }
    app.config.public_url.as_ref().is_some_and(|url| {
        url.host().as_ref() == Some(host) && (port.is_none() || port == url.port_or_known_default())
    })
}
