//! The newest visits, as they come.

use super::{Shown, rows};
use crate::{
    app::App,
    console::{
        desk::{Desk, encoded, id},
        parts::{Seen, When, count, plural},
    },
    problem::{Outcome, Problem},
    services::{
        agents, sites,
        traffic::{self, Recent},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{
    agents::Registry,
    identity::Identity,
    ids::{SiteId, WorkspaceId},
    time::Millis,
    visit::{Visit, VisitOutcome},
};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
use store::Site;

/// As many visits are shown.
const SHOWN: usize = 20;

/// How often the stream looks; the visits may have come to another process.
const LOOK: Duration = Duration::from_secs(2);

/// A line of silence so often keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The newest visits.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/traffic_recent.html")]
pub(crate) struct RecentPart {
    /// The visits, newest first.
    pub(crate) rows: Vec<RecentRow>,
    /// The last batch of visits that is in it: what comes later is new.
    pub(crate) newest_batch: i64,
}

/// What the stream sends: the part as it is then, and how many visits the figures above do not have yet.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/traffic_live.html")]
pub(crate) struct LivePart {
    /// The newest visits.
    pub(crate) part: RecentPart,
    /// What came since the page was made, in words.
    pub(crate) news: Option<String>,
    /// The address of the page.
    pub(crate) href: String,
}

/// A visit.
#[derive(Debug, Clone)]
pub(crate) struct RecentRow {
    /// When.
    pub(crate) at: Seen,
    /// The agent's name.
    pub(crate) agent: String,
    /// The page of this agent alone.
    pub(crate) agent_href: String,
    /// Who it was: look and word.
    pub(crate) identity: (&'static str, &'static str),
    /// The path.
    pub(crate) path: String,
    /// What it got.
    pub(crate) got: &'static str,
    /// The exact revision that it got: its short name and its page.
    pub(crate) revision: Option<(String, String)>,
    /// The answer's status, the country, network and shortened address that it came from, and how long we took.
    pub(crate) details: String,
}

/// The part as it stands in the page.
pub(super) async fn part(
    app: &App,
    ws: WorkspaceId,
    site: &Site,
    shown: &Shown,
) -> Outcome<RecentPart> {
    Ok(live_part(app, ws, site, shown, i64::MAX).await?.part)
}

/// The part of a page that knows the visits up to the batch `known`.
async fn live_part(
    app: &App,
    ws: WorkspaceId,
    site: &Site,
    shown: &Shown,
    known: i64,
) -> Outcome<LivePart> {
    let now = app.clock.now();
    let question = shown.asked().question(now)?;
    let registry = agents::active(app, ws).await?;
    // A Worker's clock may be ahead of ours, so now is no end.
    let end = if shown.to.trim().is_empty() {
        Millis(i64::MAX)
    } else {
        question.to
    };
    let since = (known, question.from..end);
    let found = traffic::recent_since(app, (ws, site.id), &question.filter, SHOWN, since).await?;
    Ok(LivePart {
        news: news(&found),
        href: shown.href(&[]),
        part: RecentPart {
            newest_batch: found.newest_batch,
            rows: found
                .visits
                .into_iter()
                .map(|visit| {
                    row(
                        &registry,
                        shown,
                        site.id,
                        visit,
                        (now, question.zone.clone()),
                    )
                })
                .collect(),
        },
    })
}

/// How many visits are new.
fn news(found: &Recent) -> Option<String> {
    match found.new_visits {
        0 => None,
        visits if found.has_more => Some(format!("More than {} new visits", count(visits - 1))),
        visits => Some(plural(visits, "new visit")),
    }
}

fn row(
    registry: &Registry,
    shown: &Shown,
    site: SiteId,
    visit: Visit,
    (now, zone): (Millis, TimeZone),
) -> RecentRow {
    let revision = visit.revision.zip(visit.format).map(|(revision, format)| {
        let href = format!(
            "/sites/{site}/variants/edit?format={}&path={}&revision={revision}",
            format.as_str(),
            encoded(&visit.path)
        );
        (format!("{} {}", format.as_str(), revision.short()), href)
    });
    let mut details = Vec::new();
    if visit.status > 0 {
        details.push(visit.status.to_string());
    }
    details.extend(visit.country.clone());
    details.extend(visit.asn.map(|asn| format!("AS{asn}")));
    details.extend(visit.network.clone());
    details.push(format!("{} ms", visit.spent_ms));
    RecentRow {
        at: Seen {
            when: When { at: visit.at, now },
            zone,
        },
        agent: rows::name_of(registry, &visit.agent),
        agent_href: shown.of_agent(&visit.agent),
        identity: match visit.identity {
            Identity::Verified => ("v", "verified"),
            Identity::Claimed => ("c", "claimed"),
            Identity::Contradicted => ("x", "contradicted"),
        },
        path: visit.path,
        got: match visit.outcome {
            VisitOutcome::Variant => "variant",
            VisitOutcome::NotModified => "had it already",
            VisitOutcome::Origin => "page that people get",
            VisitOutcome::Error => "that page, KV failed",
        },
        revision,
        details: details.join(", "),
    }
}

/// Since when something is new.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Since {
    /// The last batch of visits that the page has; without it nothing is new.
    #[serde(default = "last")]
    since: i64,
}

const fn last() -> i64 {
    i64::MAX
}

/// A stream of HTML: each message is the whole part as it is then. It goes on until the viewer leaves.
pub(in crate::console) async fn live(
    desk: Desk,
    Path(text): Path<String>,
    Query(mut shown): Query<Shown>,
    Query(Since { since }): Query<Since>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    shown.place(&site.id.to_string(), desk.zone_name());
    let stream = async_stream::stream! {
        let mut last = None;
        while let Ok(newest) = desk.app().store.newest_visit_batch(desk.ws(), site.id).await {
            if last != Some(newest) {
                last = Some(newest);
                let Ok(part) = live_part(desk.app(), desk.ws(), &site, &shown, since).await else { break };
                let Ok(html) = part.render() else { break };
                yield Ok::<_, Infallible>(Event::default().data(html.replace('\r', "")));
            }
            tokio::time::sleep(LOOK).await;
        }
        yield Ok(Event::default().event("finished").data("finished"));
    };
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}
