//! Sign-ins that failed, counted in the database so that a restart or a second replica forgets nothing.

use crate::{Result, Store, entities::sign_in_attempt};
use domain::time::Millis;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
};

impl Store {
    /// Writes down a failure under a key: an address, a peer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_failed_sign_in(&self, key: &str, at: Millis) -> Result<()> {
        let row = sign_in_attempt::ActiveModel {
            id: NotSet,
            key: Set(key.to_owned()),
            at: Set(at.0),
        };
        sign_in_attempt::Entity::insert(row)
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// How many failures there were under the key at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failed_sign_ins(&self, key: &str, since: Millis) -> Result<u64> {
        Ok(sign_in_attempt::Entity::find()
            .filter(sign_in_attempt::Column::Key.eq(key))
            .filter(sign_in_attempt::Column::At.gte(since.0))
            .count(self.reader())
            .await?)
    }

    /// Forgets the failures under the key, after a success.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_failed_sign_ins(&self, key: &str) -> Result<()> {
        sign_in_attempt::Entity::delete_many()
            .filter(sign_in_attempt::Column::Key.eq(key))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Forgets the failures before `at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_failed_sign_ins_before(&self, at: Millis) -> Result<u64> {
        let done = sign_in_attempt::Entity::delete_many()
            .filter(sign_in_attempt::Column::At.lt(at.0))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }
}
