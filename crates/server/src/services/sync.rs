//! How far a site's published content is at the edge.

use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use domain::ids::{SiteId, WorkspaceId};
use store::KvStatus;

/// What is on its way, what is there, what was refused.
pub(crate) async fn status(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<KvStatus> {
    Ok(app.store.kv_status(ws, site).await?)
}

/// Asks for a run now, even if the last one failed a moment ago. Content gets to the edge by itself, too.
pub(crate) async fn hurry(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
    if !app.store.want_sync(ws, site, app.clock.now()).await? {
        return Err(Problem::not_found("site", &site.to_string()));
    }
    app.signals.wake_sync();
    Ok(())
}
