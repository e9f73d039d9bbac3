//! Fetching a live page, and judging what came.

use crate::{app::App, edge_client::EdgeAnswer};
use domain::{edge::PROBE_HEADER, names::Hostname};
use encoding_rs::{Encoding, UTF_8};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// Who fetches. A name of its own that no agent has, so that the Worker lets it pass to the origin like any person, and
/// that robots.txt can speak of.
pub(crate) const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (compatible; EdgeDelivery/",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// A browser, for the second look at a page that was not shown to the first.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// The name in robots.txt.
pub(crate) const ROBOTS_NAME: &str = "EdgeDelivery";

/// What a fetch of a page brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// HTML, as text.
    Html(String),
    /// The origin sends visitors elsewhere.
    Redirects(String),
    /// The origin wants to know who it is.
    SignIn(String),
    /// The origin has no such page, or fails.
    Fails {
        /// In words.
        detail: String,
        /// Whether it may be over in a moment (5xx).
        may_pass: bool,
    },
    /// Something else than a page, or nothing that tells of the origin.
    Unknown(String),
}

impl Seen {
    /// Why there is no page, in words.
    pub(crate) fn why_not(&self) -> Option<&str> {
        match self {
            Self::Html(_) => None,
            Self::Redirects(detail) | Self::SignIn(detail) | Self::Unknown(detail) => Some(detail),
            Self::Fails { detail, .. } => Some(detail),
        }
    }
}

/// Fetches one page of a site, without following anything. An origin may turn unknown programs away; what counts is what
/// people get, so a page that is not shown to us is asked for once more as a browser does.
pub(crate) async fn page(app: &App, host: &Hostname, path: &str) -> Seen {
    let seen = page_as(app, host, path, USER_AGENT).await;
    match seen {
        Seen::Html(_) | Seen::Unknown(_) => seen,
        Seen::Redirects(_) | Seen::SignIn(_) | Seen::Fails { .. } => {
            page_as(app, host, path, BROWSER).await
        }
    }
}

async fn page_as(app: &App, host: &Hostname, path: &str, user_agent: &'static str) -> Seen {
    match get_as(
        app,
        host,
        path,
        "text/html,application/xhtml+xml",
        user_agent,
    )
    .await
    {
        Ok(answer) => judge(&answer),
        Err(detail) => Seen::Unknown(detail),
    }
}

/// One request; the words of why there was no answer.
pub(crate) async fn get(
    app: &App,
    host: &Hostname,
    path: &str,
    accept: &'static str,
) -> Result<EdgeAnswer, String> {
    get_as(app, host, path, accept, USER_AGENT).await
}

async fn get_as(
    app: &App,
    host: &Hostname,
    path: &str,
    accept: &'static str,
    user_agent: &'static str,
) -> Result<EdgeAnswer, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(user_agent));
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    // Nobody counts it as a visit.
    headers.insert(PROBE_HEADER, HeaderValue::from_static("1"));
    app.edge
        .send(Method::GET, host, path, headers)
        .await
        .map_err(|error| {
            tracing::debug!(%error, path, "a live page could not be fetched");
            format!("{error}: no answer within 10 s, or the name has no public address")
        })
}

