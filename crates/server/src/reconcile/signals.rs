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
    keeping: Arc<Notify>,
    making: Arc<Notify>,
    lists: Arc<Notify>,
    changed: broadcast::Sender<DeploymentId>,
    synced: broadcast::Sender<SiteId>,
}

impl Signals {
    /// New bells.
    pub(crate) fn new() -> Self {
        Self {
            deployments: Arc::new(Notify::new()),
            content: Arc::new(Notify::new()),
            watching: Arc::new(Notify::new()),
            counting: Arc::new(Notify::new()),
            keeping: Arc::new(Notify::new()),
            making: Arc::new(Notify::new()),
            lists: Arc::new(Notify::new()),
            changed: broadcast::channel(256).0,
            synced: broadcast::channel(256).0,
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

    /// Visits of a site are to be deleted.
    pub(crate) fn wake_keeping(&self) {
        self.keeping.notify_one();
    }

    /// Returns when something is to be deleted; a call that came before counts.
    pub(crate) async fn keeping_woken(&self) {
        self.keeping.notified().await;
    }

    /// Variants are to be made from live pages.
    pub(crate) fn wake_making(&self) {
        self.making.notify_one();
    }

    /// Returns when there are some to be made; a call that came before counts.
    pub(crate) async fn making_woken(&self) {
        self.making.notified().await;
    }

    /// Somebody wants the verification lists fetched.
    pub(crate) fn wake_lists(&self) {
        self.lists.notify_one();
    }

    /// Returns when somebody wants that; a call that came before counts.
    pub(crate) async fn lists_woken(&self) {
        self.lists.notified().await;
    }

    /// Something about a deployment was stored.
    pub(crate) fn deployment_changed(&self, id: DeploymentId) {
        // Without a listener there is nobody to tell.
        let _ = self.changed.send(id);
    }

    /// Something about a site's sync was stored.
    pub(crate) fn sync_changed(&self, id: SiteId) {
        // Without a listener there is nobody to tell.
        let _ = self.synced.send(id);
    }

    /// Hears of every such change from now on.
    pub(crate) fn sync_changes(&self) -> broadcast::Receiver<SiteId> {
        self.synced.subscribe()
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
