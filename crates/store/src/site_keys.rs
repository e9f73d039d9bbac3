//! A site's key in the place of a former one: made, sealed and taken from Workers at once; the former stays good until the
//! Worker is known to have the new one. Which Worker has which is told by the key's id in its configuration.

use crate::{
    Result, Store,
    convert::Row,
    entities::{ingest_key, site, site_key},
    ingest_keys, sites,
};
use domain::{
    ids::{DeploymentId, SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

/// The newest key of a site that had another before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// What tells it from others; not secret.
    pub id: String,
    /// Its hash, as Workers are checked by.
    pub hash: String,
    /// The key, sealed for this row, as long as the Worker is not known to have it. After that it is the site's own.
    pub next: Option<Vec<u8>>,
    /// Who asked for it.
    pub asked_by: String,
    /// The deployment that brings it.
    pub deployment: Option<DeploymentId>,
    /// When it was made.
    pub made_at: Millis,
}

impl Store {
    /// The newest key of a site, if it ever got another than its first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn site_key(&self, workspace: WorkspaceId, site: SiteId) -> Result<Option<SiteKey>> {
        let row = site_key::Entity::find_by_id(site.to_string())
            .filter(site_key::Column::WorkspaceId.eq(workspace.to_string()))
            .one(self.reader())
            .await?;
        row.map(from_row).transpose()
    }

    /// Makes `key` the site's next one, and has it taken from Workers from now on, beside the present one. While another
    /// next one waits for its Worker, nothing is changed. Answers with the next one; `None` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_site_key(&self, key: &SiteKey) -> Result<Option<SiteKey>> {
        let tx = self.begin().await?;
        ingest_keys::lock(&tx, key.site).await?;
        if !sites::lock(&tx, key.workspace, key.site).await? {
            return Ok(None);
        }
        let known = site_key::Entity::find_by_id(key.site.to_string())
            .one(&tx)
            .await?;
        if let Some(known) = known.filter(|row| row.sealed_key.is_some()) {
            return Ok(Some(from_row(known)?));
        }
        put(&tx, key).await?;
        tx.commit().await?;
        Ok(Some(key.clone()))
    }

    /// Puts `key` in the place of the site's next one of the same id, which nobody can open any more. `false` when that
    /// one is not waiting.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_next_site_key(&self, key: &SiteKey) -> Result<bool> {
        let tx = self.begin().await?;
        ingest_keys::lock(&tx, key.site).await?;
        if !sites::lock(&tx, key.workspace, key.site).await? {
            return Ok(false);
        }
        let known = site_key::Entity::find_by_id(key.site.to_string())
            .one(&tx)
            .await?;
        if !known.is_some_and(|row| row.key_id == key.id && row.sealed_key.is_some()) {
            return Ok(false);
        }
        put(&tx, key).await?;
        tx.commit().await?;
        self.forget_deleted_bytes().await?;
        Ok(true)
    }

    /// Remembers which deployment brings the next key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_site_key_deployment(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        id: &str,
        deployment: DeploymentId,
    ) -> Result<()> {
        site_key::Entity::update_many()
            .col_expr(
                site_key::Column::DeploymentId,
                Expr::value(deployment.to_string()),
            )
            .filter(site_key::Column::SiteId.eq(site.to_string()))
            .filter(site_key::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(site_key::Column::KeyId.eq(id))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Makes the next key the site's own, `sealed` for the site's row; all others are taken until `former_until` at most.
    /// `false` when it is not waiting any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_site_key(
        &self,
        key: &SiteKey,
        sealed: &[u8],
        former_until: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        ingest_keys::lock(&tx, key.site).await?;
        if !sites::lock(&tx, key.workspace, key.site).await? {
            return Ok(false);
        }
        let done = site_key::Entity::update_many()
            .col_expr(site_key::Column::SealedKey, Expr::value(None::<Vec<u8>>))
            .filter(site_key::Column::SiteId.eq(key.site.to_string()))
            .filter(site_key::Column::KeyHash.eq(key.hash.as_str()))
            .filter(site_key::Column::SealedKey.is_not_null())
            .exec(&tx)
            .await?;
        if done.rows_affected == 0 {
            return Ok(false);
        }
        site::Entity::update_many()
            .col_expr(site::Column::SealedKey, Expr::value(sealed.to_vec()))
            .filter(site::Column::Id.eq(key.site.to_string()))
            .exec(&tx)
            .await?;
        ingest_keys::end_others(&tx, key.site, &key.hash, former_until).await?;
        tx.commit().await?;
        self.forget_deleted_bytes().await?;
        Ok(true)
    }

    /// The keys of every workspace that wait for their Worker.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_site_keys_for_background(&self) -> Result<Vec<SiteKey>> {
        site_key::Entity::find()
            .filter(site_key::Column::SealedKey.is_not_null())
            .all(self.reader())
            .await?
            .into_iter()
            .map(from_row)
            .collect()
    }
}

/// Stores the next key and has it taken from Workers.
async fn put(tx: &sea_orm::DatabaseTransaction, key: &SiteKey) -> Result<()> {
    let row = site_key::ActiveModel {
        site_id: Set(key.site.to_string()),
        workspace_id: Set(key.workspace.to_string()),
        key_id: Set(key.id.clone()),
        key_hash: Set(key.hash.clone()),
        sealed_key: Set(key.next.clone()),
        asked_by: Set(key.asked_by.clone()),
        deployment_id: Set(key.deployment.map(|id| id.to_string())),
        made_at: Set(key.made_at.0),
    };
    use site_key::Column;
    site_key::Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::SiteId)
                .update_columns([
                    Column::KeyId,
                    Column::KeyHash,
                    Column::SealedKey,
                    Column::AskedBy,
                    Column::DeploymentId,
                    Column::MadeAt,
                ])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    ingest_key::Entity::insert(ingest_key::ActiveModel {
        key_hash: Set(key.hash.clone()),
        workspace_id: Set(key.workspace.to_string()),
        site_id: Set(key.site.to_string()),
        created_at: Set(key.made_at.0),
        good_until: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

fn from_row(row: site_key::Model) -> Result<SiteKey> {
    let read = Row::new("site_keys", &row.site_id);
    Ok(SiteKey {
        workspace: read.parse("workspace_id", &row.workspace_id)?,
        site: read.parse("site_id", &row.site_id)?,
        deployment: row
            .deployment_id
            .as_deref()
            .map(|id| read.parse("deployment_id", id))
            .transpose()?,
        id: row.key_id,
        hash: row.key_hash,
        next: row.sealed_key,
        asked_by: row.asked_by,
        made_at: Millis(row.made_at),
    })
}
