//! Who came, what they got, what was missing: questions about a site's counted visits.
//!
//! Everything is answered from counts, never from single visits. Times of a question are cut to whole hours; its buckets
//! begin at midnight, or on Monday, in the asker's time zone.

mod asked;
mod buckets;
mod engine;
mod glance;
mod missed;
mod recent;
#[cfg(test)]
mod sample;
mod summary;
mod unknown;
mod unlisted;

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
    traffic::{Course, Extent, HOUR_MS, Level, Wanted},
    visit::{VisitOutcome, VisitStore},
};
use futures::future::try_join;
use jiff::tz::TimeZone;
use std::sync::Arc;

pub(crate) use asked::Asked;
pub(crate) use buckets::{Bucket, day_of};
pub(crate) use engine::{Answers, Estimate, store_of};
pub(crate) use glance::{SiteGlance, glance};
pub(crate) use missed::missed_pages_first;
pub(crate) use recent::{Recent, recent, recent_since};
#[cfg(test)]
pub(crate) use sample::sample;
pub(crate) use summary::{AgentCounts, Counts, PathCounts, Point, Summary, purpose_of};
pub(crate) use unknown::{UnknownBots, read_again, unknown_bots};
pub(crate) use unlisted::{Unlisted, unlisted};

/// The longest span of a question, in hours: two years.
const SPAN_MAX_HOURS: i64 = 2 * 366 * 24;

/// The most points of a series.
const POINTS_MAX: usize = 1_000;

/// The longest span of which a series about some paths is made of hours.
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
    /// Whether every visit counts.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same for what is counted.
    fn wanted(&self, registry: &Arc<Registry>) -> Wanted {
        let (agents, purposes) = (self.agents.clone(), self.purposes.clone());
        let registry = Arc::clone(registry);
        let admits = move |agent: &str| {
            let is_named = |token: &String| token.eq_ignore_ascii_case(agent);
            let comes_for = |purpose: Purpose| purposes.contains(&purpose);
            (agents.is_empty() || agents.iter().any(is_named))
                && (purposes.is_empty() || purpose_of(&registry, agent).is_some_and(comes_for))
        };
        let is_every_agent = self.agents.is_empty() && self.purposes.is_empty();
        Wanted {
            agents: (!is_every_agent).then(|| Arc::new(admits) as _),
            path: self.path.clone(),
            outcomes: self.outcomes.clone(),
            identities: self.identities.clone(),
        }
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
    let (from, to) = hours(question)?;
    let buckets = buckets::between(from, to, question.bucket, &question.zone)?;
    if buckets.len() > POINTS_MAX {
        return Err(Problem::field(
            "bucket",
            format!("is too small for this span: more than {POINTS_MAX} points would come out"),
        ));
    }
    let mut summary = Summary::new(from, to, buckets);
    let wanted = question.filter.wanted(&registry);
    match store_of(&found) {
        VisitStore::Console => counted_here(app, (ws, site), wanted, &mut summary).await?,
        VisitStore::AnalyticsEngine => engine::count(app, found, &wanted, &mut summary).await?,
    }
    let paths = summary.paths_to_look_up();
    let published = app.store.published_among(ws, site, &paths).await?;
    summary.finish(&registry, paths, &published);
    Ok(summary)
}

/// Counts what our own database has.
async fn counted_here(
    app: &App,
    of: (WorkspaceId, SiteId),
    wanted: Wanted,
    summary: &mut Summary,
) -> Outcome<()> {
    if wanted.path.is_some() {
        return counted_by_path(app, of, wanted, summary).await;
    }
    let span = (summary.from_hour, summary.to_hour);
    let extent = Extent {
        with_paths: true,
        series_by: None,
    };
    let days = (
        summary.previous_hour().div_euclid(24),
        (span.1 + 23).div_euclid(24),
    );
    // This span and the one before, from the counts without paths.
    let course = Course::new(wanted.clone(), summary.starts_with_previous(), span.1);
    let (counted, course) = try_join(
        app.store.traffic_counts(of.0, of.1, span, wanted, extent),
        app.store.traffic_course(of.0, of.1, days, course),
    )
    .await?;
    summary.add_counted(&counted);
    summary.add_course(&course);
    Ok(())
}

/// Counts some paths, of which the counts without paths know nothing.
async fn counted_by_path(
    app: &App,
    (ws, site): (WorkspaceId, SiteId),
    wanted: Wanted,
    summary: &mut Summary,
) -> Outcome<()> {
    let (from, to) = (summary.from_hour, summary.to_hour);
    let extent = |with_paths| Extent {
        with_paths,
        series_by: Some(finest(from, to)),
    };
    let before = (summary.previous_hour(), from);
    let (counted, earlier) = try_join(
        app.store
            .traffic_counts(ws, site, (from, to), wanted.clone(), extent(true)),
        app.store
            .traffic_counts(ws, site, before, wanted, extent(false)),
    )
    .await?;
    summary.add_counted(&counted);
    for (hour, agent, outcome, identity, visits) in earlier.series().chain(counted.series()) {
        summary.add_at(hour, agent, (outcome, identity), visits);
    }
    Ok(())
}

/// What the series of some paths is made of: hours, or for long spans UTC days.
const fn finest(from: i64, to: i64) -> Level {
    if to - from <= BY_HOURS_MAX {
        Level::Hour
    } else {
        Level::Day
    }
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
