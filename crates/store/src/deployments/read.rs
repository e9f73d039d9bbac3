//! Reading deployments with their steps.

use super::{Deployment, DeploymentEvent, DeploymentStep};
use crate::{
    Listed, Page, Result, Store,
    convert::Row,
    entities::{deployment, deployment_event, deployment_step},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, StepStatus},
    ids::{DeploymentId, SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::ExprTrait,
};
use std::collections::HashMap;

impl Store {
    /// The deployment with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deployment(
        &self,
        workspace: WorkspaceId,
        id: DeploymentId,
    ) -> Result<Option<Deployment>> {
        let row = deployment::Entity::find_by_id(id.to_string())
            .filter(deployment::Column::WorkspaceId.eq(workspace.to_string()))
            .one(self.reader())
            .await?;
        one(self.reader(), row).await
    }

    /// The newest deployment that takes this one back, whether it is over or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn undoing_of(
        &self,
        workspace: WorkspaceId,
        id: DeploymentId,
    ) -> Result<Option<Deployment>> {
        let row = deployment::Entity::find()
            .filter(deployment::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(deployment::Column::OfId.eq(id.to_string()))
            .filter(deployment::Column::Kind.eq(DeploymentKind::Remove.as_str()))
            .order_by_desc(deployment::Column::CreatedAt)
            .order_by_desc(deployment::Column::Id)
            .limit(1)
            .one(self.reader())
            .await?;
        one(self.reader(), row).await
    }

    /// The deployments of a site, or of all, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_deployments(
        &self,
        workspace: WorkspaceId,
        site: Option<SiteId>,
        page: &Page,
    ) -> Result<Listed<Deployment>> {
        use deployment::Column;
        let mut query = deployment::Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(page.rows() + 1);
        if let Some(site) = site {
            query = query.filter(Column::SiteId.eq(site.to_string()));
        }
        if let Some((at, id)) = page.start::<(i64, String)>()? {
            query = query.filter(
                Condition::any()
                    .add(Column::CreatedAt.lt(at))
                    .add(Column::CreatedAt.eq(at).and(Column::Id.lt(id))),
            );
        }
        let rows = query.all(self.reader()).await?;
        let listed = Listed::cut(rows, page, |row| (row.created_at, row.id.clone()));
        Ok(Listed {
            items: many(self.reader(), listed.items).await?,
            next: listed.next,
        })
    }

    /// What happened to the deployment after the event `seq`; 0 for everything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_after(
        &self,
        workspace: WorkspaceId,
        id: DeploymentId,
        seq: i64,
    ) -> Result<Vec<DeploymentEvent>> {
        deployment_event::Entity::find()
            .filter(deployment_event::Column::DeploymentId.eq(id.to_string()))
            .filter(deployment_event::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(deployment_event::Column::Seq.gt(seq))
            .order_by_asc(deployment_event::Column::Seq)
            .all(self.reader())
            .await?
            .into_iter()
            .map(|event| {
                let data = Row::new("deployment_events", &event.deployment_id)
                    .json("data", &event.data)?;
                Ok(DeploymentEvent {
                    seq: event.seq,
                    at: Millis(event.at),
                    kind: event.kind,
                    data,
                })
            })
            .collect()
    }
}

pub(super) async fn one(
    db: &impl ConnectionTrait,
    row: Option<deployment::Model>,
) -> Result<Option<Deployment>> {
    Ok(many(db, row.into_iter().collect()).await?.pop())
}

async fn many(db: &impl ConnectionTrait, rows: Vec<deployment::Model>) -> Result<Vec<Deployment>> {
    let mut steps: HashMap<String, Vec<DeploymentStep>> = HashMap::new();
    if !rows.is_empty() {
        let found = deployment_step::Entity::find()
            .filter(
                deployment_step::Column::DeploymentId.is_in(rows.iter().map(|row| row.id.as_str())),
            )
            .order_by_asc(deployment_step::Column::Position)
            .all(db)
            .await?;
        for model in found {
            let of = model.deployment_id.clone();
            steps.entry(of).or_default().push(read_step(model)?);
        }
    }
    rows.into_iter()
        .map(|model| {
            let steps = steps.remove(&model.id).unwrap_or_default();
            read(model, steps)
        })
        .collect()
}

pub(super) fn read_step(model: deployment_step::Model) -> Result<DeploymentStep> {
    let row = Row::new("deployment_steps", &model.deployment_id);
    Ok(DeploymentStep {
        index: row.count("position", model.position)?,
        step: row.json("step", &model.step)?,
        status: row.word("status", &model.status, StepStatus::from_word)?,
        started_at: model.started_at.map(Millis),
        finished_at: model.finished_at.map(Millis),
        problem: row.json_option("problem", model.problem.as_ref())?,
        note: model.note,
    })
}

fn read(model: deployment::Model, steps: Vec<DeploymentStep>) -> Result<Deployment> {
    let row = Row::new("deployments", &model.id);
    Ok(Deployment {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        site: row.parse("site_id", &model.site_id)?,
        kind: row.word("kind", &model.kind, DeploymentKind::from_word)?,
        status: row.word("status", &model.status, DeploymentStatus::from_word)?,
        plan: row.json_option("plan", model.plan.as_ref())?,
        problem: row.json_option("problem", model.problem.as_ref())?,
        proof: row.json_option("proof", model.proof.as_ref())?,
        api_calls: row.count("api_calls", model.api_calls)?,
        of: row.parse_option("of_id", model.of_id.as_ref())?,
        restored: row.json_option("restored", model.restored.as_ref())?,
        steps,
        site_name: model.site_name,
        requested_by: model.requested_by,
        created_at: Millis(model.created_at),
        started_at: model.started_at.map(Millis),
        finished_at: model.finished_at.map(Millis),
        cancel_requested: model.cancel_requested,
    })
}
