//! What the edge has acknowledged.
use crate::{Result, Store};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
/// A published revision that the edge has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvWrite {
    pub format: Format,
    pub path: String,
    pub revision: Revision,
}
/// What is to be written and deleted at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KvDiff {
    pub writes: Vec<KvWrite>,
    /// Keys.
    pub deletes: Vec<String>,
}
/// A write that Cloudflare acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    pub key: String,
    pub format: Format,
    pub path: String,
    pub revision: Revision,
    pub written_at: Millis,
}
/// How far the content is at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KvStatus {
    pub pending: u64,
    pub live: u64,
    pub failed: u64,
    pub last_synced_at: Option<Millis>,
    pub api_calls: u64,
}
impl Store {
    pub async fn pending_kv(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u32,
    ) -> Result<KvDiff> {
        todo!()
    }
    pub async fn kv_status(&self, workspace: WorkspaceId, site: SiteId) -> Result<KvStatus> {
        todo!()
    }
    pub async fn acknowledge_kv(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        entries: &[LedgerEntry],
    ) -> Result<()> {
        todo!()
    }
    pub async fn forget_kv(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        keys: &[String],
    ) -> Result<()> {
        todo!()
    }
    pub async fn clear_kv_ledger(&self, workspace: WorkspaceId, site: SiteId) -> Result<()> {
        todo!()
    }
    /// By format and path, since what was never written has no key here.
    pub async fn mark_kv_failed(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        failed: &[(Format, String)],
    ) -> Result<()> {
        todo!()
    }
    pub async fn ledger_entries(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Vec<LedgerEntry>> {
        todo!()
    }
}
