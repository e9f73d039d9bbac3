//! The messages for a webhook: queued with what they tell of, sent under a lease, kept as a log.

use super::{Attempt, DeliveryLease, DeliveryStatus, NewDelivery, WebhookDelivery, find_webhook};
use crate::{
    Listed, Page, Result, Store,
    convert::{Row, from_word, to_word},
    entities::webhook_delivery,
    leases,
};
use domain::{ids::WorkspaceId, time::Millis};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

impl Store {
    /// Queues a message; `false` when there is no webhook.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_delivery(
        &self,
        workspace: WorkspaceId,
        message: &NewDelivery,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let queued = queue(&tx, workspace, message).await?;
        tx.commit().await?;
        Ok(queued)
    }

    /// Stores a message that the caller sends at once, leased to `owner` until `until`; none when there is no webhook.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_test_delivery(
        &self,
        workspace: WorkspaceId,
        message: &NewDelivery,
        owner: &str,
        until: Millis,
    ) -> Result<Option<DeliveryLease>> {
        let tx = self.begin().await?;
        let Some(webhook) = find_webhook(&tx, workspace).await? else {
            return Ok(None);
        };
        let mut row = to_row(workspace, message, true);
        row.lease_owner = Set(Some(owner.to_owned()));
        row.lease_until = Set(Some(until.0));
        let row = row.insert(&tx).await?;
        tx.commit().await?;
        Ok(Some(DeliveryLease {
            delivery: delivery_from(row)?,
            webhook,
        }))
    }

    /// Takes a message that is to be sent, for `owner` until `until`: the one that waits longest, and none that another
    /// process sends. Of several that try at once, one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_delivery(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<DeliveryLease>> {
        let taken = leases::longest_waiting::<webhook_delivery::Entity>(
            self,
            is_due(now),
            (
                webhook_delivery::Column::NextAttemptAt,
                webhook_delivery::Column::Id,
            ),
            |row| &row.id,
        );
        let Some((tx, row)) = taken.await? else {
            return Ok(None);
        };
        let workspace =
            Row::new("webhook_deliveries", &row.id).parse("workspace_id", &row.workspace_id)?;
        let Some(webhook) = find_webhook(&tx, workspace).await? else {
            return Ok(None);
        };
        let mut row = row.into_active_model();
        row.lease_owner = Set(Some(owner.to_owned()));
        row.lease_until = Set(Some(until.0));
        let row = row.update(&tx).await?;
        tx.commit().await?;
        Ok(Some(DeliveryLease {
            delivery: delivery_from(row)?,
            webhook,
        }))
    }

    /// Writes down how an attempt ended, and ends the lease; none when the lease is another's by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_delivery(
        &self,
        id: Uuid,
        owner: &str,
        attempt: &Attempt,
    ) -> Result<Option<WebhookDelivery>> {
        let tx = self.begin().await?;
        let row = webhook_delivery::Entity::find_by_id(id.to_string())
            .filter(webhook_delivery::Column::LeaseOwner.eq(owner))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let attempts = row.attempts + 1;
        let status = match (&attempt.error, attempt.retry_at) {
            (None, _) => DeliveryStatus::Delivered,
            (Some(_), Some(_)) => DeliveryStatus::Queued,
            (Some(_), None) => DeliveryStatus::Failed,
        };
        let mut row = row.into_active_model();
        row.status = Set(to_word(status));
        row.attempts = Set(attempts);
        row.lease_owner = Set(None);
        row.lease_until = Set(None);
        row.last_attempt_at = Set(Some(attempt.at.0));
        row.last_status = Set(attempt.status.map(i64::from));
        row.last_error = Set(attempt.error.clone());
        if let Some(at) = attempt.retry_at {
            row.next_attempt_at = Set(at.0);
        }
        let row = row.update(&tx).await?;
        tx.commit().await?;
        delivery_from(row).map(Some)
    }

    /// The messages, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_deliveries(
        &self,
        workspace: WorkspaceId,
        page: &Page,
    ) -> Result<Listed<WebhookDelivery>> {
        let mut query = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::WorkspaceId.eq(workspace.to_string()))
            .order_by_desc(webhook_delivery::Column::Id)
            .limit(page.rows() + 1);
        if let Some(before) = page.start::<String>()? {
            query = query.filter(webhook_delivery::Column::Id.lt(before));
        }
        let rows = query.all(self.reader()).await?;
        Listed::cut(rows, page, |row| row.id.clone()).try_map(delivery_from)
    }

    /// How many messages have this status, in all workspaces.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_deliveries(&self, status: DeliveryStatus) -> Result<u64> {
        Ok(webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::Status.eq(to_word(status)))
            .count(self.reader())
            .await?)
    }

    /// Forgets the messages that ended and were made before `at`; says how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_deliveries_before(&self, at: Millis) -> Result<u64> {
        let done = webhook_delivery::Entity::delete_many()
            .filter(webhook_delivery::Column::Status.ne(to_word(DeliveryStatus::Queued)))
            .filter(webhook_delivery::Column::CreatedAt.lt(at.0))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }

    /// Lets the lease of a message end now, so that the next process need not wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_delivery(&self, id: Uuid, owner: &str) -> Result<()> {
        webhook_delivery::Entity::update_many()
            .col_expr(
                webhook_delivery::Column::LeaseUntil,
                Expr::value(None::<i64>),
            )
            .filter(webhook_delivery::Column::Id.eq(id.to_string()))
            .filter(webhook_delivery::Column::LeaseOwner.eq(owner))
            .exec(self.writer())
            .await?;
        Ok(())
    }
}

