//! Beginning, stopping, going on, taking back.

use crate::{
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

fn to(deployment: Outcome<Deployment>) -> Result<Response, Problem> {
    Ok(Redirect::to(&format!("/deployments/{}", deployment?.id)).into_response())
}

/// Deploys the site, or leads to the deployment that runs already.
pub(in crate::console) async fn deploy(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = id::<SiteId>(&text, "site")?;
    to(deployments::start(
        desk.app(),
        desk.ws(),
        site,
        DeploymentKind::Apply,
        desk.me.by(),
    )
    .await)
}

/// Stops at the next safe point.
pub(in crate::console) async fn cancel(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    to(deployments::cancel(desk.app(), desk.ws(), deployment).await)
}

/// Does what is left.
pub(in crate::console) async fn continue_(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    to(deployments::continue_(desk.app(), desk.ws(), deployment, desk.me.by()).await)
}

/// Takes back what it changed.
pub(in crate::console) async fn undo(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    to(deployments::undo(desk.app(), desk.ws(), deployment, desk.me.by()).await)
}

/// Brings its Worker back.
pub(in crate::console) async fn rollback(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    to(deployments::rollback(desk.app(), desk.ws(), deployment, desk.me.by()).await)
}
