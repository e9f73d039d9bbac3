//! The webhook of a workspace, and the messages for it: queued with what they tell of, sent under a lease, kept as a log.
//!
//! Any part of the program may queue a message ([`queue`] inside its own transaction, [`Store::queue_delivery`] outside of
//! one); without a webhook there is nobody to tell, and nothing is queued.

use crate::{
    Result, Store,
    convert::{Row, to_word},
    entities::{webhook, webhook_delivery},
};
use domain::{ids::WorkspaceId, time::Millis};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod deliveries;

pub(crate) use deliveries::queue;

/// Where a workspace's news go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The address. It may itself be a secret: services put keys into theirs.
    pub url: String,
    /// The key that messages are signed with, sealed by the vault.
    pub sealed_secret: Vec<u8>,
    /// When it was first set.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
}

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WebhookEvent {
    /// A token expires in some days.
    #[serde(rename = "connection.expiring")]
    ConnectionExpiring,
    /// A token has expired.
    #[serde(rename = "connection.expired")]
    ConnectionExpired,
    /// A token has been in use for long.
    #[serde(rename = "connection.token_old")]
    ConnectionTokenOld,
    /// A check found another status than before.
    #[serde(rename = "connection.status_changed")]
    ConnectionStatusChanged,
    /// A site's account was changed by somebody else, or is changed otherwise than was told before.
    #[serde(rename = "site.drifted")]
    SiteDrifted,
    /// A site's account is as it was deployed again.
    #[serde(rename = "site.recovered")]
    SiteRecovered,
    /// Agents that came regularly come no more, or come again.
    #[serde(rename = "traffic.agent_stopped")]
    TrafficAgentStopped,
    /// Agents get too many errors, or no longer.
    #[serde(rename = "traffic.errors")]
    TrafficErrors,
    /// A bot that is not known comes often, or no longer.
    #[serde(rename = "traffic.unknown_bot")]
    TrafficUnknownBot,
    /// More visits than usual are not by whom they say, or no longer.
    #[serde(rename = "traffic.contradicted")]
    TrafficContradicted,
    /// Somebody asked for a message to see whether it arrives.
    #[serde(rename = "webhook.test")]
    Test,
}

impl WebhookEvent {
    /// The word in messages and lists.
    pub fn word(self) -> String {
        to_word(self)
    }
}

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// To be sent, or to be sent again.
    Queued,
    /// The receiver took it.
    Delivered,
    /// Given up.
    Failed,
}

/// A message to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id, which grows with time.
    pub id: Uuid,
    /// What it tells.
    pub event: WebhookEvent,
    /// The whole body, JSON: the same for every attempt.
    pub body: String,
    /// When it was made.
    pub at: Millis,
}

/// A message and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its id.
    pub id: Uuid,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What it tells.
    pub event: WebhookEvent,
    /// The body.
    pub body: String,
    /// How far it came.
    pub status: DeliveryStatus,
    /// Asked for by a person, who waits for the one attempt.
    pub is_test: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Millis,
    /// When it is sent next, while it is queued.
    pub next_attempt_at: Millis,
    /// When it was last sent.
    pub last_attempt_at: Option<Millis>,
    /// The status of the last answer.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// A message that this process sends now, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLease {
    /// The message.
    pub delivery: WebhookDelivery,
    /// The webhook.
    pub webhook: Webhook,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: Millis,
    /// The answer's status, when there was one.
    pub status: Option<u16>,
    /// Why it failed; none: it was taken.
    pub error: Option<String>,
    /// When to try again after a failure; none: never.
    pub retry_at: Option<Millis>,
}

impl Store {
    /// The workspace's webhook.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn webhook(&self, workspace: WorkspaceId) -> Result<Option<Webhook>> {
        webhook::Entity::find_by_id(workspace.to_string())
            .one(self.reader())
            .await?
            .map(webhook_from)
            .transpose()
    }

    /// Sets the workspace's webhook. What waits for the former one goes to this one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_webhook(&self, webhook: &Webhook) -> Result<()> {
        webhook::Entity::insert(webhook::ActiveModel {
            workspace_id: Set(webhook.workspace.to_string()),
            url: Set(webhook.url.clone()),
            sealed_secret: Set(webhook.sealed_secret.clone()),
            created_at: Set(webhook.created_at.0),
            updated_at: Set(webhook.updated_at.0),
        })
        .on_conflict(
            OnConflict::column(webhook::Column::WorkspaceId)
                .update_columns([
                    webhook::Column::Url,
                    webhook::Column::SealedSecret,
                    webhook::Column::UpdatedAt,
                ])
                .to_owned(),
        )
        .exec_without_returning(self.writer())
        .await?;
        self.forget_deleted_bytes().await
    }

    /// Deletes the workspace's webhook and what waits for it; the log of what was sent stays. `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_webhook(&self, workspace: WorkspaceId) -> Result<bool> {
        let tx = self.begin().await?;
        let done = webhook::Entity::delete_by_id(workspace.to_string())
            .exec(&tx)
            .await?;
        webhook_delivery::Entity::delete_many()
            .filter(webhook_delivery::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(webhook_delivery::Column::Status.eq(to_word(DeliveryStatus::Queued)))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        if done.rows_affected > 0 {
            self.forget_deleted_bytes().await?;
        }
        Ok(done.rows_affected > 0)
    }
}

async fn find_webhook(tx: &DatabaseTransaction, workspace: WorkspaceId) -> Result<Option<Webhook>> {
    webhook::Entity::find_by_id(workspace.to_string())
        .one(tx)
        .await?
        .map(webhook_from)
        .transpose()
}

fn webhook_from(model: webhook::Model) -> Result<Webhook> {
    let row = Row::new("webhooks", &model.workspace_id);
    Ok(Webhook {
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        url: model.url,
        sealed_secret: model.sealed_secret,
        created_at: Millis(model.created_at),
        updated_at: Millis(model.updated_at),
    })
}
