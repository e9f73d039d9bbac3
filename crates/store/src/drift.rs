//! The watch over accounts: whose turn it is to be looked at, and what was found to differ from what was deployed.

use crate::{
    Result, Store,
    convert::{Row, to_json},
    entities::site::{Column, Entity},
    sites,
    webhooks::{self, NewDelivery},
};
use domain::{
    deployment::SiteStatus,
    ids::{ConnectionId, SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use serde_json::Value;

/// States in which a site has something in its account that can differ.
const WATCHED: [SiteStatus; 4] = [
    SiteStatus::InSync,
    SiteStatus::Drifted,
    SiteStatus::Failed,
    SiteStatus::Unknown,
];

impl Store {
    /// Takes the site that has waited longest for a look, and puts it off until `next`; `None` when nobody's turn has come.
    /// Of several processes that ask at once, one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_observation(
        &self,
        now: Millis,
        next: Millis,
    ) -> Result<Option<crate::Site>> {
        loop {
            let due = Entity::find()
                .filter(Column::ObserveAfter.lte(now.0))
                .filter(Column::Status.is_in(WATCHED.map(SiteStatus::as_str)))
                .order_by_asc(Column::ObserveAfter)
                .order_by_asc(Column::Id)
                .limit(1)
                .one(self.reader())
                .await?;
            let Some(due) = due else { return Ok(None) };
            let claimed = Entity::update_many()
                .col_expr(Column::ObserveAfter, Expr::value(next.0))
                .filter(Column::Id.eq(due.id.as_str()))
                .filter(Column::ObserveAfter.eq(due.observe_after))
                .exec(self.writer())
                .await?;
            if claimed.rows_affected == 1 {
                let claimed = sites::from_rows(self.reader(), vec![due]).await?;
                return Ok(claimed.into_iter().next());
            }
        }
    }

    /// Puts a look off that was claimed, since this is not the time for it. `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_off_observation(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        until: Millis,
    ) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::ObserveAfter, Expr::value(until.0))
            .filter(Column::Id.eq(site.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// How many sites of each connection are looked at, of all workspaces.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn watched_sites_for_background(&self) -> Result<Vec<(ConnectionId, u64)>> {
        let counted: Vec<(String, i64)> = Entity::find()
            .select_only()
            .column(Column::ConnectionId)
            .expr(Column::Id.count())
            .filter(Column::Status.is_in(WATCHED.map(SiteStatus::as_str)))
            .group_by(Column::ConnectionId)
            .order_by_asc(Column::ConnectionId)
            .into_tuple()
            .all(self.reader())
            .await?;
        counted
            .into_iter()
            .map(|(id, count)| {
                let row = Row::new("sites", "a count of them");
                let connection = row.parse("connection_id", &id)?;
                Ok((connection, u64::try_from(count).unwrap_or_default()))
            })
            .collect()
    }

    /// Stores what differs, or that nothing does, in the place of `former`, and queues what the webhook is to be told of
    /// that. `false` when something else stands there by now: somebody else looked, too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_drift(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        former: Option<&Value>,
        drift: Option<&Value>,
        message: Option<&NewDelivery>,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let row = Entity::find_by_id(site.to_string())
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        if read(&row.id, row.drift.as_deref())?.as_ref() != former {
            return Ok(false);
        }
        Entity::update_many()
            .col_expr(Column::Drift, Expr::value(drift.map(to_json)))
            .filter(Column::Id.eq(row.id.as_str()))
            .exec(&tx)
            .await?;
        if let Some(message) = message {
            webhooks::queue(&tx, workspace, message).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// What differed when the account was last looked at.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drift(&self, workspace: WorkspaceId, site: SiteId) -> Result<Option<Value>> {
        let stored: Option<Option<String>> = Entity::find_by_id(site.to_string())
            .select_only()
            .column(Column::Drift)
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .into_tuple()
            .one(self.reader())
            .await?;
        read(&site.to_string(), stored.flatten().as_deref())
    }
}

fn read(site: &str, stored: Option<&str>) -> Result<Option<Value>> {
    stored
        .map(|text| Row::new("sites", site).json("drift", text))
        .transpose()
}
