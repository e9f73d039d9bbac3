//! The watch over accounts: whose turn it is to be looked at, and what was found to differ from what was deployed.

use crate::{
    Result, Store,
    convert::{Row, to_json},
    entities::site::{Column, Entity},
    sites,
};
use domain::{
    deployment::SiteStatus,
    ids::{SiteId, WorkspaceId},
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

    /// Stores what differs, or that nothing does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_drift(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        drift: Option<&Value>,
    ) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::Drift, Expr::value(drift.map(to_json)))
            .filter(Column::Id.eq(site.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(())
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
        let Some(text) = stored.flatten() else {
            return Ok(None);
        };
        Ok(Some(
            Row::new("sites", &site.to_string()).json("drift", &text)?,
        ))
    }
}
