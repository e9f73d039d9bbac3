//! Connections: sealed Cloudflare tokens and what they reach. The store never sees a token in the clear.

use crate::{
    Listed, Page, Result, Site, Store, StoreError,
    convert::{Row, from_word, to_json, to_word},
    entities::{connection, site},
    sites, workspaces,
};
use domain::{
    connection::{ConnectionStatus, PermissionCheck, ReachableAccount, TokenKind},
    ids::{AccountId, ConnectionId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};

mod checks;
mod glance;
mod notices;

pub use checks::Checked;
pub use glance::ConnectionGlance;
pub use notices::Notice;

/// The token that was stored before the present one. It stays valid at Cloudflare until it is deleted there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerToken {
    /// Whose token it was.
    pub kind: TokenKind,
    /// Its last characters.
    pub hint: String,
    /// When another took its place.
    pub replaced_at: Millis,
}

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
    /// When the present token was stored.
    pub token_stored_at: Millis,
    /// When it is to be checked again.
    pub next_check_at: Millis,
    /// Since when its sites are being removed, so that it can be disconnected after the last of them.
    pub leaving_since: Option<Millis>,
    /// The token before the present one.
    pub former_token: Option<FormerToken>,
}

impl Store {
    /// Stores a new connection.
    ///
    /// # Errors
    /// [`StoreError::TokenTaken`] when another connection of the workspace holds the same token.
    pub async fn create_connection(&self, connection: &Connection) -> Result<()> {
        let tx = self.begin().await?;
        refuse_taken(&tx, connection).await?;
        connection::Entity::insert(to_row(connection))
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
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
    /// like a deleted one. The name, which accounts are used, and when the zones were read, are left as they are stored.
    ///
    /// # Errors
    /// [`StoreError::TokenTaken`] when another connection of the workspace holds the same token.
    pub async fn update_connection(
        &self,
        workspace: WorkspaceId,
        connection: &Connection,
    ) -> Result<bool> {
        let id = connection.id.to_string();
        let tx = self.begin().await?;
        refuse_taken(&tx, connection).await?;
        let known = of(workspace)
            .filter(connection::Column::Id.eq(id.as_str()))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(known) = known else {
            return Ok(false);
        };
        let mut row = to_row(connection);
        row.name = Set(known.name);
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

    /// Begins or ends the wait for the removal of the connection's sites, after which it is to be disconnected; `false`
    /// when there is no such connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_leaving(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
        since: Option<Millis>,
    ) -> Result<bool> {
        let done = connection::Entity::update_many()
            .col_expr(
                connection::Column::LeavingSince,
                Expr::value(since.map(|at| at.0)),
            )
            .filter(connection::Column::Id.eq(id.to_string()))
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Forgets the token before the present one; `false` when there is no such connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_former_token(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
    ) -> Result<bool> {
        let done = connection::Entity::update_many()
            .col_expr(connection::Column::FormerToken, Expr::value(None::<String>))
            .filter(connection::Column::Id.eq(id.to_string()))
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Deletes the connections that wait for the removal of their sites and have none left; says which they were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_left_connections(&self) -> Result<Vec<Connection>> {
        let waiting = connection::Entity::find()
            .filter(connection::Column::LeavingSince.is_not_null())
            .all(self.reader())
            .await?;
        let mut left = Vec::new();
        for row in waiting {
            let tx = self.begin().await?;
            let sites = site::Entity::find()
                .filter(site::Column::ConnectionId.eq(row.id.as_str()))
                .count(&tx)
                .await?;
            if sites > 0 {
                continue;
            }
            let done = connection::Entity::delete_many()
                .filter(connection::Column::Id.eq(row.id.as_str()))
                .filter(connection::Column::LeavingSince.is_not_null())
                .exec(&tx)
                .await?;
            tx.commit().await?;
            if done.rows_affected > 0 {
                self.forget_deleted_bytes().await?;
                left.push(from_row(row)?);
            }
        }
        Ok(left)
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

/// Whoever stores a token holds the workspace, so that two who store the same one at once come one after the other.
async fn refuse_taken(tx: &DatabaseTransaction, connection: &Connection) -> Result<()> {
    workspaces::lock(tx, connection.workspace).await?;
    let other = of(connection.workspace)
        .filter(connection::Column::TokenId.eq(connection.token_id.as_str()))
        .filter(connection::Column::Id.ne(connection.id.to_string()))
        .order_by_asc(connection::Column::Id)
        .one(tx)
        .await?;
    match other {
        Some(row) => Err(StoreError::TokenTaken {
            connection: Row::new("connections", &row.id).parse("id", &row.id)?,
        }),
        None => Ok(()),
    }
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
        token_stored_at: Set(connection.token_stored_at.0),
        next_check_at: Set(connection.next_check_at.0),
        check_lease_owner: NotSet,
        check_lease_until: NotSet,
        leaving_since: Set(connection.leaving_since.map(|at| at.0)),
        former_token: Set(connection.former_token.as_ref().map(to_json)),
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
        token_stored_at: Millis(model.token_stored_at),
        next_check_at: Millis(model.next_check_at),
        leaving_since: model.leaving_since.map(Millis),
        former_token: row.json_option("former_token", model.former_token.as_ref())?,
    })
}
