//! Who came, what they got, what was missing: questions about a site's counted visits.
//!
//! Everything is answered from counts, never from single visits. Times of a question are cut to whole hours; its buckets
//! begin at midnight, or on Monday, in the asker's time zone.

mod asked;
mod buckets;
mod engine;
mod glance;
mod recent;
#[cfg(test)]
mod sample;
mod source;
mod summary;

use crate::{
    app::App,
    problem::{Outcome, Problem},
    services::{agents, sites},
};
use domain::{
    agents::{Purpose, Registry},
    identity::Identity,
    ids::{SiteId, WorkspaceId},
    time::Millis,
    traffic::{Cell, Cube, HOUR_MS, Level},
    visit::{Visit, VisitOutcome},
};
use jiff::tz::TimeZone;
use source::Source;

pub(crate) use asked::Asked;
pub(crate) use buckets::Bucket;
pub(crate) use engine::{Answers, Estimate};
pub(crate) use glance::{SiteGlance, glance};
pub(crate) use recent::recent;
#[cfg(test)]
pub(crate) use sample::sample;
pub(crate) use source::store_of;
pub(crate) use summary::{AgentCounts, Counts, PathCounts, Point, Summary, purpose_of};

/// The longest span of a question, in hours: two years.
const SPAN_MAX_HOURS: i64 = 2 * 366 * 24;

/// The most points of a series.
const POINTS_MAX: usize = 1_000;

/// The longest span whose hours are read one by one, when a series is asked about some paths.
const BY_HOURS_MAX: i64 = 35 * 24;

/// A question.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// From this time on.
    pub(crate) from: Millis,
    /// Until before this time.
    pub(crate) to: Millis,
    /// What one point of the series is.
    pub(crate) bucket: Bucket,
    /// Whose midnight counts.
    pub(crate) zone: TimeZone,
    /// Which visits count.
    pub(crate) filter: Filter,
}

/// Which visits count; what is empty leaves out none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The agents' tokens.
    pub(crate) agents: Vec<String>,
    /// The agents' purposes.
    pub(crate) purposes: Vec<Purpose>,
    /// The beginning of the path.
    pub(crate) path: Option<String>,
    /// The outcomes.
    pub(crate) outcomes: Vec<VisitOutcome>,
    /// The identities.
    pub(crate) identities: Vec<Identity>,
}

impl Filter {
    /// Whether visits by this agent, with this outcome and identity, count.
    fn admits(
        &self,
        registry: &Registry,
        agent: &str,
        outcome: VisitOutcome,
        identity: Identity,
    ) -> bool {
        let purpose = purpose_of(registry, agent);
        (self.agents.is_empty()
            || self
                .agents
                .iter()
                .any(|token| token.eq_ignore_ascii_case(agent)))
            && (self.purposes.is_empty()
                || purpose.is_some_and(|purpose| self.purposes.contains(&purpose)))
            && (self.outcomes.is_empty() || self.outcomes.contains(&outcome))
            && (self.identities.is_empty() || self.identities.contains(&identity))
    }

    fn admits_visit(&self, registry: &Registry, visit: &Visit) -> bool {
        self.admits(registry, &visit.agent, visit.outcome, visit.identity)
            && self
                .path
                .as_deref()
                .is_none_or(|path| visit.path.starts_with(path))
    }

    fn admits_cell(&self, registry: &Registry, cell: &Cell<'_>) -> bool {
        self.admits(registry, cell.agent, cell.outcome, cell.identity)
            && self
                .path
                .as_deref()
                .is_none_or(|path| cell.path.starts_with(path))
    }
}

/// Answers a question about one site.
///
/// # Errors
///
/// `not_found` for an unknown site, `validation_failed` for a span that cannot be answered.
pub(crate) async fn ask(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    question: &Question,
) -> Outcome<Summary> {
    let found = sites::get(app, ws, site).await?;
    let registry = agents::active(app, ws).await?;
    let registry = &*registry;
    let (from, to) = hours(question)?;
    let buckets = buckets::between(from, to, question.bucket, &question.zone)?;
    if buckets.len() > POINTS_MAX {
        return Err(Problem::field(
            "bucket",
            format!("is too small for this span: more than {POINTS_MAX} points would come out"),
        ));
    }
    let path = question.filter.path.as_deref();
    let source = Source::of(app, found, path, (from, to)).await?;
    let mut summary = Summary::new(from, to, buckets);
    let admits = |cell: &Cell<'_>| question.filter.admits_cell(registry, cell);
    let cubes: Vec<Cube> = source
        .traffic(app, from, to, Level::Block)
        .await?
        .into_iter()
        .map(|counted| counted.cube)
        .collect();
    for cell in cubes.iter().flat_map(Cube::cells).filter(&admits) {
        summary.add(&cell);
    }
    if question.filter.path.is_some() {
        hours_of_paths(app, &source, registry, question, &mut summary).await?;
    } else {
        hours_of_all(app, &source, registry, question, &mut summary).await?;
    }
    summary.estimate = source.estimate();
    let paths = summary.paths_to_look_up();
    summary.finish(
        registry,
        &app.store.published_among(ws, site, &paths).await?,
    );
    summary.find_who_missed(&cubes, admits);
    Ok(summary)
}

/// The whole hours of the question.
fn hours(question: &Question) -> Outcome<(i64, i64)> {
    let from = question.from.0.div_euclid(HOUR_MS);
    let to = (question.to.0 + HOUR_MS - 1).div_euclid(HOUR_MS);
    if question.from.0 < 0 || from >= to {
        return Err(Problem::field(
            "to",
            "must lie after `from`, and both after 1970",
        ));
    }
    if to - from > SPAN_MAX_HOURS {
        return Err(Problem::field(
            "from",
            "lies more than two years before `to`",
        ));
    }
    Ok((from, to))
}

/// This span and the one before from the counts without paths, hour by hour.
async fn hours_of_all(
    app: &App,
    source: &Source,
    registry: &Registry,
    question: &Question,
    summary: &mut Summary,
) -> Outcome<()> {
    let (from, to) = (summary.previous_hour(), summary.to_hour);
    let days = source
        .days(app, from.div_euclid(24), (to + 23).div_euclid(24))
        .await?;
    for (day, counts) in days {
        for row in counts.rows() {
            if !question
                .filter
                .admits(registry, &row.agent, row.outcome, row.identity)
            {
                continue;
            }
            for (hour, visits) in (day * 24..).zip(row.hours) {
                let got = (row.outcome, row.identity);
                summary.add_at(hour, &row.agent, got, visits.into());
            }
        }
        for (hour, dropped) in (day * 24..).zip(counts.dropped()) {
            summary.add_dropped(hour, (*dropped).into());
        }
    }
    Ok(())
}

/// The same of some paths: from the hours one by one, or for long spans from UTC days.
async fn hours_of_paths(
    app: &App,
    source: &Source,
    registry: &Registry,
    question: &Question,
    summary: &mut Summary,
) -> Outcome<()> {
    let (from, to) = (summary.from_hour, summary.to_hour);
    let level = if to - from <= BY_HOURS_MAX {
        Level::Hour
    } else {
        Level::Day
    };
    // Apart, so that no piece lies in both.
    for (from, to) in [(summary.previous_hour(), from), (from, to)] {
        for counted in source.traffic(app, from, to, level).await? {
            for cell in counted
                .cube
                .cells()
                .filter(|cell| question.filter.admits_cell(registry, cell))
            {
                let got = (cell.outcome, cell.identity);
                summary.add_at(counted.stretch.start, cell.agent, got, cell.sum.visits);
            }
        }
    }
    Ok(())
}
