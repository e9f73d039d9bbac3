//! Deployments.
use crate::{Listed, Page, Result, Store};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, StepStatus},
    ids::{DeploymentId, SiteId, WorkspaceId},
    plan::{Plan, Step},
    time::Millis,
};
use serde_json::Value;
/// One application of one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    pub id: DeploymentId,
    pub workspace: WorkspaceId,
    pub site: SiteId,
    pub site_name: String,
    pub kind: DeploymentKind,
    pub status: DeploymentStatus,
    pub plan: Option<Plan>,
    pub steps: Vec<DeploymentStep>,
    pub problem: Option<Value>,
    pub proof: Option<Value>,
    pub requested_by: String,
    pub created_at: Millis,
    pub started_at: Option<Millis>,
    pub finished_at: Option<Millis>,
    pub api_calls: u32,
    pub cancel_requested: bool,
    pub of: Option<DeploymentId>,
}
/// One of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentStep {
    pub index: u32,
    pub step: Step,
    pub status: StepStatus,
    pub started_at: Option<Millis>,
    pub finished_at: Option<Millis>,
    pub problem: Option<Value>,
    pub note: Option<String>,
}
/// Something that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentEvent {
    pub seq: i64,
    pub at: Millis,
    pub kind: String,
    pub data: Value,
}
/// The answer of [`Store::enqueue_deployment`].
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueued {
    pub deployment: Deployment,
    pub is_new: bool,
}
impl Store {
    pub async fn enqueue_deployment(&self, deployment: &Deployment) -> Result<Enqueued> {
        todo!()
    }
    pub async fn lease_deployment(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<Deployment>> {
        todo!()
    }
    pub async fn renew_lease(&self, id: DeploymentId, owner: &str, until: Millis) -> Result<bool> {
        todo!()
    }
    pub async fn set_deployment_plan(
        &self,
        id: DeploymentId,
        plan: &Plan,
        now: Millis,
    ) -> Result<()> {
        todo!()
    }
    pub async fn start_step(&self, id: DeploymentId, index: u32, now: Millis) -> Result<()> {
        todo!()
    }
    pub async fn finish_step(
        &self,
        id: DeploymentId,
        index: u32,
        status: StepStatus,
        problem: Option<Value>,
        note: Option<String>,
        now: Millis,
    ) -> Result<()> {
        todo!()
    }
    pub async fn note_deployment(&self, id: DeploymentId, now: Millis, data: Value) -> Result<()> {
        todo!()
    }
    pub async fn set_deployment_proof(&self, id: DeploymentId, proof: &Value) -> Result<()> {
        todo!()
    }
    pub async fn finish_deployment(
        &self,
        id: DeploymentId,
        owner: &str,
        status: DeploymentStatus,
        problem: Option<Value>,
        api_calls: u32,
        now: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn request_cancel(&self, workspace: WorkspaceId, id: DeploymentId) -> Result<bool> {
        todo!()
    }
    pub async fn is_cancel_requested(&self, id: DeploymentId) -> Result<bool> {
        todo!()
    }
    pub async fn deployment(
        &self,
        workspace: WorkspaceId,
        id: DeploymentId,
    ) -> Result<Option<Deployment>> {
        todo!()
    }
    pub async fn list_deployments(
        &self,
        workspace: WorkspaceId,
        site: Option<SiteId>,
        page: &Page,
    ) -> Result<Listed<Deployment>> {
        todo!()
    }
    pub async fn events_after(
        &self,
        workspace: WorkspaceId,
        id: DeploymentId,
        seq: i64,
    ) -> Result<Vec<DeploymentEvent>> {
        todo!()
    }
}
