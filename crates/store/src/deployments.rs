//! Deployments: a queue in the rows themselves. A process leases one, works on it, renews the lease, finishes it; when the
//! process dies the lease runs out and another takes over. The lease functions and those that write progress are the
//! driver's: they go by the deployment's id alone.

mod events;
mod lease;
mod read;

pub use lease::DeploymentEnd;

use crate::{
    Restored, Result, Store, StoreError,
    convert::to_json,
    entities::{deployment, site},
    sites,
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus, StepStatus},
    ids::{DeploymentId, SiteId, WorkspaceId},
    plan::{Plan, Step},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use serde_json::Value;

/// One application of one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The id.
    pub id: DeploymentId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site; may be gone.
    pub site: SiteId,
    /// What the site was called.
    pub site_name: String,
    /// What it does.
    pub kind: DeploymentKind,
    /// How far it is.
    pub status: DeploymentStatus,
    /// What is done, once that was computed.
    pub plan: Option<Plan>,
    /// The plan's steps and their outcomes.
    pub steps: Vec<DeploymentStep>,
    /// Why it failed: a problem as the API gives it.
    pub problem: Option<Value>,
    /// What was seen at the edge afterwards.
    pub proof: Option<Value>,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was asked for.
    pub created_at: Millis,
    /// When a process first took it.
    pub started_at: Option<Millis>,
    /// When nothing more happened.
    pub finished_at: Option<Millis>,
    /// How many calls to Cloudflare it took.
    pub api_calls: u32,
    /// Whether somebody wants it to stop at the next safe point.
    pub cancel_requested: bool,
    /// The deployment that this one takes back or continues.
    pub of: Option<DeploymentId>,
    /// What it brought back of what was published, once it did.
    pub restored: Option<Restored>,
}

/// One step of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentStep {
    /// Its place in the plan, from 0.
    pub index: u32,
    /// What is done.
    pub step: Step,
    /// How far it is.
    pub status: StepStatus,
    /// When it was begun.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// Why it failed.
    pub problem: Option<Value>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// Something that happened to a deployment, for whoever follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentEvent {
    /// 1, 2, 3 … within the deployment. An event is never seen before the one with the number below.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// `status` `{status, problem?}`, `steps` `{steps: [step…]}`, `step` (a step) or `note` (the caller's data). A step is
    /// `{index, action, resource, name, status, startedAt, finishedAt, problem, note}`, times in milliseconds.
    pub kind: String,
    /// What.
    pub data: Value,
}

/// The answer of [`Store::enqueue_deployment`].
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueued {
    /// The deployment that was queued, or the one that was queued or running before.
    pub deployment: Deployment,
    /// Whether it is the caller's.
    pub is_new: bool,
}