/// Queues a message within the transaction of what it tells of; `false` when there is no webhook.
pub(crate) async fn queue(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    message: &NewDelivery,
) -> Result<bool> {
    if find_webhook(tx, workspace).await?.is_none() {
        return Ok(false);
    }
    webhook_delivery::Entity::insert(to_row(workspace, message, false))
        .exec_without_returning(tx)
        .await?;
    Ok(true)
}

fn is_due(now: Millis) -> Condition {
    Condition::all()
        .add(webhook_delivery::Column::Status.eq(to_word(DeliveryStatus::Queued)))
        .add(webhook_delivery::Column::NextAttemptAt.lte(now.0))
        .add(leases::is_free(webhook_delivery::Column::LeaseUntil, now))
}

fn to_row(
    workspace: WorkspaceId,
    message: &NewDelivery,
    is_test: bool,
) -> webhook_delivery::ActiveModel {
    webhook_delivery::ActiveModel {
        id: Set(message.id.to_string()),
        workspace_id: Set(workspace.to_string()),
        event: Set(message.event.word()),
        body: Set(message.body.clone()),
        status: Set(to_word(DeliveryStatus::Queued)),
        is_test: Set(is_test),
        attempts: Set(0),
        created_at: Set(message.at.0),
        next_attempt_at: Set(message.at.0),
        lease_owner: Set(None),
        lease_until: Set(None),
        last_attempt_at: Set(None),
        last_status: Set(None),
        last_error: Set(None),
    }
}

fn delivery_from(model: webhook_delivery::Model) -> Result<WebhookDelivery> {
    let row = Row::new("webhook_deliveries", &model.id);
    Ok(WebhookDelivery {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        event: row.word("event", &model.event, from_word)?,
        status: row.word("status", &model.status, from_word)?,
        attempts: row.count("attempts", model.attempts)?,
        last_status: model
            .last_status
            .map(|status| row.count("last_status", status))
            .transpose()?,
        body: model.body,
        is_test: model.is_test,
        created_at: Millis(model.created_at),
        next_attempt_at: Millis(model.next_attempt_at),
        last_attempt_at: model.last_attempt_at.map(Millis),
        last_error: model.last_error,
    })
}
