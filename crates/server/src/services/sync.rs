//! How far published content is at the edge, and how to hurry it.

use crate::{app::App, problem::Outcome};
use domain::ids::{SiteId, WorkspaceId};
use store::KvStatus;

/// How far the site's published content is at the edge.
pub(crate) async fn status(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<KvStatus> {
    Ok(app.store.kv_status(ws, site).await?)
}

/// Has the site's published content brought to the edge now; without this it happens by itself a little later.
pub(crate) async fn hurry(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
    app.store.want_sync(ws, site, app.clock.now()).await?;
    app.signals.wake_sync();
    Ok(())
}