fn judge(answer: &EdgeAnswer) -> Seen {
    let status = answer.status;
    let text = |name: header::HeaderName| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if answer.headers.contains_key("cf-mitigated") {
        return Seen::Unknown(
            "Cloudflare challenges our request, which says nothing of the origin; allow the user agent EdgeDelivery in the zone's security rules".to_owned(),
        );
    }
    if status.is_redirection() {
        let to = text(header::LOCATION);
        let shown: String = to.chars().take(200).collect();
        return if leads_to_sign_in(to) {
            Seen::SignIn(format!("the origin sends visitors to sign in at {shown}"))
        } else {
            Seen::Redirects(format!(
                "the origin redirects ({}) to {shown}",
                status.as_u16()
            ))
        };
    }
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            return Seen::SignIn(format!(
                "the origin asks for sign-in or refuses visitors ({})",
                status.as_u16()
            ));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            return Seen::Unknown("the origin asks for fewer requests (429)".to_owned());
        }
        _ if status.is_client_error() || status.is_server_error() => {
            return Seen::Fails {
                detail: format!("the origin answers {}", status.as_u16()),
                may_pass: status.is_server_error(),
            };
        }
        _ => {}
    }
    if status != StatusCode::OK {
        return Seen::Unknown(format!("the origin answers {}", status.as_u16()));
    }
    if answer.is_cut {
        return Seen::Unknown("the page is larger than 2 MiB".to_owned());
    }
    let kind = text(header::CONTENT_TYPE).parse::<mime::Mime>().ok();
    let is_html = kind
        .as_ref()
        .is_none_or(|kind| matches!(kind.essence_str(), "text/html" | "application/xhtml+xml"));
    if !is_html {
        let kind: String = text(header::CONTENT_TYPE).chars().take(80).collect();
        return Seen::Unknown(format!("the page is no HTML but {kind}"));
    }
    let charset = kind
        .as_ref()
        .and_then(|kind| kind.get_param(mime::CHARSET))
        .and_then(|name| Encoding::for_label(name.as_str().as_bytes()))
        .or_else(|| declared(&answer.body))
        .unwrap_or(UTF_8);
    Seen::Html(charset.decode(&answer.body).0.into_owned())
}

/// Words that addresses of sign-in pages have as a part.
fn leads_to_sign_in(location: &str) -> bool {
    const WORDS: [&str; 7] = [
        "login", "log-in", "signin", "sign-in", "sign_in", "sso", "auth",
    ];
    let path = location.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '.', ':'])
        .any(|part| WORDS.contains(&part.to_ascii_lowercase().as_str()))
}

/// The encoding that the page's beginning declares, as browsers look for it (HTML standard, 13.2.3.2: within 1,024 bytes).
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let beginning = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let (_, after) = beginning.split_once("charset=")?;
    let name = after.trim_start_matches(['"', '\'', ' ']);
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)))?;
    Encoding::for_label(&name.as_bytes()[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::time::Duration;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &'static [u8]) -> EdgeAnswer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        EdgeAnswer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: map,
            body: Bytes::from_static(body),
            is_cut: false,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn answers_are_judged() {
        let html = [("content-type", "text/html")];
        let is_sign_in = |seen: Seen| matches!(seen, Seen::SignIn(_));
        let is_unknown = |seen: Seen| matches!(seen, Seen::Unknown(_));
        assert_eq!(
            judge(&answer(200, &html, b"<p>a")),
            Seen::Html("<p>a".to_owned())
        );
        assert!(matches!(
            judge(&answer(301, &[("location", "/b")], b"")),
            Seen::Redirects(_)
        ));
        assert!(matches!(
            judge(&answer(302, &[("location", "/authors")], b"")),
            Seen::Redirects(_)
        ));
        assert!(is_sign_in(judge(&answer(
            302,
            &[("location", "/login?next=/a")],
            b""
        ))));
        assert!(is_sign_in(judge(&answer(
            302,
            &[("location", "https://id.example/sso/x")],
            b""
        ))));
        assert!(is_sign_in(judge(&answer(401, &html, b""))));
        assert!(matches!(
            judge(&answer(404, &html, b"")),
            Seen::Fails {
                may_pass: false,
                ..
            }
        ));
        assert!(matches!(
            judge(&answer(503, &html, b"")),
            Seen::Fails { may_pass: true, .. }
        ));
        assert!(is_unknown(judge(&answer(429, &html, b""))));
        assert!(is_unknown(judge(&answer(
            403,
            &[("cf-mitigated", "challenge")],
            b""
        ))));
        assert!(is_unknown(judge(&answer(
            200,
            &[("content-type", "application/pdf")],
            b"%PDF"
        ))));
    }

    #[test]
    fn charsets_are_heard() {
        let cafe = Seen::Html("caf\u{e9}".to_owned());
        assert_eq!(
            judge(&answer(
                200,
                &[("content-type", "text/html; charset=iso-8859-1")],
                b"caf\xe9"
            )),
            cafe
        );
        let declared = judge(&answer(200, &[], b"<meta charset=\"windows-1252\">caf\xe9"));
        assert_eq!(declared.why_not(), None);
        assert!(matches!(declared, Seen::Html(text) if text.ends_with("caf\u{e9}")));
    }
}
