//! Fetching twice and laying the answers side by side.

use super::{HeaderRow, Lane, VisitPage, compare};
use crate::{
    console::{
        address,
        connections::Named,
        desk::{Desk, id, page, refused, with_previews},
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
use store::Site;
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
    #[serde(alias = "agent")]
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
    let asked = match asked(&hosts, &query) {
        Ok(asked) => asked,
        Err(problem) => {
            let view = not_asked(&desk, &site, hosts, query, problem);
            return Ok(with_previews(refused(&view, view.problem.as_ref())));
        }
    };
    let Asked {
        host,
        path,
        first,
        second,
    } = asked;
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
        visitors: visitors(),
        first: first.id.to_owned(),
        second: second.id.to_owned(),
        finding,
        lanes: vec![lane(first, one, "first"), lane(second, two, "second")],
        difference,
        problem: None,
    };
    Ok(with_previews(page(&view)))
}

/// What is to be fetched, and as whom.
struct Asked {
    host: String,
    path: String,
    first: &'static Visitor,
    second: &'static Visitor,
}

/// Reads the query. What it does not say has a default; what it says wrongly is told, not put aside.
fn asked(hosts: &[String], query: &VisitQuery) -> Outcome<Asked> {
    let typed = address::read(hosts, &query.path)?;
    let host = match (typed.host, query.host.trim()) {
        (Some(host), _) => host,
        (None, "") => hosts.first().cloned().unwrap_or_default(),
        (None, host) => hosts
            .iter()
            .find(|known| known.eq_ignore_ascii_case(host))
            .cloned()
            .ok_or_else(|| {
                Problem::field("host", "is not one of the site's host names")
                    .remedy(format!("The site has: {}.", hosts.join(", ")))
            })?,
    };
    let path = if typed.path.starts_with('/') {
        typed.path
    } else {
        format!("/{}", typed.path)
    };
    let visitor = |field: &str, word: &str, otherwise: usize| match word.trim() {
        "" => Ok(&VISITORS[otherwise]),
        word => visit_as::visitor(word).ok_or_else(|| {
            let known: Vec<&str> = VISITORS.iter().map(|visitor| visitor.id).collect();
            Problem::field(field, "names nobody whose visits can be made here")
                .remedy(format!("Known are: {}.", known.join(", ")))
        }),
    };
    Ok(Asked {
        host,
        path,
        first: visitor("visitor", &query.visitor, 0)?,
        second: visitor("beside", &query.beside, 1)?,
    })
}

/// The page with what was asked, and why it was not fetched.
fn not_asked(
    desk: &Desk,
    site: &Site,
    hosts: Vec<String>,
    query: VisitQuery,
    problem: Problem,
) -> VisitPage {
    VisitPage {
        shell: desk.shell(&site.id.to_string()),
        site: Named {
            id: site.id.to_string(),
            name: site.name.clone(),
        },
        hosts,
        host: query.host,
        path: query.path,
        visitors: visitors(),
        first: query.visitor,
        second: query.beside,
        finding: None,
        lanes: Vec::new(),
        difference: Vec::new(),
        command: String::new(),
        problem: Some(ProblemPanel::new(problem)),
    }
}

fn visitors() -> Vec<Named> {
    VISITORS
        .iter()
        .map(|visitor| Named {
            id: visitor.id.to_owned(),
            name: visitor.label.to_owned(),
        })
        .collect()
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