impl Store {
    /// Queues the deployment, unless one of the same site is queued or running: then that one is the answer. The site is
    /// `deploying` from then on.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the site is gone.
    pub async fn enqueue_deployment(&self, deployment: &Deployment) -> Result<Enqueued> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, deployment.workspace, deployment.site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        let active = deployment::Entity::find()
            .filter(deployment::Column::SiteId.eq(deployment.site.to_string()))
            .filter(is_active())
            .one(&tx)
            .await?;
        if active.is_some() {
            let known = read::one(&tx, active).await?;
            return known
                .map(|deployment| Enqueued {
                    deployment,
                    is_new: false,
                })
                .ok_or(StoreError::Missing { what: "deployment" });
        }
        let queued = queue(&tx, deployment).await?;
        tx.commit().await?;
        Ok(Enqueued {
            deployment: queued,
            is_new: true,
        })
    }

    /// Asks a queued or running deployment to stop at its next safe point; `false` when there is none, or it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn request_cancel(&self, workspace: WorkspaceId, id: DeploymentId) -> Result<bool> {
        let done = deployment::Entity::update_many()
            .col_expr(deployment::Column::CancelRequested, Expr::value(true))
            .filter(deployment::Column::Id.eq(id.to_string()))
            .filter(deployment::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(is_active())
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Says of a deployment that is over that its changes were taken back; event `status`. `false` when there is none, or
    /// it is not over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_undone(
        &self,
        workspace: WorkspaceId,
        id: DeploymentId,
        now: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let done = deployment::Entity::update_many()
            .col_expr(
                deployment::Column::Status,
                Expr::value(DeploymentStatus::Undone.as_str()),
            )
            .filter(deployment::Column::Id.eq(id.to_string()))
            .filter(deployment::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(is_active().not())
            .exec(&tx)
            .await?;
        if done.rows_affected == 0 {
            return Ok(false);
        }
        events::append_status(
            &tx,
            &id.to_string(),
            &workspace.to_string(),
            now,
            DeploymentStatus::Undone,
            None,
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// What the deployment brought back already.
pub(crate) async fn restored(
    tx: &DatabaseTransaction,
    id: Option<DeploymentId>,
) -> Result<Option<Restored>> {
    let Some(id) = id else { return Ok(None) };
    let row = deployment::Entity::find_by_id(id.to_string())
        .one(tx)
        .await?;
    Ok(read::one(tx, row).await?.and_then(|known| known.restored))
}

/// Keeps what the deployment brought back.
pub(crate) async fn set_restored(
    tx: &DatabaseTransaction,
    id: Option<DeploymentId>,
    restored: &Restored,
) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    deployment::Entity::update_many()
        .col_expr(deployment::Column::Restored, Expr::value(to_json(restored)))
        .filter(deployment::Column::Id.eq(id.to_string()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Puts it into the queue. The site is locked, and no other deployment of it is active.
async fn queue(tx: &DatabaseTransaction, deployment: &Deployment) -> Result<Deployment> {
    let queued = Deployment {
        status: DeploymentStatus::Queued,
        steps: Vec::new(),
        started_at: None,
        finished_at: None,
        cancel_requested: false,
        restored: None,
        ..deployment.clone()
    };
    deployment::Entity::insert(to_row(&queued))
        .exec_without_returning(tx)
        .await?;
    events::append_status(
        tx,
        &queued.id.to_string(),
        &queued.workspace.to_string(),
        queued.created_at,
        queued.status,
        None,
    )
    .await?;
    site::Entity::update_many()
        .col_expr(
            site::Column::Status,
            Expr::value(SiteStatus::Deploying.as_str()),
        )
        .filter(site::Column::Id.eq(queued.site.to_string()))
        .exec(tx)
        .await?;
    Ok(queued)
}

/// Queued or running.
fn is_active() -> Expr {
    deployment::Column::Status.is_in([
        DeploymentStatus::Queued.as_str(),
        DeploymentStatus::Running.as_str(),
    ])
}

fn to_row(deployment: &Deployment) -> deployment::ActiveModel {
    deployment::ActiveModel {
        id: Set(deployment.id.to_string()),
        workspace_id: Set(deployment.workspace.to_string()),
        site_id: Set(deployment.site.to_string()),
        site_name: Set(deployment.site_name.clone()),
        kind: Set(deployment.kind.as_str().to_owned()),
        status: Set(deployment.status.as_str().to_owned()),
        plan: Set(deployment.plan.as_ref().map(to_json)),
        problem: Set(deployment.problem.as_ref().map(to_json)),
        proof: Set(deployment.proof.as_ref().map(to_json)),
        requested_by: Set(deployment.requested_by.clone()),
        created_at: Set(deployment.created_at.0),
        started_at: Set(deployment.started_at.map(|at| at.0)),
        finished_at: Set(deployment.finished_at.map(|at| at.0)),
        api_calls: Set(i64::from(deployment.api_calls)),
        cancel_requested: Set(deployment.cancel_requested),
        of_id: Set(deployment.of.map(|id| id.to_string())),
        lease_owner: Set(None),
        lease_until: Set(None),
        restored: Set(deployment.restored.as_ref().map(to_json)),
    }
}
