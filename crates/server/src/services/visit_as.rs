//! *Visit as*: fetch a page of a site the way a given visitor would, and show what came.

use crate::{
    app::App,
    edge_client::{EdgeAnswer, EdgeError},
    problem::{Code, Outcome, Problem},
};
use domain::{
    edge::{MARK_HEADER, PROBE_HEADER},
    names::Hostname,
};
use http::{HeaderMap, HeaderValue, Method, header};
use store::Site;

/// A browser's `Accept` for a page.
const BROWSER_ACCEPT: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

/// Somebody whose requests can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// The word in addresses.
    pub(crate) id: &'static str,
    /// The name for people.
    pub(crate) label: &'static str,
    /// Whether it is an AI agent, a search engine, a person or a tool, in a word.
    pub(crate) kind: &'static str,
    /// `User-Agent`.
    pub(crate) user_agent: &'static str,
    /// `Accept`.
    pub(crate) accept: &'static str,
}

/// The visitors that can be chosen; the first two are compared by default.
pub(crate) const VISITORS: &[Visitor] = &[
    Visitor {
        id: "gptbot",
        label: "GPTBot",
        kind: "AI agent",
        user_agent: "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        accept: "*/*",
    },
    Visitor {
        id: "chrome",
        label: "Chrome",
        kind: "person",
        user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        accept: BROWSER_ACCEPT,
    },
    Visitor {
        id: "claudebot",
        label: "ClaudeBot",
        kind: "AI agent",
        user_agent: "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        accept: "*/*",
    },
    Visitor {
        id: "perplexitybot",
        label: "PerplexityBot",
        kind: "AI agent",
        user_agent: "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
        accept: "*/*",
    },
    Visitor {
        id: "markdown-reader",
        label: "A tool that asks for Markdown",
        kind: "tool",
        user_agent: "curl/8.14.1",
        accept: "text/markdown, text/html;q=0.5",
    },
    Visitor {
        id: "googlebot",
        label: "Googlebot",
        kind: "search engine",
        user_agent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        accept: BROWSER_ACCEPT,
    },
    Visitor {
        id: "safari",
        label: "Safari on a phone",
        kind: "person",
        user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        accept: BROWSER_ACCEPT,
    },
    Visitor {
        id: "curl",
        label: "curl",
        kind: "tool",
        user_agent: "curl/8.14.1",
        accept: "*/*",
    },
];

/// The visitor of that id or name.
pub(crate) fn visitor(word: &str) -> Option<&'static Visitor> {
    VISITORS.iter().find(|visitor| {
        visitor.id.eq_ignore_ascii_case(word) || visitor.label.eq_ignore_ascii_case(word)
    })
}

/// What a visit brought.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// Who visited.
    pub(crate) visitor: Visitor,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers, in order; values that are no text are shown as far as they are.
    pub(crate) headers: Vec<(String, String)>,
    /// The body as text, bad bytes replaced.
    pub(crate) body: String,
    /// Bytes that were read.
    pub(crate) bytes: usize,
    /// Whether the body was longer than we read.
    pub(crate) is_cut: bool,
    /// Milliseconds from sending to the body's end.
    pub(crate) took_ms: u64,
}

impl Visit {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the edge served a variant.
    pub(crate) fn is_variant(&self) -> bool {
        self.header(MARK_HEADER)
            .is_some_and(|value| value.starts_with("variant"))
    }
}

/// Fetches `path` of the site as the first visitor does, and lets the Worker count it.
pub(crate) async fn visit_counted(app: &App, site: &Site, path: &str) -> Outcome<()> {
    let host = host_of(site, None)?;
    fetch(app, host, path, headers_of(&VISITORS[0])).await?;
    Ok(())
}

/// Fetches `path` of the site as `visitor`; the Worker does not count it. `host` must be one of the site's host names; the first is the default.
pub(crate) async fn visit(
    app: &App,
    site: &Site,
    host: Option<&str>,
    path: &str,
    visitor: &Visitor,
) -> Outcome<Visit> {
    let host = host_of(site, host)?;
    let mut headers = headers_of(visitor);
    headers.insert(PROBE_HEADER, HeaderValue::from_static("1"));
    let answer = fetch(app, host, path, headers).await?;
    Ok(Visit {
        visitor: *visitor,
        status: answer.status.as_u16(),
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        bytes: answer.body.len(),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
        is_cut: answer.is_cut,
        took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
    })
}

fn host_of<'a>(site: &'a Site, name: Option<&str>) -> Outcome<&'a Hostname> {
    match name {
        None => site.hostnames.first(),
        Some(name) => site.hostnames.iter().find(|host| host.as_str() == name),
    }
    .ok_or_else(|| Problem::field("host", "is not one of the site's host names"))
}

fn headers_of(visitor: &Visitor) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(visitor.user_agent),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static(visitor.accept));
    headers
}

async fn fetch(app: &App, host: &Hostname, path: &str, headers: HeaderMap) -> Outcome<EdgeAnswer> {
    if path.len() > 4096 {
        return Err(Problem::field("path", "is longer than 4,096 bytes"));
    }
    app.edge
        .send(Method::GET, host, path, headers)
        .await
        .map_err(|error| no_answer(&error))
}

fn no_answer(error: &EdgeError) -> Problem {
    match error {
        EdgeError::BadPath => Problem::field("path", "must begin with one / and stay on the site"),
        EdgeError::Unreachable { host, source } => {
            let mut why = source.to_string();
            let mut cause = std::error::Error::source(source);
            while let Some(inner) = cause {
                why = inner.to_string();
                cause = inner.source();
            }
            Problem::new(
                Code::SiteUnreachable,
                format!("{host} did not answer within 10 seconds, or not at all: {why}."),
            )
            .cause("The host name has no DNS record yet, or the site is down.")
            .cause("The name leads to a private address, which is never fetched.")
            .remedy("Open the page in a browser; when it opens there, try again here.")
        }
    }
}
