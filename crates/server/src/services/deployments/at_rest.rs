//! The state of a site between deployments: what its last deployment left, and whether somebody changed that since. What
//! its owner has changed here and not deployed yet is no drift: the account is as it was deployed.

use crate::{app::App, problem::Outcome};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus, StepStatus},
    desired::script_name,
    ids::DeploymentId,
    observed::Observed,
    plan::Plan,
};
use store::{Deployment, Page, Site};

/// The state that follows from a look at the account.
pub(super) async fn status_seen(
    app: &App,
    site: &Site,
    plan: &Plan,
    observed: &Observed,
) -> Outcome<SiteStatus> {
    if plan.is_in_sync() {
        return Ok(SiteStatus::InSync);
    }
    let ours = script_name(site.id);
    let is_served = || {
        observed.script.is_some()
            && observed
                .routes
                .iter()
                .any(|route| route.script.as_ref() == Some(&ours))
    };
    let base = match site.status {
        // The records may be older than the account.
        SiteStatus::New if is_served() => SiteStatus::InSync,
        known @ (SiteStatus::New | SiteStatus::InSync | SiteStatus::Failed) => known,
        _ => after_deployments(app, site, None).await?,
    };
    Ok(if base == SiteStatus::InSync && plan.is_drifted() {
        SiteStatus::Drifted
    } else {
        base
    })
}

/// The state that the deployments so far left, with what is known of drift. `ended`: one that is just ending, and how.
pub(crate) async fn at_rest(
    app: &App,
    site: &Site,
    ended: Option<(DeploymentId, DeploymentStatus)>,
) -> Outcome<SiteStatus> {
    let status = after_deployments(app, site, ended).await?;
    let is_drifted =
        status == SiteStatus::InSync && app.store.drift(site.workspace, site.id).await?.is_some();
    Ok(if is_drifted {
        SiteStatus::Drifted
    } else {
        status
    })
}

/// What one deployment says of its site afterwards; `None`: ask the one before it.
fn left_by(deployment: &Deployment, status: DeploymentStatus) -> Option<SiteStatus> {
    let has_begun = deployment
        .steps
        .iter()
        .any(|step| step.status != StepStatus::Waiting);
    match status {
        DeploymentStatus::Live => Some(SiteStatus::InSync),
        DeploymentStatus::Failed => Some(SiteStatus::Failed),
        // Half of the site is gone.
        DeploymentStatus::Cancelled
            if deployment.kind == DeploymentKind::Remove
                && deployment.of.is_none()
                && has_begun =>
        {
            Some(SiteStatus::Failed)
        }
        _ => None,
    }
}

async fn after_deployments(
    app: &App,
    site: &Site,
    ended: Option<(DeploymentId, DeploymentStatus)>,
) -> Outcome<SiteStatus> {
    let mut page = Page::first(50);
    loop {
        let listed = app
            .store
            .list_deployments(site.workspace, Some(site.id), &page)
            .await?;
        let found = listed.items.iter().find_map(|deployment| match ended {
            Some((id, status)) if id == deployment.id => left_by(deployment, status),
            _ => left_by(deployment, deployment.status),
        });
        if let Some(status) = found {
            return Ok(status);
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    // None went live. A Worker that was stopped on its way serves all the same where a route leads to it.
    let recorded = &site.recorded;
    let is_served = !recorded.routes.is_empty() || recorded.adopted.iter().any(|it| it.is_taken);
    Ok(if is_served {
        SiteStatus::Failed
    } else {
        SiteStatus::New
    })
}
