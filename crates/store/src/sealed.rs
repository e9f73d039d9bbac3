//! Everything that the vault sealed, in one place: for a change of the vault's key.

use crate::{
    AuditEvent, Result, Store, audit,
    entities::{connection, meta, preview_key, site, site_key, webhook},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};

/// One sealed value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's id.
    pub row: String,
    /// What its owner calls the row; empty where it has no name.
    pub name: String,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Replaces every sealed value (tokens, sites' keys, their next ones and their previews' keys, webhooks' secrets, and the record `meta_key`) by what `reseal`
    /// makes of it, all in one transaction: killed anywhere, either all are replaced or none. `None` leaves a value as it
    /// is; when `reseal` fails, none is changed. Says how many were replaced.
    ///
    /// `line` is given how many were replaced; what it makes of that is written to the audit log in the same transaction.
    ///
    /// Not scoped by workspace: the vault has one key for all.
    ///
    /// # Errors
    /// The inner error is `reseal`'s, the outer one the database's.
    pub async fn reseal_everything<E>(
        &self,
        meta_key: &str,
        mut reseal: impl FnMut(&SealedValue) -> Result<Option<Vec<u8>>, E>,
        line: impl FnOnce(usize) -> Option<AuditEvent>,
    ) -> Result<Result<usize, E>> {
        let tx = self.begin().await?;
        let values = all_sealed(&tx, meta_key).await?;
        let mut count = 0;
        for value in values {
            let bytes = match reseal(&value) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => {
                    tx.rollback().await?;
                    return Ok(Err(error));
                }
            };
            write(&tx, &value, bytes).await?;
            count += 1;
        }
        if let Some(line) = line(count) {
            audit::insert(&tx, &line).await?;
        }
        tx.commit().await?;
        self.forget_deleted_bytes().await?;
        Ok(Ok(count))
    }
}

/// There are as many as connections and sites: few enough to be read at once.
async fn all_sealed(tx: &DatabaseTransaction, meta_key: &str) -> Result<Vec<SealedValue>> {
    let tokens = connection::Entity::find().lock_exclusive().all(tx).await?;
    let keys = site::Entity::find().lock_exclusive().all(tx).await?;
    let webhooks = webhook::Entity::find().lock_exclusive().all(tx).await?;
    let preview_keys = preview_key::Entity::find().lock_exclusive().all(tx).await?;
    let next_keys = site_key::Entity::find()
        .filter(site_key::Column::SealedKey.is_not_null())
        .lock_exclusive()
        .all(tx)
        .await?;
    let record = meta::Entity::find_by_id(meta_key)
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(tokens
        .into_iter()
        .map(|row| SealedValue {
            table: "connections",
            column: "sealed_token",
            row: row.id,
            name: row.name,
            bytes: row.sealed_token,
        })
        .chain(keys.into_iter().map(|row| SealedValue {
            table: "sites",
            column: "sealed_key",
            row: row.id,
            name: row.name,
            bytes: row.sealed_key,
        }))
        .chain(webhooks.into_iter().map(|row| SealedValue {
            table: "webhooks",
            column: "sealed_secret",
            row: row.workspace_id,
            name: String::new(),
            bytes: row.sealed_secret,
        }))
        .chain(preview_keys.into_iter().map(|row| SealedValue {
            table: "preview_keys",
            column: "sealed_key",
            row: row.site_id,
            name: String::new(),
            bytes: row.sealed_key,
        }))
        .chain(next_keys.into_iter().map(|row| SealedValue {
            table: "site_keys",
            column: "sealed_key",
            row: row.site_id,
            name: String::new(),
            bytes: row.sealed_key.unwrap_or_default(),
        }))
        .chain(record.map(|row| SealedValue {
            table: "meta",
            column: "value",
            row: row.key,
            name: String::new(),
            bytes: row.value,
        }))
        .collect())
}

async fn write(tx: &DatabaseTransaction, value: &SealedValue, bytes: Vec<u8>) -> Result<()> {
    match value.table {
        "connections" => {
            connection::Entity::update_many()
                .set(connection::ActiveModel {
                    sealed_token: Set(bytes),
                    ..Default::default()
                })
                .filter(connection::Column::Id.eq(&value.row))
                .exec(tx)
                .await?;
        }
        "sites" => {
            site::Entity::update_many()
                .set(site::ActiveModel {
                    sealed_key: Set(bytes),
                    ..Default::default()
                })
                .filter(site::Column::Id.eq(&value.row))
                .exec(tx)
                .await?;
        }
        "webhooks" => {
            webhook::Entity::update_many()
                .set(webhook::ActiveModel {
                    sealed_secret: Set(bytes),
                    ..Default::default()
                })
                .filter(webhook::Column::WorkspaceId.eq(&value.row))
                .exec(tx)
                .await?;
        }
        "preview_keys" => {
            preview_key::Entity::update_many()
                .set(preview_key::ActiveModel {
                    sealed_key: Set(bytes),
                    ..Default::default()
                })
                .filter(preview_key::Column::SiteId.eq(&value.row))
                .exec(tx)
                .await?;
        }
        "site_keys" => {
            site_key::Entity::update_many()
                .set(site_key::ActiveModel {
                    sealed_key: Set(Some(bytes)),
                    ..Default::default()
                })
                .filter(site_key::Column::SiteId.eq(&value.row))
                .exec(tx)
                .await?;
        }
        _ => {
            meta::Entity::update_many()
                .set(meta::ActiveModel {
                    value: Set(bytes),
                    ..Default::default()
                })
                .filter(meta::Column::Key.eq(&value.row))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}
