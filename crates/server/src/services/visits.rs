//! What is kept of visits, for how long, and the deletion of all of them.

use super::sites;
use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    traffic::{HOUR_MS, Level, Stretch},
    visit::SKEW_MAX_MS,
};
use store::{Site, VisitDeletion};

/// How many days a site may keep single visits.
pub(crate) const KEPT_DAYS_RANGE: std::ops::RangeInclusive<u16> = 1..=365;

/// How long counts are kept, in days: 25 months, so that two whole years can be compared. Whole blocks of 32 days go, so
/// the last ones stay a little longer.
const COUNTS_KEPT_DAYS: i64 = 761;

/// The same in words.
pub(crate) const COUNTS_KEPT: &str = "25 months";

/// Rows that are deleted in one transaction: others write meanwhile.
const AT_ONCE: u64 = 200;

/// What is kept of a site's visits.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// How many days single visits are kept.
    pub(crate) days: u16,
    /// Whether a visit keeps a shortened address.
    pub(crate) keeps_network: bool,
    /// When the oldest single visit was that is still there.
    pub(crate) oldest: Option<Millis>,
    /// A deletion that is not done yet.
    pub(crate) deletion: Option<VisitDeletion>,
}

/// What is kept of a site's visits.
pub(crate) async fn kept(app: &App, ws: WorkspaceId, site: &Site) -> Outcome<Kept> {
    Ok(Kept {
        days: site.settings.visits_kept_days,
        keeps_network: site.settings.keeps_network,
        oldest: app.store.oldest_visit(ws, site.id).await?,
        deletion: app.store.visit_deletion(ws, site.id).await?,
    })
}

/// Has every visit of a site deleted that came so far, single ones and counts. Nothing of them is shown from now on; what
/// comes meanwhile is kept.
///
/// # Errors
///
/// `not_found` for an unknown site.
pub(crate) async fn delete_all(app: &App, ws: WorkspaceId, id: SiteId) -> Outcome<Site> {
    let site = sites::get(app, ws, id).await?;
    if !app
        .store
        .begin_visit_deletion(ws, id, app.clock.now())
        .await?
    {
        return Err(Problem::not_found("site", &id.to_string()));
    }
    tracing::info!(site.id = %id, "all visits of a site are being deleted");
    app.signals.wake_keeping();
    Ok(site)
}

/// Does what is left of a deletion.
pub(crate) async fn finish_deletion(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
    loop {
        let step = app.store.visit_deletion_step(ws, site, AT_ONCE).await?;
        count_deleted("asked", step.batches);
        if step.is_over {
            // What came meanwhile waits to be counted.
            app.signals.wake_counting();
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// Deletes what is kept long enough: single visits after the site's days, counts after [`COUNTS_KEPT`].
pub(crate) async fn forget_old(app: &App) -> Outcome<()> {
    let now = app.clock.now();
    for site in app.store.all_sites_for_background().await? {
        forget_old_of(app, &site, now).await?;
    }
    Ok(())
}

async fn forget_old_of(app: &App, site: &Site, now: Millis) -> Outcome<()> {
    let days = i64::from(site.settings.visits_kept_days);
    // A Worker's clock may be ahead: a batch that could still be taken again must be known.
    let before = Millis(now.0 - days * 24 * HOUR_MS - SKEW_MAX_MS);
    loop {
        let deleted = app
            .store
            .delete_visits_before(site.workspace, site.id, before, AT_ONCE)
            .await?;
        count_deleted("age", deleted);
        if deleted < AT_ONCE {
            break;
        }
        tokio::task::yield_now().await;
    }
    let hour = now.0.div_euclid(HOUR_MS) - COUNTS_KEPT_DAYS * 24;
    let block = Stretch::holding(Level::Block, hour).start;
    while app
        .store
        .delete_counts_before(site.workspace, site.id, block, AT_ONCE)
        .await?
        > 0
    {
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn count_deleted(why: &'static str, batches: u64) {
    if batches > 0 {
        metrics::counter!("edge_delivery_visit_batches_deleted_total", "why" => why)
            .increment(batches);
    }
}
