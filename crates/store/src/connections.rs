//! Connections: sealed Cloudflare tokens and what they reach. The store never sees a token in the clear.

use crate::{
    Listed, Page, Result, Site, Store,
    convert::{Row, from_word, to_json, to_word},
    entities::{connection, site},
    sites,
};
use domain::{
    connection::{ConnectionStatus, PermissionCheck, ReachableAccount, TokenKind},
    ids::{AccountId, ConnectionId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};

/// A stored, sealed token, with what it can reach and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The id.
    pub id: ConnectionId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What its owner calls it; need not be unique.
    pub name: String,
    /// Cloudflare's id of the token: the same for the same token, and no secret.
    pub token_id: String,
    /// Whose token it is.
    pub token_kind: TokenKind,
    /// Its last characters.
    pub token_hint: String,
    /// The token, sealed by the vault.
    pub sealed_token: Vec<u8>,
    /// What the last check found.
    pub status: ConnectionStatus,
    /// When Cloudflare stops accepting it.
    pub expires_at: Option<Millis>,
    /// The accounts it reaches.
    pub accounts: Vec<ReachableAccount>,
    /// The accounts of these that are used; `None`: all.
    pub chosen_accounts: Option<Vec<AccountId>>,
    /// What the last check found, permission by permission.
    pub permissions: Vec<PermissionCheck>,
    /// When it was stored.
    pub created_at: Millis,
    /// When it was last checked.
    pub checked_at: Millis,
    /// When its zones were last read.
    pub zones_read_at: Option<Millis>,
}

impl Store {
    /// Stores a new connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_connection(&self, connection: &Connection) -> Result<()> {
        connection::Entity::insert(to_row(connection))
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// The connection with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<Option<Connection>> {
        of(workspace)
            .filter(connection::Column::Id.eq(id.to_string()))
            .one(self.reader())
            .await?
            .map(from_row)
            .transpose()
    }

    /// The connection that holds the token of this Cloudflare id; the oldest if there are several.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connection_by_token_id(
        &self,
        workspace: WorkspaceId,
        token_id: &str,
    ) -> Result<Option<Connection>> {
        of(workspace)
            .filter(connection::Column::TokenId.eq(token_id))
            .order_by_asc(connection::Column::Id)
            .one(self.reader())
            .await?
            .map(from_row)
            .transpose()
    }

    /// The connections, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_connections(
        &self,
        workspace: WorkspaceId,
        page: &Page,
    ) -> Result<Listed<Connection>> {
        let mut query = of(workspace)
            .order_by_asc(connection::Column::Id)
            .limit(page.rows() + 1);
        if let Some(after) = page.start::<String>()? {
            query = query.filter(connection::Column::Id.gt(after));
        }
        let rows = query.all(self.reader()).await?;
        Listed::cut(rows, page, |row| row.id.clone()).try_map(from_row)
    }

    /// Changes the name; `false` when there is no such connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rename_connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
        name: &str,
    ) -> Result<bool> {
        let done = connection::Entity::update_many()
            .col_expr(connection::Column::Name, Expr::value(name))
            .filter(connection::Column::Id.eq(id.to_string()))
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Replaces the token and what a check found; `false` when there is no such connection. A replaced token is removed
    /// like a deleted one. Which accounts are used, and when the zones were read, is left as it is stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_connection(
        &self,
        workspace: WorkspaceId,
        connection: &Connection,
    ) -> Result<bool> {
        let id = connection.id.to_string();
        let tx = self.begin().await?;
        let known = of(workspace)
            .filter(connection::Column::Id.eq(id.as_str()))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(known) = known else {
            return Ok(false);
        };
        let mut row = to_row(connection);
        row.created_at = Set(known.created_at);
        row.zones_read_at = NotSet;
        row.chosen_accounts = NotSet;
        connection::Entity::update(row).exec(&tx).await?;
        tx.commit().await?;
        if known.sealed_token != connection.sealed_token {
            self.forget_deleted_bytes().await?;
        }
        Ok(true)
    }

    /// Deletes the connection, whether sites use it or not; `false` when there is none. Afterwards the sealed bytes are
    /// in no file of a SQLite database: deleted content is overwritten (`secure_delete`), and the write-ahead log emptied.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<bool> {
        let done = connection::Entity::delete_many()
            .filter(connection::Column::Id.eq(id.to_string()))
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        if done.rows_affected > 0 {
            self.forget_deleted_bytes().await?;
        }
        Ok(done.rows_affected > 0)
    }

    /// The sites that are deployed through the connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites_of_connection(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<Vec<Site>> {
        let rows = site::Entity::find()
            .filter(site::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(site::Column::ConnectionId.eq(id.to_string()))
            .order_by_asc(site::Column::Id)
            .all(self.reader())
            .await?;
        sites::from_rows(self.reader(), rows).await
    }

    /// The connections of every workspace, for the background check of their tokens.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_connections_for_background(&self) -> Result<Vec<Connection>> {
        connection::Entity::find()
            .order_by_asc(connection::Column::Id)
            .all(self.reader())
            .await?
            .into_iter()
            .map(from_row)
            .collect()
    }
}

fn of(workspace: WorkspaceId) -> Select<connection::Entity> {
    connection::Entity::find().filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
}

fn to_row(connection: &Connection) -> connection::ActiveModel {
    connection::ActiveModel {
        id: Set(connection.id.to_string()),
        workspace_id: Set(connection.workspace.to_string()),
        name: Set(connection.name.clone()),
        token_id: Set(connection.token_id.clone()),
        token_kind: Set(to_word(connection.token_kind)),
        token_hint: Set(connection.token_hint.clone()),
        sealed_token: Set(connection.sealed_token.clone()),
        status: Set(to_word(connection.status)),
        expires_at: Set(connection.expires_at.map(|at| at.0)),
        accounts: Set(to_json(&connection.accounts)),
        permissions: Set(to_json(&connection.permissions)),
        created_at: Set(connection.created_at.0),
        checked_at: Set(connection.checked_at.0),
        zones_read_at: Set(connection.zones_read_at.map(|at| at.0)),
        chosen_accounts: Set(connection.chosen_accounts.as_deref().map(to_json)),
    }
}

fn from_row(model: connection::Model) -> Result<Connection> {
    let row = Row::new("connections", &model.id);
    Ok(Connection {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        token_kind: row.word("token_kind", &model.token_kind, from_word)?,
        status: row.word("status", &model.status, from_word)?,
        accounts: row.json("accounts", &model.accounts)?,
        chosen_accounts: row.json_option("chosen_accounts", model.chosen_accounts.as_ref())?,
        permissions: row.json("permissions", &model.permissions)?,
        name: model.name,
        token_id: model.token_id,
        token_hint: model.token_hint,
        sealed_token: model.sealed_token,
        expires_at: model.expires_at.map(Millis),
        created_at: Millis(model.created_at),
        checked_at: Millis(model.checked_at),
        zones_read_at: model.zones_read_at.map(Millis),
    })
}
