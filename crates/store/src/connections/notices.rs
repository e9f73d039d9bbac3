//! News about connections, each told once: whoever tells it writes that down in the transaction that queues the message.

use super::of;
use crate::{
    Result, Store,
    entities::{connection, connection_notice},
    webhooks::{self, NewDelivery},
};
use domain::{
    ids::{ConnectionId, WorkspaceId},
    time::Millis,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

/// A piece of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice<'a> {
    /// Its name, such as `expires_in_7_days`.
    pub name: &'a str,
    /// What it is about: the same news of another expiry is other news.
    pub occasion: Millis,
}

impl Store {
    /// Tells the workspace's webhook the last of `notices`, and counts those before it as told; `false` when it was told
    /// before, when there is no webhook, or no such connection any more. Of several that try at once, one tells it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_once(
        &self,
        workspace: WorkspaceId,
        id: ConnectionId,
        notices: &[Notice<'_>],
        message: &NewDelivery,
    ) -> Result<bool> {
        let Some((last, _)) = notices.split_last() else {
            return Ok(false);
        };
        if self.was_told(id, last).await? {
            return Ok(false);
        }
        let tx = self.begin().await?;
        let connection = of(workspace)
            .filter(connection::Column::Id.eq(id.to_string()))
            .lock_exclusive()
            .one(&tx)
            .await?;
        if connection.is_none() {
            return Ok(false);
        }
        for notice in notices {
            let row = connection_notice::ActiveModel {
                connection_id: Set(id.to_string()),
                notice: Set(notice.name.to_owned()),
                occasion: Set(notice.occasion.0),
                told_at: Set(message.at.0),
            };
            let inserted = connection_notice::Entity::insert(row)
                .on_conflict_do_nothing()
                .exec_without_returning(&tx)
                .await?;
            let is_new = matches!(inserted, sea_orm::TryInsertResult::Inserted(rows) if rows > 0);
            if notice == last && !is_new {
                return Ok(false);
            }
        }
        if !webhooks::queue(&tx, workspace, message).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn was_told(&self, id: ConnectionId, notice: &Notice<'_>) -> Result<bool> {
        Ok(connection_notice::Entity::find()
            .filter(connection_notice::Column::ConnectionId.eq(id.to_string()))
            .filter(connection_notice::Column::Notice.eq(notice.name))
            .filter(connection_notice::Column::Occasion.eq(notice.occasion.0))
            .one(self.reader())
            .await?
            .is_some())
    }
}
