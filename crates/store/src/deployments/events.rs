//! Progress: each change of a deployment or a step writes its event in the same transaction.

use super::{DeploymentStep, read::read_step};
use crate::{
    Result, Store, StoreError,
    convert::to_json,
    entities::{deployment, deployment_event, deployment_step},
};
use domain::{
    deployment::{DeploymentStatus, StepStatus},
    ids::DeploymentId,
    plan::Plan,
    time::Millis,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::{Value, json};

impl Store {
    /// Stores the plan and replaces the steps; event `steps`.
    /// A process that takes over from a dead one computes the plan again, and does this again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such deployment.
    pub async fn set_deployment_plan(
        &self,
        id: DeploymentId,
        plan: &Plan,
        now: Millis,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let row = lock(&tx, id).await?;
        deployment_step::Entity::delete_many()
            .filter(deployment_step::Column::DeploymentId.eq(row.id.as_str()))
            .exec(&tx)
            .await?;
        let mut steps = Vec::with_capacity(plan.steps.len());
        for (index, step) in (0u32..).zip(&plan.steps) {
            let model = deployment_step::ActiveModel {
                deployment_id: Set(row.id.clone()),
                position: Set(i64::from(index)),
                workspace_id: Set(row.workspace_id.clone()),
                step: Set(to_json(step)),
                status: Set(StepStatus::Waiting.as_str().to_owned()),
                started_at: Set(None),
                finished_at: Set(None),
                problem: Set(None),
                note: Set(None),
            };
            deployment_step::Entity::insert(model)
                .exec_without_returning(&tx)
                .await?;
            steps.push(step_data(&DeploymentStep {
                index,
                step: step.clone(),
                status: StepStatus::Waiting,
                started_at: None,
                finished_at: None,
                problem: None,
                note: None,
            }));
        }
        deployment::Entity::update_many()
            .col_expr(deployment::Column::Plan, Expr::value(to_json(plan)))
            .filter(deployment::Column::Id.eq(row.id.as_str()))
            .exec(&tx)
            .await?;
        append(
            &tx,
            &row.id,
            &row.workspace_id,
            now,
            "steps",
            &json!({ "steps": steps }),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes down that the step is begun; event `step`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such step.
    pub async fn start_step(&self, id: DeploymentId, index: u32, now: Millis) -> Result<()> {
        self.change_step(id, index, now, |step| {
            step.status = Set(StepStatus::Running.as_str().to_owned());
            step.started_at = Set(Some(now.0));
            step.finished_at = Set(None);
            step.problem = Set(None);
        })
        .await
    }

    /// Writes down how the step ended; event `step`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such step.
    pub async fn finish_step(
        &self,
        id: DeploymentId,
        index: u32,
        status: StepStatus,
        problem: Option<Value>,
        note: Option<String>,
        now: Millis,
    ) -> Result<()> {
        self.change_step(id, index, now, |step| {
            step.status = Set(status.as_str().to_owned());
            step.finished_at = Set(Some(now.0));
            step.problem = Set(problem.as_ref().map(to_json));
            step.note = Set(note);
        })
        .await
    }

    async fn change_step(
        &self,
        id: DeploymentId,
        index: u32,
        now: Millis,
        change: impl FnOnce(&mut deployment_step::ActiveModel),
    ) -> Result<()> {
        let tx = self.begin().await?;
        let row = lock(&tx, id).await?;
        let step = deployment_step::Entity::find_by_id((row.id.clone(), i64::from(index)))
            .one(&tx)
            .await?
            .ok_or(StoreError::Missing { what: "step" })?;
        let mut step = step.into_active_model();
        change(&mut step);
        let step = read_step(step.update(&tx).await?)?;
        append(
            &tx,
            &row.id,
            &row.workspace_id,
            now,
            "step",
            &step_data(&step),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Adds an event `note`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such deployment.
    pub async fn note_deployment(&self, id: DeploymentId, now: Millis, data: Value) -> Result<()> {
        let tx = self.begin().await?;
        let row = lock(&tx, id).await?;
        append(&tx, &row.id, &row.workspace_id, now, "note", &data).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Locks the deployment's row: whoever writes an event does this first, so that the numbers have no gap and no double.
pub(super) async fn lock(tx: &DatabaseTransaction, id: DeploymentId) -> Result<deployment::Model> {
    deployment::Entity::find_by_id(id.to_string())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(StoreError::Missing { what: "deployment" })
}

pub(super) async fn append_status(
    tx: &DatabaseTransaction,
    deployment: &str,
    workspace: &str,
    at: Millis,
    status: DeploymentStatus,
    problem: Option<&Value>,
) -> Result<()> {
    let mut data = json!({ "status": status.as_str() });
    if let (Some(problem), Some(data)) = (problem, data.as_object_mut()) {
        data.insert("problem".to_owned(), problem.clone());
    }
    append(tx, deployment, workspace, at, "status", &data).await
}

async fn append(
    tx: &DatabaseTransaction,
    deployment: &str,
    workspace: &str,
    at: Millis,
    kind: &str,
    data: &Value,
) -> Result<()> {
    let last = deployment_event::Entity::find()
        .filter(deployment_event::Column::DeploymentId.eq(deployment))
        .order_by_desc(deployment_event::Column::Seq)
        .one(tx)
        .await?
        .map_or(0, |event| event.seq);
    let event = deployment_event::ActiveModel {
        deployment_id: Set(deployment.to_owned()),
        seq: Set(last + 1),
        workspace_id: Set(workspace.to_owned()),
        at: Set(at.0),
        kind: Set(kind.to_owned()),
        data: Set(to_json(data)),
    };
    deployment_event::Entity::insert(event)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// A step as it stands in events.
fn step_data(step: &DeploymentStep) -> Value {
    json!({
        "index": step.index,
        "action": step.step.action.as_str(),
        "resource": step.step.resource.as_str(),
        "name": step.step.name,
        "status": step.status.as_str(),
        "startedAt": step.started_at.map(|at| at.0),
        "finishedAt": step.finished_at.map(|at| at.0),
        "problem": step.problem,
        "note": step.note,
    })
}
