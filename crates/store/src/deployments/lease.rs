//! Who works on a deployment, and until when that may be believed.

use super::{Deployment, events, is_active, queue, read};
use crate::{
    Result, Store,
    convert::to_json,
    entities::{deployment, site},
    sites,
};
use domain::{deployment::DeploymentStatus, ids::DeploymentId, time::Millis};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::Value;

/// How many waiting deployments one call looks at; the others get their turn with the next call.
const LOOK_AT: u64 = 32;

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentEnd {
    /// How.
    pub status: DeploymentStatus,
    /// Why it failed.
    pub problem: Option<Value>,
    /// How many calls to Cloudflare it took.
    pub api_calls: u32,
    /// What must follow at once: a deployment of the same site.
    pub next: Option<Deployment>,
}

impl Store {
    /// Takes the oldest deployment that is queued, or whose process let its lease run out, for `owner` until `until`; none
    /// of a site whose content another process is just bringing to the edge. Of several that try at once, one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_deployment(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<Deployment>> {
        // Without locks first, and from the readers: most of the time there is nothing.
        let candidates = deployment::Entity::find()
            .filter(can_be_taken(now))
            .order_by_asc(deployment::Column::CreatedAt)
            .order_by_asc(deployment::Column::Id)
            .limit(LOOK_AT)
            .all(self.reader())
            .await?;
        for candidate in candidates {
            if let Some(taken) = self.take(&candidate, owner, now, until).await? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    async fn take(
        &self,
        candidate: &deployment::Model,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<Deployment>> {
        let tx = self.begin().await?;
        // The site first, always: that is the order in which everybody locks.
        let site = site::Entity::find_by_id(candidate.site_id.as_str())
            .lock_exclusive()
            .one(&tx)
            .await?;
        let is_syncing = site
            .and_then(|site| site.sync_lease_until)
            .is_some_and(|until| until > now.0);
        if is_syncing {
            return Ok(None);
        }
        let row = deployment::Entity::find_by_id(candidate.id.as_str())
            .filter(can_be_taken(now))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let started_at = row.started_at.unwrap_or(now.0);
        let mut row = row.into_active_model();
        row.status = Set(DeploymentStatus::Running.as_str().to_owned());
        row.started_at = Set(Some(started_at));
        row.lease_owner = Set(Some(owner.to_owned()));
        row.lease_until = Set(Some(until.0));
        let row = row.update(&tx).await?;
        events::append_status(
            &tx,
            &row.id,
            &row.workspace_id,
            now,
            DeploymentStatus::Running,
            None,
        )
        .await?;
        let taken = read::one(&tx, Some(row)).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Keeps the lease until `until`; `false` when it is another's now, or the deployment is over: whoever hears that
    /// stops at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_lease(&self, id: DeploymentId, owner: &str, until: Millis) -> Result<bool> {
        let done = deployment::Entity::update_many()
            .col_expr(deployment::Column::LeaseUntil, Expr::value(until.0))
            .filter(deployment::Column::Id.eq(id.to_string()))
            .filter(deployment::Column::LeaseOwner.eq(owner))
            .filter(deployment::Column::Status.eq(DeploymentStatus::Running.as_str()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Whether somebody wants the deployment to stop.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_cancel_requested(&self, id: DeploymentId) -> Result<bool> {
        Ok(deployment::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?
            .is_some_and(|row| row.cancel_requested))
    }

    /// Stores what was seen at the edge.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_deployment_proof(&self, id: DeploymentId, proof: &Value) -> Result<()> {
        deployment::Entity::update_many()
            .col_expr(deployment::Column::Proof, Expr::value(to_json(proof)))
            .filter(deployment::Column::Id.eq(id.to_string()))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Ends the deployment and the lease; event `status`. `false` when the lease is another's: then nothing is written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_deployment(
        &self,
        id: DeploymentId,
        owner: &str,
        status: DeploymentStatus,
        problem: Option<Value>,
        api_calls: u32,
        now: Millis,
    ) -> Result<bool> {
        let end = DeploymentEnd {
            status,
            problem,
            api_calls,
            next: None,
        };
        self.end_deployment(id, owner, &end, now).await
    }

    /// The same, and queues the deployment that must follow in the same moment: nobody comes in between, and a process that
    /// is killed here has done both or neither.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_deployment(
        &self,
        id: DeploymentId,
        owner: &str,
        end: &DeploymentEnd,
        now: Millis,
    ) -> Result<bool> {
        let DeploymentEnd {
            status,
            problem,
            api_calls,
            next,
        } = end;
        let tx = self.begin().await?;
        if let Some(next) = next {
            sites::lock(&tx, next.workspace, next.site).await?;
        }
        let row = deployment::Entity::find_by_id(id.to_string())
            .filter(deployment::Column::LeaseOwner.eq(owner))
            .filter(is_active())
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        let mut row = row.into_active_model();
        row.status = Set(status.as_str().to_owned());
        row.problem = Set(problem.as_ref().map(to_json));
        row.api_calls = Set(i64::from(*api_calls));
        row.finished_at = Set(Some(now.0));
        row.lease_owner = Set(None);
        row.lease_until = Set(None);
        let row = row.update(&tx).await?;
        events::append_status(
            &tx,
            &row.id,
            &row.workspace_id,
            now,
            *status,
            problem.as_ref(),
        )
        .await?;
        if let Some(next) = next {
            queue(&tx, next).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Queued, or running under a lease that is over.
fn can_be_taken(now: Millis) -> Condition {
    Condition::any()
        .add(deployment::Column::Status.eq(DeploymentStatus::Queued.as_str()))
        .add(
            Condition::all()
                .add(deployment::Column::Status.eq(DeploymentStatus::Running.as_str()))
                .add(
                    Condition::any()
                        .add(deployment::Column::LeaseUntil.is_null())
                        .add(deployment::Column::LeaseUntil.lte(now.0)),
                ),
        )
}
