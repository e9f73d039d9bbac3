//! Connections as every page looks at them: without what they reach, which may be thousands of zones.

use crate::{
    Result, Store,
    convert::{Row, from_word},
    entities::connection,
};
use domain::{
    connection::ConnectionStatus,
    ids::{ConnectionId, WorkspaceId},
    time::Millis,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

/// What is to be watched of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionGlance {
    /// The id.
    pub id: ConnectionId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What its owner calls it.
    pub name: String,
    /// The token's last characters.
    pub token_hint: String,
    /// What the last check found.
    pub status: ConnectionStatus,
    /// When Cloudflare stops accepting the token.
    pub expires_at: Option<Millis>,
    /// When the present token was stored.
    pub token_stored_at: Millis,
    /// When it was last checked.
    pub checked_at: Millis,
}

/// The columns, in the order of the fields.
type Columns = (
    String,
    String,
    String,
    String,
    String,
    Option<i64>,
    i64,
    i64,
);

impl Store {
    /// All connections of the workspace, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connections_at_a_glance(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<ConnectionGlance>> {
        let rows = connection::Entity::find()
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()));
        self.glances(rows).await
    }

    /// The connections of every workspace, oldest first, for news and figures.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn glances_for_background(&self) -> Result<Vec<ConnectionGlance>> {
        self.glances(connection::Entity::find()).await
    }

    async fn glances(&self, rows: Select<connection::Entity>) -> Result<Vec<ConnectionGlance>> {
        rows.select_only()
            .columns([
                connection::Column::Id,
                connection::Column::WorkspaceId,
                connection::Column::Name,
                connection::Column::TokenHint,
                connection::Column::Status,
                connection::Column::ExpiresAt,
                connection::Column::TokenStoredAt,
                connection::Column::CheckedAt,
            ])
            .order_by_asc(connection::Column::Id)
            .into_tuple()
            .all(self.reader())
            .await?
            .into_iter()
            .map(from_columns)
            .collect()
    }
}

fn from_columns(columns: Columns) -> Result<ConnectionGlance> {
    let (id, workspace, name, token_hint, status, expires_at, token_stored_at, checked_at) =
        columns;
    let row = Row::new("connections", &id);
    Ok(ConnectionGlance {
        id: row.parse("id", &id)?,
        workspace: row.parse("workspace_id", &workspace)?,
        status: row.word("status", &status, from_word)?,
        name,
        token_hint,
        expires_at: expires_at.map(Millis),
        token_stored_at: Millis(token_stored_at),
        checked_at: Millis(checked_at),
    })
}
