//! The newest visits one by one, from what Workers sent: who it was and which revision they got.

use super::{Filter, store_of};
use crate::{
    app::App,
    problem::Outcome,
    services::{agents, sites},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    visit::{Visit, VisitStore},
};
use std::ops::Range;

/// As many of the newest batches are looked through: with a filter that little fits, fewer visits are found than asked for.
const BATCHES: u64 = 20;

/// The newest visits, and what is new since somebody looked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    /// The visits, newest first.
    pub(crate) visits: Vec<Visit>,
    /// The highest number of a batch; 0 when there is none.
    pub(crate) newest_batch: i64,
    /// The visits of batches after the one that was known, and within the span of the question.
    pub(crate) new_visits: u64,
    /// Whether there may be more of these than were looked through.
    pub(crate) has_more: bool,
}

/// The newest visits that count, newest first; none of a site that keeps them in Analytics Engine, and only those that are not too old to be kept one by one.
///
/// # Errors
///
/// `not_found` for an unknown site.
pub(crate) async fn recent(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    filter: &Filter,
    limit: usize,
) -> Outcome<Vec<Visit>> {
    let ever = Millis(i64::MIN)..Millis(i64::MAX);
    let found = recent_since(app, (ws, site), filter, limit, (i64::MAX, ever)).await?;
    Ok(found.visits)
}

/// The same, and how many of them came after the batch `known` and lie within `span`.
///
/// # Errors
///
/// `not_found` for an unknown site.
pub(crate) async fn recent_since(
    app: &App,
    (ws, site): (WorkspaceId, SiteId),
    filter: &Filter,
    limit: usize,
    (known, span): (i64, Range<Millis>),
) -> Outcome<Recent> {
    if store_of(&sites::get(app, ws, site).await?) == VisitStore::AnalyticsEngine {
        return Ok(Recent::default());
    }
    let registry = agents::active(app, ws).await?;
    let wanted = filter.wanted(&registry);
    let counts = |visit: &Visit| {
        let path = wanted.path.as_deref();
        wanted.admits(&visit.agent, visit.outcome, visit.identity)
            && path.is_none_or(|path| visit.path.starts_with(path))
    };
    let batches = app.store.newest_visit_batches(ws, site, BATCHES).await?;
    let mut found = Recent {
        has_more: batches.len() as u64 == BATCHES && batches.iter().all(|batch| batch.id > known),
        ..Recent::default()
    };
    for batch in batches {
        let visits: Vec<Visit> = batch.visits.into_iter().filter(counts).collect();
        if batch.id > known {
            let new = visits.iter().filter(|visit| span.contains(&visit.at));
            found.new_visits += new.count() as u64;
        }
        found.newest_batch = found.newest_batch.max(batch.id);
        found.visits.extend(visits);
    }
    found
        .visits
        .sort_by_key(|visit| std::cmp::Reverse(visit.at));
    found.visits.truncate(limit);
    Ok(found)
}
