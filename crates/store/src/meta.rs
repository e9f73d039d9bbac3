//! Small named blobs of the program itself: the vault's canary, for example.

use crate::{Result, Store, entities::meta};
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use sea_orm_migration::SchemaManager;

impl Store {
    /// The blob of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(meta::Entity::find_by_id(key)
            .one(self.reader())
            .await?
            .map(|row| row.value))
    }

    /// The blob of this name, also in a database that was never migrated: there it is `None`. Changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn meta_before_migration(&self, key: &str) -> Result<Option<Vec<u8>>> {
        if SchemaManager::new(self.reader()).has_table("meta").await? {
            self.meta(key).await
        } else {
            Ok(None)
        }
    }

    /// Stores the blob in the place of any other of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_meta(&self, key: &str, value: &[u8]) -> Result<()> {
        let row = meta::ActiveModel {
            key: Set(key.to_owned()),
            value: Set(value.to_vec()),
        };
        meta::Entity::insert(row)
            .on_conflict(
                OnConflict::column(meta::Column::Key)
                    .update_column(meta::Column::Value)
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// Stores the blob unless there is one of this name; says whether it did. Of several that try at once, one wins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_meta_if_absent(&self, key: &str, value: &[u8]) -> Result<bool> {
        let row = meta::ActiveModel {
            key: Set(key.to_owned()),
            value: Set(value.to_vec()),
        };
        let rows = meta::Entity::insert(row)
            .on_conflict(
                OnConflict::column(meta::Column::Key)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(rows == 1)
    }
}
