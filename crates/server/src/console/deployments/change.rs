//! Beginning, stopping, going on, taking back.

use crate::{
    audit::{Event, Kind},
    console::desk::{Desk, id},
    problem::{Outcome, Problem},
    services::deployments,
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::{
    deployment::DeploymentKind,
    ids::{DeploymentId, SiteId},
};
use store::Deployment;

/// Writes down what was done and leads to the deployment.
async fn to(desk: &Desk, kind: Kind, deployment: Outcome<Deployment>) -> Result<Response, Problem> {
    let deployment = deployment?;
    desk.record(Event::deployment(kind, &deployment)).await;
    Ok(Redirect::to(&format!("/deployments/{}", deployment.id)).into_response())
}

/// Deploys the site, or leads to the deployment that runs already.
pub(in crate::console) async fn deploy(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = id::<SiteId>(&text, "site")?;
    let kind = DeploymentKind::Apply;
    let started = deployments::start(desk.app(), desk.ws(), site, kind, desk.me.by()).await;
    to(&desk, Kind::DeploymentRequested, started).await
}

/// Stops at the next safe point.
pub(in crate::console) async fn cancel(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    let outcome = deployments::cancel(desk.app(), desk.ws(), deployment).await;
    to(&desk, Kind::DeploymentCancelled, outcome).await
}

/// Does what is left.
pub(in crate::console) async fn continue_(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    let outcome = deployments::continue_(desk.app(), desk.ws(), deployment, desk.me.by()).await;
    to(&desk, Kind::DeploymentContinued, outcome).await
}

/// Takes back what it changed.
pub(in crate::console) async fn undo(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    let outcome = deployments::undo(desk.app(), desk.ws(), deployment, desk.me.by()).await;
    to(&desk, Kind::DeploymentUndone, outcome).await
}

/// Brings its Worker back.
pub(in crate::console) async fn rollback(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    let outcome = deployments::rollback(desk.app(), desk.ws(), deployment, desk.me.by()).await;
    to(&desk, Kind::DeploymentRolledBack, outcome).await
}
