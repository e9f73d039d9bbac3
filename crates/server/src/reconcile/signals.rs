//! Who wakes whom inside one process. Other processes are found by the timers.

use domain::ids::{DeploymentId, SiteId};
use std::sync::Arc;
use tokio::sync::{Notify, broadcast};

/// The process's bells. Cheap to clone; ringing one that nobody hears is no error.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    deployments: Arc<Notify>,
    content: Arc<Notify>,
    watching: Arc<Notify>,
    counting: Arc<Notify>,
    visits: broadcast::Sender<SiteId>,
    changed: broadcast::Sender<DeploymentId>,
}

impl Signals {
    /// New bells.
    pub(crate) fn new() -> Self {
        Self {
            deployments: Arc::new(Notify::new()),
            content: Arc::new(Notify::new()),
            watching: Arc::new(Notify::new()),
            counting: Arc::new(Notify::new()),
            visits: broadcast::channel(256).0,
            changed: broadcast::channel(256).0,
        }
    }

    /// A deployment waits for the driver.
    pub(crate) fn wake_driver(&self) {
        self.deployments.notify_one();
    }

    /// Returns when a deployment waits; one that came before the call counts.
    pub(crate) async fn driver_woken(&self) {
        self.deployments.notified().await;
    }

    /// Published content waits to be brought to the edge.
    pub(crate) fn wake_sync(&self) {
        self.content.notify_one();
    }

    /// Returns when content waits; a call that came before counts.
    pub(crate) async fn sync_woken(&self) {
        self.content.notified().await;
    }

    /// Something about a connection or the webhook was stored that is perhaps to be told.
    pub(crate) fn wake_watching(&self) {
        self.watching.notify_one();
    }

    /// Returns when there is perhaps something to tell; a call that came before counts.
    pub(crate) async fn watching_woken(&self) {
        self.watching.notified().await;
    }

    /// Visits wait to be counted.
    pub(crate) fn wake_counting(&self) {
        self.counting.notify_one();
    }

    /// Returns when visits wait to be counted; a call that came before counts.
    pub(crate) async fn counting_woken(&self) {
        self.counting.notified().await;
    }

    /// Visits of a site came.
    pub(crate) fn visits_came(&self, site: SiteId) {
        // Without a listener there is nobody to tell.
        let _ = self.visits.send(site);
    }

    /// Hears of the sites whose visits come from now on.
    pub(crate) fn visit_news(&self) -> broadcast::Receiver<SiteId> {
        self.visits.subscribe()
    }

    /// Something about a deployment was stored.
    pub(crate) fn deployment_changed(&self, id: DeploymentId) {
        // Without a listener there is nobody to tell.
        let _ = self.changed.send(id);
    }

    /// Hears of every change from now on.
    pub(crate) fn deployment_changes(&self) -> broadcast::Receiver<DeploymentId> {
        self.changed.subscribe()
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}
