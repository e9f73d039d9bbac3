//! The newest visits one by one, from what Workers sent: who it was and which revision they got.

use super::Filter;
use crate::{
    app::App,
    problem::Outcome,
    services::{agents, sites},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    visit::Visit,
};

/// As many of the newest batches are looked through: with a filter that little fits, fewer visits are found than asked for.
const BATCHES: u64 = 20;

/// The newest visits that count, newest first; only those that are not too old to be kept one by one.
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
    sites::get(app, ws, site).await?;
    let registry = agents::active(app, ws).await?;
    let mut visits: Vec<Visit> = app
        .store
        .newest_visit_batches(ws, site, BATCHES)
        .await?
        .into_iter()
        .flat_map(|batch| batch.visits)
        .filter(|visit| filter.admits_visit(&registry, visit))
        .collect();
    visits.sort_by_key(|visit| std::cmp::Reverse(visit.at));
    visits.truncate(limit);
    Ok(visits)
}
