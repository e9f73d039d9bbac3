//! Fetching twice and laying the answers side by side.

use super::{HeaderRow, Lane, VisitPage, compare};
use crate::{
    console::{
        connections::Named,
        desk::{Desk, id, page, with_previews},
        parts::{Mark, ProblemPanel, State, count},
        sites::hostnames,
    },
    problem::{Outcome, Problem},
    services::{
        sites,
        visit_as::{self, VISITORS, Visit, Visitor},
    },
};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::ids::SiteId;
use serde::Deserialize;
use url::Url;

/// As much of a body is shown, in bytes.
const SHOWN: usize = 512 * 1024;

/// What the Worker sets on a variant.
const OURS: [&str; 6] = [
    "x-edge-delivery",
    "etag",
    "vary",
    "cache-control",
    "link",
    "content-type",
];

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct VisitQuery {
    host: String,
    path: String,
    visitor: String,
    beside: String,
}

/// The page. It fetches at once: with nothing said, the home page as the first agent beside a browser.
pub(in crate::console) async fn show(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<VisitQuery>,
) -> Result<Response, Problem> {
    let (app, ws) = (desk.app(), desk.ws());
    let site = sites::get(app, ws, id::<SiteId>(&text, "site")?).await?;
    let hosts = hostnames(&site);
    let host = if hosts.contains(&query.host) {
        query.host
    } else {
        hosts.first().cloned().unwrap_or_default()
    };
    let path = match query.path.trim() {
        "" => "/".to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    let first = visit_as::visitor(&query.visitor).unwrap_or(&VISITORS[0]);
    let second = visit_as::visitor(&query.beside).unwrap_or(&VISITORS[1]);
    let (one, two) = tokio::join!(
        visit_as::visit(app, &site, Some(&host), &path, first),
        visit_as::visit(app, &site, Some(&host), &path, second)
    );
    let finding = match (&one, &two) {
        (Ok(one), Ok(two)) => Some(compare::finding(one, two)),
        _ => None,
    };
    let difference = match (&one, &two) {
        (Ok(one), Ok(two)) => compare::difference(one, two),
        _ => Vec::new(),
    };
    let view = VisitPage {
        shell: desk.shell(&text),
        site: Named {
            id: site.id.to_string(),
            name: site.name.clone(),
        },
        command: command(app.config.edge_url.as_ref(), &host, &path, first),
        hosts,
        host,
        path,
        visitors: VISITORS
            .iter()
            .map(|visitor| Named {
                id: visitor.id.to_owned(),
                name: visitor.label.to_owned(),
            })
            .collect(),
        first: first.id.to_owned(),
        second: second.id.to_owned(),
        finding,
        lanes: vec![lane(first, one, "first"), lane(second, two, "second")],
        difference,
        problem: None,
    };
    Ok(with_previews(page(&view)))
}

/// The same visit for a POSIX shell.
fn command(edge: Option<&Url>, host: &str, path: &str, visitor: &Visitor) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let headers = format!(
        "-A {} -H {}",
        quoted(visitor.user_agent),
        quoted(&format!("Accept: {}", visitor.accept))
    );
    match edge {
        None => format!(
            "curl -i {headers} {}",
            quoted(&format!("https://{host}{path}"))
        ),
        Some(edge) => format!(
            "curl -i {headers} -H {} {}",
            quoted(&format!("Host: {host}")),
            quoted(&format!("{}{path}", edge.as_str().trim_end_matches('/')))
        ),
    }
}

fn lane(visitor: &Visitor, visit: Outcome<Visit>, key: &str) -> Lane {
    let mut lane = Lane {
        name: visitor.label.to_owned(),
        kind: visitor.kind.to_owned(),
        is_agent: visitor.kind == "AI agent",
        state: State::new("bad", Mark::Cross, "No answer"),
        status: String::new(),
        bytes: String::new(),
        took: String::new(),
        is_html: false,
        body: String::new(),
        is_cut: false,
        headers: Vec::new(),
        problem: None,
    };
    let visit = match visit {
        Ok(visit) => visit,
        Err(problem) => {
            let mut panel = ProblemPanel::new(problem);
            key.clone_into(&mut panel.key);
            lane.problem = Some(panel);
            return lane;
        }
    };
    let is_variant = visit.is_variant();
    lane.state = if is_variant {
        State::new("run", Mark::Tick, "The variant")
    } else if visit.status < 400 {
        State::new("ok", Mark::Tick, "The page")
    } else {
        State::new("warn", Mark::Triangle, "The site’s answer")
    };
    lane.status = visit.status.to_string();
    lane.bytes = count(visit.bytes as u64);
    lane.took = format!("{} ms", count(visit.took_ms));
    lane.is_html = visit
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"));
    lane.is_cut = visit.is_cut || visit.body.len() > SHOWN;
    lane.headers = visit
        .headers
        .iter()
        .map(|(name, value)| HeaderRow {
            is_ours: is_variant && OURS.contains(&name.as_str()),
            value: shown_value(name, value),
            name: name.clone(),
        })
        .collect();
    lane.body = cut(visit.body, SHOWN);
    lane
}

/// Cookies are named, their values are not shown: they may be somebody's session.
fn shown_value(name: &str, value: &str) -> String {
    if name == "set-cookie" {
        let cookie = value.split('=').next().unwrap_or_default();
        return format!("{cookie}, its value is not shown");
    }
    value.to_owned()
}

/// The first `most` bytes, cut where a character ends.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_safe_to_paste() {
        let text = command(None, "shop.example", "/a'; rm -rf x", &VISITORS[1]);
        assert!(
            text.ends_with(r"'https://shop.example/a'\''; rm -rf x'"),
            "{text}"
        );
        let edge = "http://127.0.0.1:8787/".parse().expect("an address");
        let text = command(Some(&edge), "shop.localhost", "/", &VISITORS[0]);
        assert!(
            text.ends_with("-H 'Host: shop.localhost' 'http://127.0.0.1:8787/'"),
            "{text}"
        );
    }

    #[test]
    fn cookies_are_named_alone() {
        assert_eq!(
            shown_value("set-cookie", "sid=abc; Path=/"),
            "sid, its value is not shown"
        );
        assert_eq!(shown_value("vary", "accept"), "accept");
    }

    #[test]
    fn bodies_are_cut_at_characters() {
        assert_eq!(cut("aé".to_owned(), 2), "a");
        assert_eq!(cut("abc".to_owned(), 5), "abc");
    }
}
