//! Access keys.
use crate::{Result, Store};
use domain::{
    ids::{AccessKeyId, WorkspaceId},
    time::Millis,
};
/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    pub id: AccessKeyId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub hint: String,
    pub created_at: Millis,
    pub last_used_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
}
impl Store {
    pub async fn create_access_key(&self, key: &AccessKey, key_hash: &str) -> Result<()> {
        todo!()
    }
    pub async fn access_key_by_hash(&self, key_hash: &str) -> Result<Option<AccessKey>> {
        todo!()
    }
    pub async fn list_access_keys(&self, workspace: WorkspaceId) -> Result<Vec<AccessKey>> {
        todo!()
    }
    pub async fn revoke_access_key(
        &self,
        workspace: WorkspaceId,
        id: AccessKeyId,
        now: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn touch_access_key(&self, id: AccessKeyId, now: Millis) -> Result<()> {
        todo!()
    }
}
