//! How far a site's content is at the edge: the part of its page that changes, and the page that asks the edge.

use super::{EdgePage, HostRow, SyncPart, head};
use crate::{
    app::App,
    console::{
        desk::{Desk, id, page},
        parts::{Mark, State, When, count, plural},
    },
    problem::{Outcome, Problem},
    services::{
        sites,
        sync::{self, SyncReport},
    },
};
use askama::Template;
use axum::{
    extract::Path,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{ids::SiteId, time::Millis};
use futures::future::join_all;
use std::{convert::Infallible, time::Duration};
use store::{Site, SyncPauseReason};

/// How often the stream looks without being told; another process may do the work.
const LOOK: Duration = Duration::from_secs(1);

/// A line of silence so often keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The part, when there is anything to say.
pub(crate) async fn part(app: &App, site: &Site, now: Millis) -> Outcome<Option<SyncPart>> {
    if !super::is_deployed(site) {
        return Ok(None);
    }
    let report = sync::report(app, site).await?;
    Ok(view(site, &report, now))
}

fn view(site: &Site, report: &SyncReport, now: Millis) -> Option<SyncPart> {
    let waiting = report.counts.pending + report.counts.failed;
    if waiting == 0 && report.run.is_none() {
        return None;
    }
    let part = SyncPart {
        site: site.id.to_string(),
        state: State::new("run", Mark::Turning, "On the way to the edge"),
        words: format!("{} to be brought.", plural(waiting, "change")),
        progress: None,
        asks: false,
        until: None,
    };
    if let Some(pause) = &report.pause {
        let writes = plural(pause.writes, "change");
        let days = plural(pause.days, "day");
        let when = pause.until.map(|at| When { at, now });
        let (word, words, asks) = match pause.reason {
            SyncPauseReason::QuotaAsk => (
                "Waits for you",
                format!(
                    "{writes} take more KV writes than a free Workers account has left today (1,000 a day, for everything in it). Spread over days, they take about {days}; what agents get meanwhile is what is there now."
                ),
                true,
            ),
            SyncPauseReason::QuotaSpread => (
                "Goes on tomorrow",
                format!(
                    "Today’s share of the account’s KV writes is used. {writes} wait, for about {days} more."
                ),
                false,
            ),
            SyncPauseReason::QuotaSpent => (
                "Goes on tomorrow",
                format!(
                    "Cloudflare says that the account’s KV writes of today are used up. {writes} wait."
                ),
                false,
            ),
        };
        return Some(SyncPart {
            state: State::new("warn", Mark::Half, word),
            words,
            asks,
            until: when.filter(|_| !asks),
            ..part
        });
    }
    if let Some(run) = &report.run {
        let left = match report.eta_s {
            None => String::new(),
            Some(0..=1) => ", a moment left".to_owned(),
            Some(seconds @ 2..=90) => format!(", about {seconds} s left"),
            Some(seconds) => format!(", about {} min left", seconds.div_ceil(60)),
        };
        return Some(SyncPart {
            words: format!("{} of {} changes{left}", count(run.done), count(run.total)),
            progress: Some((run.done, run.total)),
            ..part
        });
    }
    if report.counts.failed > 0 {
        return Some(SyncPart {
            state: State::new("warn", Mark::Triangle, "Refused by Cloudflare, tried again"),
            ..part
        });
    }
    Some(part)
}

/// A stream of HTML: each message is the whole part as it is then. The last message is named `finished`.
pub(in crate::console) async fn live(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let stream = async_stream::stream! {
        let mut changes = desk.app().signals.sync_changes();
        let mut last = String::new();
        loop {
            let Ok(site) = sites::get(desk.app(), desk.ws(), site.id).await else { break };
            let Ok(part) = part(desk.app(), &site, desk.app().clock.now()).await else { break };
            let is_over = part.as_ref().is_none_or(|part| part.progress.is_none() && part.until.is_some());
            let html = part.and_then(|part| part.render().ok()).unwrap_or_else(|| {
                "<p class=\"note ok\">All that is published was brought to KV.</p>".to_owned()
            });
            if html != last {
                yield Ok::<_, Infallible>(Event::default().data(html.replace('\r', "")));
            }
            last = html;
            if is_over {
                break;
            }
            // Told, or not told: either way it is time to look.
            let _ = tokio::time::timeout(LOOK, changes.recv()).await;
        }
        yield Ok(Event::default().event("finished").data("finished"));
    };
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

/// Spreads what waits over days, as the owner just agreed.
pub(in crate::console) async fn spread(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let patch = sites::SitePatch {
        over_quota: Some(store::OverQuota::Spread),
        ..sites::SitePatch::default()
    };
    agreed(&desk, &text, patch).await
}

/// The account is on a paid plan, as the owner just said.
pub(in crate::console) async fn paid(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let patch = sites::SitePatch {
        workers_plan: Some(store::WorkersPlan::Paid),
        ..sites::SitePatch::default()
    };
    agreed(&desk, &text, patch).await
}

async fn agreed(desk: &Desk, text: &str, patch: sites::SitePatch) -> Result<Response, Problem> {
    let id = id::<SiteId>(text, "site")?;
    let site = sites::update(desk.app(), desk.ws(), id, patch).await?;
    desk.record(crate::audit::Event::site(
        crate::audit::Kind::SiteChanged,
        &site,
    ))
    .await;
    Ok(crate::console::desk::done(
        &format!("/sites/{}", site.id),
        "saved",
    ))
}

/// Asks the edge which manifest it uses.
pub(in crate::console) async fn edge(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let asked = sync::ask_the_edge(desk.app(), desk.ws(), site.id).await?;
    let now = desk.now();
    let when = |at: Option<Millis>| at.map(|at| When { at, now });
    let state = match (asked.is_live(), asked.written) {
        (true, _) => State::new("ok", Mark::Tick, "Live at the edge"),
        (false, None) => State::new("idle", Mark::Ring, "Nothing was brought to the edge yet"),
        (false, _) => State::new("run", Mark::Turning, "Not everywhere yet"),
    };
    let rows = asked.hosts.iter().map(async |host| {
        let (state, words) = match &host.manifest {
            None => (
                State::new("warn", Mark::Triangle, "No answer"),
                "The site’s Worker did not answer there.".to_owned(),
            ),
            Some(manifest) => {
                let knows = format!(
                    "Knows {} and {}.",
                    plural(manifest.html, "HTML page"),
                    plural(manifest.markdown, "Markdown page"),
                );
                if asked.has(host) {
                    (State::new("ok", Mark::Tick, "Live"), knows)
                } else if manifest.revision.is_none() {
                    let words = "Has no index at the moment, and reads each page’s own key.";
                    (State::new("idle", Mark::Ring, "No index"), words.to_owned())
                } else {
                    (State::new("run", Mark::Turning, "An older one"), knows)
                }
            }
        };
        HostRow {
            host: host.host.clone(),
            state,
            manifest: when(host.manifest.and_then(|manifest| manifest.revision)),
            words,
        }
    });
    Ok(page(&EdgePage {
        shell: desk.shell(&site.id.to_string()),
        site: head(&desk, &site, "variants").await?,
        state,
        written: when(asked.written),
        pending: count(asked.pending),
        has_pending: asked.pending > 0,
        rows: join_all(rows).await,
    }))
}
