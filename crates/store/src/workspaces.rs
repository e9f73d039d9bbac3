//! Workspaces.
use crate::{Result, Store};
use domain::{ids::WorkspaceId, time::Millis};
impl Store {
    pub async fn ensure_workspace(&self, now: Millis) -> Result<WorkspaceId> {
        todo!()
    }
}
