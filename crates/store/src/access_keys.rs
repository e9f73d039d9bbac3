//! Keys to the REST API. Only a hash of each is here.

use crate::{Result, Store, StoreError, convert::Row, entities::access_key};
use domain::{
    ids::{AccessKeyId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};

/// `last_used_at` is for people: writing it for each of 50 calls a second would only wear the disk.
const TOUCH_EVERY_MS: i64 = 60_000;

/// An access key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The id.
    pub id: AccessKeyId,
    /// The workspace it opens.
    pub workspace: WorkspaceId,
    /// What its owner calls it.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Millis>,
    /// Since when it opens nothing.
    pub revoked_at: Option<Millis>,
}

impl Store {
    /// Stores a new key by its hash.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] about `access key` when the hash is there already.
    pub async fn create_access_key(&self, key: &AccessKey, key_hash: &str) -> Result<()> {
        let row = access_key::ActiveModel {
            id: Set(key.id.to_string()),
            workspace_id: Set(key.workspace.to_string()),
            name: Set(key.name.clone()),
            hint: Set(key.hint.clone()),
            key_hash: Set(key_hash.to_owned()),
            created_at: Set(key.created_at.0),
            last_used_at: Set(key.last_used_at.map(|at| at.0)),
            revoked_at: Set(key.revoked_at.map(|at| at.0)),
        };
        access_key::Entity::insert(row)
            .exec_without_returning(self.writer())
            .await
            .map_err(|error| StoreError::conflict(error, "access key", &key.name))?;
        Ok(())
    }

    /// The key with this hash, unless it is revoked. The one query that needs no workspace: it finds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn access_key_by_hash(&self, key_hash: &str) -> Result<Option<AccessKey>> {
        access_key::Entity::find()
            .filter(access_key::Column::KeyHash.eq(key_hash))
            .filter(access_key::Column::RevokedAt.is_null())
            .one(self.reader())
            .await?
            .map(from_row)
            .transpose()
    }

    /// Every key of the workspace, revoked ones too, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_access_keys(&self, workspace: WorkspaceId) -> Result<Vec<AccessKey>> {
        access_key::Entity::find()
            .filter(access_key::Column::WorkspaceId.eq(workspace.to_string()))
            .order_by_asc(access_key::Column::CreatedAt)
            .order_by_asc(access_key::Column::Id)
            .all(self.reader())
            .await?
            .into_iter()
            .map(from_row)
            .collect()
    }

    /// Revokes the key; `false` when there is none, or it is revoked already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_access_key(
        &self,
        workspace: WorkspaceId,
        id: AccessKeyId,
        now: Millis,
    ) -> Result<bool> {
        let done = access_key::Entity::update_many()
            .col_expr(access_key::Column::RevokedAt, Expr::value(now.0))
            .filter(access_key::Column::Id.eq(id.to_string()))
            .filter(access_key::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(access_key::Column::RevokedAt.is_null())
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Remembers that the key was used; writes at most once a minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_access_key(&self, id: AccessKeyId, now: Millis) -> Result<()> {
        let known = access_key::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?
            .and_then(|key| key.last_used_at);
        if known.is_some_and(|at| at + TOUCH_EVERY_MS > now.0) {
            return Ok(());
        }
        access_key::Entity::update_many()
            .col_expr(access_key::Column::LastUsedAt, Expr::value(now.0))
            .filter(access_key::Column::Id.eq(id.to_string()))
            .exec(self.writer())
            .await?;
        Ok(())
    }
}

fn from_row(model: access_key::Model) -> Result<AccessKey> {
    let row = Row::new("access_keys", &model.id);
    Ok(AccessKey {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        name: model.name,
        hint: model.hint,
        created_at: Millis(model.created_at),
        last_used_at: model.last_used_at.map(Millis),
        revoked_at: model.revoked_at.map(Millis),
    })
}
