//! Sites.
use crate::{Listed, Page, Result, Store};
use domain::{
    deployment::SiteStatus,
    ids::{AccountId, ConnectionId, SiteId, WorkspaceId, ZoneId},
    names::Hostname,
    observed::Recorded,
    time::Millis,
};
use serde::{Deserialize, Serialize};
/// What the owner can set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SiteSettings {
    pub kv_deadline_ms: u32,
}
impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            kv_deadline_ms: 300,
        }
    }
}
/// A site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub id: SiteId,
    pub workspace: WorkspaceId,
    pub connection: ConnectionId,
    pub account: AccountId,
    pub zone: ZoneId,
    pub zone_name: String,
    pub name: String,
    pub hostnames: Vec<Hostname>,
    pub settings: SiteSettings,
    pub sealed_key: Vec<u8>,
    pub status: SiteStatus,
    pub recorded: Recorded,
    pub observed_at: Option<Millis>,
    pub created_at: Millis,
    pub updated_at: Millis,
}
impl Store {
    pub async fn create_site(&self, site: &Site) -> Result<()> {
        todo!()
    }
    pub async fn site(&self, workspace: WorkspaceId, id: SiteId) -> Result<Option<Site>> {
        todo!()
    }
    pub async fn site_by_name(&self, workspace: WorkspaceId, name: &str) -> Result<Option<Site>> {
        todo!()
    }
    pub async fn list_sites(&self, workspace: WorkspaceId, page: &Page) -> Result<Listed<Site>> {
        todo!()
    }
    pub async fn update_site(&self, workspace: WorkspaceId, site: &Site) -> Result<bool> {
        todo!()
    }
    pub async fn set_site_status(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        status: SiteStatus,
        observed_at: Option<Millis>,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn set_recorded(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        recorded: &Recorded,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn delete_site(&self, workspace: WorkspaceId, id: SiteId) -> Result<bool> {
        todo!()
    }
    pub async fn all_sites_for_background(&self) -> Result<Vec<Site>> {
        todo!()
    }
}
