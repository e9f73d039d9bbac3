//! Which agents came to a site, who they were, what they got and what is missing.

mod chart;
mod course;
mod export;
mod file_name;
mod query;
mod recent;
mod rows;
mod test_visit;
mod unknown;

#[cfg(test)]
pub(crate) use self::recent::RecentRow;
#[cfg(test)]
pub(crate) use self::unknown::{UnknownPage, UnknownRow};
pub(crate) use self::{
    chart::Chart,
    query::Shown,
    recent::RecentPart,
    rows::{AgentRow, Fact, MissedRow, PageRow, Split, about, name_of, share},
};
pub(super) use self::{export::export, recent::live, test_visit::send, unknown::show as unknown};

use super::{
    desk::{Desk, id, page, refused},
    parts::{Mark, ProblemPanel},
    shell::Shell,
    sites::{SiteHead, head},
};
use crate::{
    ingest,
    problem::{Outcome, Problem},
    services::{
        agents, sites,
        traffic::{self, Question, Summary, Unlisted},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{agents::Registry, ids::SiteId, time::Millis, visit::VisitStore};
use store::Site;

/// Rows of a table.
const ROWS: usize = 50;

/// A site's traffic.
#[derive(Debug, Template)]
#[template(path = "pages/traffic.html")]
pub(crate) struct TrafficPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: SiteHead,
    /// What the address asks for.
    pub(crate) shown: Shown,
    /// The agents that can be asked for, as suggestions.
    pub(crate) tokens: Vec<String>,
    /// What came of it.
    pub(crate) answer: Answer,
    /// What to know of the counts.
    pub(crate) notes: Vec<String>,
    /// Names of the filter that are no agent's.
    pub(crate) unlisted: Vec<Unlisted>,
    /// The newest visits; none where Cloudflare keeps them, which tells no single ones.
    pub(crate) recent: Option<RecentPart>,
    /// Where people open the site.
    pub(crate) address: String,
}

/// What came of the question.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It cannot be answered.
    Problem(Box<ProblemPanel>),
    /// Nobody came.
    Nobody {
        /// Whether the Worker knows where to send visits.
        can_report: bool,
    },
    /// Somebody did.
    Some(Box<Figures>),
}

impl Answer {
    const fn is_problem(&self) -> bool {
        matches!(self, Self::Problem(_))
    }
}

/// The figures.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Which time, in words.
    pub(crate) span: String,
    /// The first lines.
    pub(crate) facts: Vec<Fact>,
    /// The chart and its table.
    pub(crate) chart: Chart,
    /// All visits by identity.
    pub(crate) identities: Split,
    /// The agents.
    pub(crate) agents: Vec<AgentRow>,
    /// How many there are in all.
    pub(crate) agents_all: usize,
    /// The missed pages.
    pub(crate) missed: Vec<MissedRow>,
    /// How many there are in all.
    pub(crate) missed_all: usize,
    /// The pages.
    pub(crate) pages: Vec<PageRow>,
    /// How many there are in all.
    pub(crate) pages_all: usize,
}

/// The page.
pub(crate) async fn show(
    desk: Desk,
    Path(text): Path<String>,
    Query(mut shown): Query<Shown>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    shown.place(&site.id.to_string(), desk.zone_name());
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let head = head(&desk, &site, "traffic").await?;
    // Before the figures: what comes in between is new rather than left out.
    let recent = match traffic::store_of(&site) {
        VisitStore::Console if shown.asked().question(desk.now()).is_ok() => {
            Some(recent::part(desk.app(), desk.ws(), &site, &shown).await?)
        }
        _ => None,
    };
    let (answer, notes, unlisted) = match answered(&desk, &site, &registry, &shown).await {
        Ok(answered) => answered,
        Err(problem) => (
            Answer::Problem(Box::new(ProblemPanel::new(problem))),
            Vec::new(),
            Vec::new(),
        ),
    };
    let is_problem = answer.is_problem();
    let view = TrafficPage {
        shell: desk.shell(&text),
        site: head,
        tokens: registry
            .agents()
            .iter()
            .map(|agent| agent.token.clone())
            .collect(),
        address: site
            .hostnames
            .first()
            .map_or_else(String::new, |host| desk.app().edge.origin_for_people(host)),
        shown,
        answer,
        notes,
        unlisted,
        recent: recent.filter(|_| !is_problem),
    };
    Ok(match &view.answer {
        Answer::Problem(panel) => refused(&view, Some(panel)),
        _ => page(&view),
    })
}

async fn answered(
    desk: &Desk,
    site: &Site,
    registry: &Registry,
    shown: &Shown,
) -> Outcome<(Answer, Vec<String>, Vec<Unlisted>)> {
    let question = shown.asked().question(desk.now())?;
    let unlisted = traffic::unlisted(registry, &question.filter);
    let summary = traffic::ask(desk.app(), desk.ws(), site.id, &question).await?;
    if summary.totals.visits == 0 && summary.dropped == 0 {
        let can_report = summary.estimate.is_some() || ingest::url(desk.app()).await?.is_some();
        return Ok((Answer::Nobody { can_report }, summary.notes(), unlisted));
    }
    let now = desk.now();
    let figures = figures(registry, shown, &question, &summary, now);
    Ok((Answer::Some(Box::new(figures)), summary.notes(), unlisted))
}

/// The figures of an answer.
pub(crate) fn figures(
    registry: &Registry,
    shown: &Shown,
    question: &Question,
    summary: &Summary,
    now: Millis,
) -> Figures {
    Figures {
        span: chart::span(summary, &question.zone),
        facts: rows::facts(summary),
        chart: Chart::of(registry, shown.by(), question, summary),
        identities: Split::of(&summary.totals),
        agents: summary
            .agents
            .iter()
            .take(ROWS)
            .map(|found| AgentRow::of(registry, shown, (found, &summary.series), now))
            .collect(),
        agents_all: summary.agents.len(),
        missed: traffic::missed_pages_first(summary)
            .take(ROWS)
            .map(|(found, is_page)| MissedRow::of(shown, found, is_page))
            .collect(),
        missed_all: summary.missed.len(),
        pages: summary
            .paths
            .iter()
            .take(ROWS)
            .map(|found| PageRow::of(shown, found))
            .collect(),
        pages_all: summary.paths.len(),
    }
}
