//! Sessions.
use crate::{Result, Store};
use domain::{ids::UserId, time::Millis};
impl Store {
    pub async fn save_session(
        &self,
        id: &str,
        user: Option<UserId>,
        data: &[u8],
        expires_at: Millis,
    ) -> Result<()> {
        todo!()
    }
    pub async fn create_session(
        &self,
        id: &str,
        user: Option<UserId>,
        data: &[u8],
        expires_at: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn load_session(&self, id: &str, now: Millis) -> Result<Option<Vec<u8>>> {
        todo!()
    }
    pub async fn delete_session(&self, id: &str) -> Result<()> {
        todo!()
    }
    pub async fn delete_sessions_of(&self, user: UserId) -> Result<u64> {
        todo!()
    }
    pub async fn delete_expired_sessions(&self, now: Millis) -> Result<u64> {
        todo!()
    }
}
