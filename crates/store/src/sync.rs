//! The work of bringing content to the edge: wanted, leased, finished.
use crate::{Result, Site, Store};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
/// A site whose content this process brings to the edge now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncLease {
    pub site: Site,
    pub wanted_at: Millis,
    pub index_hash: Option<String>,
}
/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOutcome {
    /// From the lease.
    pub wanted_at: Millis,
    pub at: Millis,
    pub api_calls: u32,
    /// The index that the edge has now; `None` leaves it.
    pub index_hash: Option<String>,
    /// Not done: try again at this time.
    pub retry_at: Option<Millis>,
}
impl Store {
    pub async fn want_sync(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        at: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn lease_sync(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<SyncLease>> {
        todo!()
    }
    pub async fn renew_sync_lease(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        owner: &str,
        until: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn finish_sync(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        owner: &str,
        outcome: &SyncOutcome,
    ) -> Result<bool> {
        todo!()
    }
}
