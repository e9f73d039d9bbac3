//! The steps at the edge: what each kind of visitor gets.

use super::{PUBLISHED_WITHIN, Story, report::Done, steps::VARIANT, until};
use crate::commands::demo::state::SHOP;
use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use std::net::SocketAddr;

/// Name, User-Agent and Accept of those who must get the page untouched.
const UNTOUCHED: [(&str, &str, &str); 4] = [
    (
        "Chrome",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    (
        "Googlebot",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("curl", "curl/8.14.1", "*/*"),
    (
        "a link preview",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "*/*",
    ),
];

const GPTBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";

/// Headers that say how an answer travelled, not what it is; the last one is Cloudflare's own, on every answer.
const TRAVEL: [header::HeaderName; 6] = [
    header::DATE,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::SERVER,
    header::HeaderName::from_static("cf-ray"),
];

pub(super) struct Visitors {
    client: reqwest::Client,
    edge: String,
    origin: String,
}

/// What a visitor got.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn is(&self, name: &str, expected: &str) -> anyhow::Result<()> {
        let found = self.header(name);
        ensure!(found == expected, "`{name}` is {found:?}, not {expected:?}");
        Ok(())
    }

    /// What the headers say, in a stable order.
    fn meaning(&self) -> Vec<(String, Vec<u8>)> {
        let mut meaning: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !TRAVEL.contains(name))
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        meaning.sort();
        meaning
    }
}

impl Visitors {
    #[expect(
        clippy::disallowed_methods,
        reason = "the check visits the local edge from outside"
    )]
    pub(super) fn new(edge: &str, origin: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder()
                .no_proxy()
                .no_gzip()
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            edge: edge.to_owned(),
            origin: format!("http://{origin}"),
        })
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    async fn send(
        &self,
        base: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&'static str>,
    ) -> anyhow::Result<Got> {
        let mut request = self
            .client
            .request(method, format!("{base}{path}"))
            .header(header::HOST, SHOP);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{base}{path} got no answer"))?;
        Ok(Got {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.bytes().await?,
        })
    }

    async fn get(&self, base: &str, path: &str, agent: &str, accept: &str) -> anyhow::Result<Got> {
        let headers = [("user-agent", agent), ("accept", accept)];
        self.send(base, Method::GET, path, &headers, None).await
    }

    async fn gptbot(&self, method: Method, more: &[(&str, &str)]) -> anyhow::Result<Got> {
        let headers = [&[("user-agent", GPTBOT), ("accept", "*/*")], more].concat();
        self.send(&self.edge, method, "/pricing", &headers, None)
            .await
    }

    /// Checks that this visitor gets the origin's answer, byte by byte and header by header.
    pub(super) async fn expect_origin(
        &self,
        name: &str,
        agent: &str,
        accept: &str,
        path: &str,
    ) -> anyhow::Result<()> {
        let edge = self.get(&self.edge, path, agent, accept).await?;
        let origin = self.get(&self.origin, path, agent, accept).await?;
        ensure!(
            edge.status == origin.status,
            "{name} {path}: status {} instead of {}",
            edge.status,
            origin.status
        );
        ensure!(
            edge.body == origin.body,
            "{name} {path}: the body differs from the origin's"
        );
        ensure!(
            edge.meaning() == origin.meaning(),
            "{name} {path}: the headers differ from the origin's: {:?} instead of {:?}",
            edge.headers,
            origin.headers
        );
        Ok(())
    }

    /// Checks that GPTBot gets the origin's page.
    pub(super) async fn expect_origin_for_gptbot(&self, path: &str) -> anyhow::Result<()> {
        self.expect_origin("GPTBot", GPTBOT, "*/*", path).await
    }
}

type Step = anyhow::Result<Done<()>>;

pub(super) async fn gptbot(story: &Story<'_>) -> Step {
    let visitors = &story.visitors;
    let got = until(PUBLISHED_WITHIN, "GPTBot getting the variant", async || {
        let got = visitors.gptbot(Method::GET, &[]).await?;
        Ok(got.headers.contains_key("x-edge-delivery").then_some(got))
    })
    .await?;
    ensure!(got.status == StatusCode::OK, "the status is {}", got.status);
    ensure!(
        got.body == VARIANT.as_bytes(),
        "the body is not the variant"
    );
    let said = got.header("x-edge-delivery");
    let revision = said
        .split("; ")
        .find_map(|part| part.strip_prefix("revision="))
        .unwrap_or_default();
    ensure!(
        said == format!("variant; revision={revision}; agent=gptbot")
            || said == format!("variant; revision={revision}; agent=GPTBot"),
        "`x-edge-delivery` is {said:?}"
    );
    got.is("content-type", "text/html; charset=utf-8")?;
    got.is("etag", &format!("\"{revision}\""))?;
    got.is("vary", "accept, user-agent")?;
    got.is("cache-control", "private, max-age=300")?;
    let link = got.header("link");
    ensure!(
        link.ends_with(&format!("{SHOP}/pricing>; rel=\"canonical\"")),
        "`link` is {link:?}"
    );
    ensure!(
        !got.headers.contains_key("set-cookie"),
        "the origin's cookie is on the variant"
    );
    visitors.expect_origin_for_gptbot("/about").await?;
    Ok(Done::new((), said))
}

pub(super) async fn conditional(story: &Story<'_>) -> Step {
    let visitors = &story.visitors;
    let whole = visitors.gptbot(Method::GET, &[]).await?;
    let etag = whole.header("etag");
    let head = visitors.gptbot(Method::HEAD, &[]).await?;
    ensure!(
        head.status == StatusCode::OK && head.body.is_empty(),
        "HEAD has a body"
    );
    head.is("etag", etag)?;
    head.is("content-type", whole.header("content-type"))?;
    let again = visitors
        .gptbot(Method::GET, &[("if-none-match", etag)])
        .await?;
    ensure!(
        again.status == StatusCode::NOT_MODIFIED && again.body.is_empty(),
        "If-None-Match with the revision is answered {}",
        again.status
    );
    again.is("etag", etag)?;
    let stale = visitors
        .gptbot(Method::GET, &[("if-none-match", "\"another\"")])
        .await?;
    ensure!(
        stale.status == StatusCode::OK,
        "another ETag is answered {}",
        stale.status
    );
    Ok(Done::new(
        (),
        "200 without a body; 304 for the revision, 200 for another",
    ))
}

pub(super) async fn untouched(story: &Story<'_>) -> Step {
    let visitors = &story.visitors;
    let mut names = Vec::new();
    for (name, agent, accept) in UNTOUCHED {
        for path in ["/pricing", "/", "/robots.txt", "/nothing-here?x=%2F"] {
            visitors.expect_origin(name, agent, accept, path).await?;
        }
        names.push(name);
    }
    Ok(Done::new(
        (),
        format!("{}: byte by byte, header by header", names.join(", ")),
    ))
}

pub(super) async fn post(story: &Story<'_>) -> Step {
    let visitors = &story.visitors;
    let headers = [("user-agent", GPTBOT), ("content-type", "text/plain")];
    let got = visitors
        .send(
            &visitors.edge,
            Method::POST,
            "/contact",
            &headers,
            Some("hello, workshop"),
        )
        .await?;
    ensure!(got.status == StatusCode::OK, "the status is {}", got.status);
    let words = String::from_utf8_lossy(&got.body).trim().to_owned();
    ensure!(
        words.contains("15 bytes"),
        "the origin did not get the whole body: {words}"
    );
    Ok(Done::new(
        (),
        format!("as GPTBot, with a body; the origin said: {words}"),
    ))
}
