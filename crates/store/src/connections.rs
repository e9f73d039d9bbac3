//! Connections.
use crate::{Listed, Page, Result, Site, Store};
use domain::{
    connection::{ConnectionStatus, PermissionCheck, ReachableAccount, ReachableZone, TokenKind},
    ids::{ConnectionId, WorkspaceId},
    time::Millis,
};
/// A stored, sealed token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub token_id: String,
    pub token_kind: TokenKind,
    pub token_hint: String,
    pub sealed_token: Vec<u8>,
    pub status: ConnectionStatus,
    pub expires_at: Option<Millis>,
    pub accounts: Vec<ReachableAccount>,
    pub zones: Vec<ReachableZone>,
    pub permissions: Vec<PermissionCheck>,
    pub created_at: Millis,
    pub checked_at: Millis,
}
impl Store {
    pub async fn create_connection(&self, connection: &Connection) -> Result<()> {
        todo!()
    }
    pub async fn connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<Option<Connection>> {
        todo!()
    }
    pub async fn connection_by_token_id(
        &self,
        workspace: WorkspaceId,
        token_id: &str,
    ) -> Result<Option<Connection>> {
        todo!()
    }
    pub async fn list_connections(
        &self,
        workspace: WorkspaceId,
        page: &Page,
    ) -> Result<Listed<Connection>> {
        todo!()
    }
    pub async fn rename_connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
        name: &str,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn update_connection(
        &self,
        workspace: WorkspaceId,
        connection: &Connection,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn delete_connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn sites_of_connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<Vec<Site>> {
        todo!()
    }
    pub async fn all_connections_for_background(&self) -> Result<Vec<Connection>> {
        todo!()
    }
}
