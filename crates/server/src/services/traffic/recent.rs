//! The newest visits one by one, from what Workers sent: who it was and which revision they got.

use super::{Filter, store_of};
use crate::{
    app::App,
    problem::Outcome,
    services::{agents, sites},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    visit::{Visit, VisitStore},
};

/// As many of the newest batches are looked through: with a filter that little fits, fewer visits are found than asked for.
const BATCHES: u64 = 20;

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
    if store_of(&sites::get(app, ws, site).await?) == VisitStore::AnalyticsEngine {
        return Ok(Vec::new());
    }
    let registry = agents::active(app, ws).await?;
    let wanted = filter.wanted(&registry);
    let mut visits: Vec<Visit> = app
        .store
        .newest_visit_batches(ws, site, BATCHES)
        .await?
        .into_iter()
        .flat_map(|batch| batch.visits)
        .filter(|visit| wanted.admits(&visit.agent, visit.outcome, visit.identity))
        .filter(|visit| {
            let path = wanted.path.as_deref();
            path.is_none_or(|path| visit.path.starts_with(path))
        })
        .collect();
    visits.sort_by_key(|visit| std::cmp::Reverse(visit.at));
    visits.truncate(limit);
    Ok(visits)
}
