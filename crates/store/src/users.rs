//! People.
use crate::{Result, Store};
use domain::{
    ids::{UserId, WorkspaceId},
    time::Millis,
};
/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub workspace: WorkspaceId,
    pub email: String,
    pub password_hash: String,
    pub created_at: Millis,
    pub sessions_valid_from: Millis,
}
impl Store {
    pub async fn count_users(&self) -> Result<u64> {
        todo!()
    }
    pub async fn create_user(&self, user: &User) -> Result<()> {
        todo!()
    }
    pub async fn create_first_user(&self, user: &User) -> Result<bool> {
        todo!()
    }
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        todo!()
    }
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        todo!()
    }
    pub async fn set_password_hash(&self, id: UserId, password_hash: &str) -> Result<bool> {
        todo!()
    }
    pub async fn set_sessions_valid_from(&self, id: UserId, from: Millis) -> Result<bool> {
        todo!()
    }
}
