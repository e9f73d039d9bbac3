//! Whether AI agents get as far as the Worker: firewall and bot rules run before it, and a blocked agent gets nothing from
//! us (Cloudflare API notes §7 and §8). The home page is fetched as a browser and as agents; only statuses are compared.

use super::warning;
use crate::{
    app::App,
    services::visit_as::{VISITORS, Visitor},
};
use domain::{edge::PROBE_HEADER, names::Hostname, plan::Warning};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use store::Site;

/// As many host names are fetched.
const HOSTS_MAX: usize = 3;

/// Fetches the home page of the first host names.
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

async fn look_at(app: &App, host: &Hostname) -> Option<Warning> {
    let browser = VISITORS.iter().find(|visitor| visitor.id == "chrome")?;
    let person = status(app, host, browser).await?;
    let agents: Vec<&Visitor> = VISITORS
        .iter()
        .filter(|visitor| visitor.kind == "AI agent")
        .collect();
    let asked = agents.iter().map(|agent| status(app, host, agent));
    let statuses = futures::future::join_all(asked).await;
    let blocked: Vec<(&str, u16)> = agents
        .iter()
        .zip(statuses)
        .filter_map(|(agent, status)| Some((agent.label, status?)))
        .filter(|(_, status)| is_block(person, *status))
        .collect();
    blocked_warning(host.as_str(), person, &blocked)
}

/// Refused, while a person is not.
const fn is_block(person: u16, agent: u16) -> bool {
    person < 400 && matches!(agent, 401 | 402 | 403 | 429 | 503)
}

fn blocked_warning(host: &str, person: u16, blocked: &[(&str, u16)]) -> Option<Warning> {
    let names: Vec<String> = blocked
        .iter()
        .map(|(name, status)| format!("{name} {status}"))
        .collect();
    (!names.is_empty()).then(|| {
        warning(
            "agents_blocked",
            format!("At {host} a browser gets {person}, but {}: something before the Worker, or the origin itself, turns these agents away, and they would never see a variant. At Cloudflare look at AI Crawl Control, Security → Bots (Block AI bots) and the WAF's custom rules.", names.join(", ")),
        )
    })
}

async fn status(app: &App, host: &Hostname, visitor: &Visitor) -> Option<u16> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::USER_AGENT, visitor.user_agent),
        (header::ACCEPT, visitor.accept),
        (HeaderName::from_static(PROBE_HEADER), "1"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let answer = app.edge.send(Method::GET, host, "/", headers).await.ok()?;
    Some(answer.status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_told_from_an_outage() {
        for (person, agent, blocked) in [
            (200, 403, true),
            (200, 402, true),
            (301, 429, true),
            (200, 200, false),
            (200, 301, false),
            (200, 404, false),
            (403, 403, false),
            (503, 503, false),
            (200, 500, false),
        ] {
            assert_eq!(is_block(person, agent), blocked, "{person} {agent}");
        }
        assert!(blocked_warning("shop.example", 200, &[]).is_none());
        let warning = blocked_warning("shop.example", 200, &[("GPTBot", 403)]).expect("one");
        assert!(warning.detail.contains("GPTBot 403"), "{}", warning.detail);
    }
}
