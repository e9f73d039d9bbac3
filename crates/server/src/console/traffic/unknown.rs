//! Bots that are in no list, by what they call themselves.

use crate::{
    console::{
        desk::{Desk, id, page},
        parts::{Local, Mark, Seen, When, count},
        shell::Shell,
        sites::{SiteHead, head},
    },
    problem::Problem,
    services::{
        sites,
        traffic::{self, UnknownBots},
    },
};
use askama::Template;
use axum::{extract::Path, response::Response};
use domain::{ids::SiteId, time::Millis};

/// How many days are looked at.
const DAYS: i64 = 7;

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/traffic_unknown.html")]
pub(crate) struct UnknownPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: SiteHead,
    /// From when on all were looked at.
    pub(crate) from: Local,
    /// Whether that is as far back as it should be.
    pub(crate) is_complete: bool,
    /// The bots, most visits first.
    pub(crate) rows: Vec<UnknownRow>,
    /// How many there are in all.
    pub(crate) all: String,
}

/// A bot.
#[derive(Debug, Clone)]
pub(crate) struct UnknownRow {
    /// Its user agent.
    pub(crate) user_agent: String,
    /// Visits.
    pub(crate) visits: String,
    /// Visits that got a variant.
    pub(crate) served: String,
    /// When it came first.
    pub(crate) first: Seen,
    /// When it came last.
    pub(crate) last: Seen,
}

/// Shows them.
pub(crate) async fn show(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let now = desk.now();
    let from = Millis(now.0 - DAYS * 24 * 3_600_000);
    let found = traffic::unknown_bots(desk.app(), desk.ws(), site.id, from).await?;
    let zone = desk.zone();
    let seen = |at| Seen {
        when: When { at, now },
        zone: zone.clone(),
    };
    Ok(page(&UnknownPage {
        shell: desk.shell(&text),
        site: head(&desk, &site, "traffic").await?,
        from: Local {
            at: found.from,
            zone: zone.clone(),
        },
        is_complete: found.is_complete,
        all: count(found.user_agents as u64),
        rows: rows(found, seen),
    }))
}

fn rows(found: UnknownBots, seen: impl Fn(Millis) -> Seen) -> Vec<UnknownRow> {
    let bots = found.bots.into_iter();
    bots.map(|bot| UnknownRow {
        user_agent: bot.user_agent,
        visits: count(bot.visits),
        served: count(bot.served),
        first: seen(bot.first_seen),
        last: seen(bot.last_seen),
    })
    .collect()
}
