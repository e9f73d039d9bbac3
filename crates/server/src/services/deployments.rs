//! Deployments: what would change, and the asking for it. The work itself is in [`crate::reconcile`].

mod again;
mod events;
pub(crate) mod many;
mod standing;

pub(crate) use again::{continue_, rollback, undo};
pub(crate) use events::event_stream;
pub(crate) use standing::{Standing, standing};

use super::{agents, connections, sites};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    reconcile::{material::material_for, observe::observe},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus},
    desired::Goal,
    ids::{DeploymentId, SiteId, WorkspaceId},
    observed::{Observed, Recorded},
    plan::{self, Plan, Warning, check::check_complete},
};
use std::time::Duration;
use store::{Deployment, DeploymentEvent, Listed, Page, Site};
use uuid::Uuid;

/// How long a removal waits for the deployment in its way to stop.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// What deploying the site now would change. Reads only; the site's status follows what is seen.
pub(crate) async fn plan(app: &App, ws: WorkspaceId, site: &Site) -> Outcome<(Plan, Observed)> {
    let looked = look(app, site).await;
    let (status, observed_at) = match &looked {
        Ok((plan, observed)) => (status_after(site, plan, observed), Some(app.clock.now())),
        Err(_) => (SiteStatus::Unknown, None),
    };
    // A deployment says itself how the site is; and of a new one there is nothing to know.
    let stays = site.status == SiteStatus::Deploying
        || (site.status == SiteStatus::New && status == SiteStatus::Unknown);
    if !stays {
        app.store
            .set_site_status(ws, site.id, status, observed_at)
            .await?;
    }
    looked
}

async fn look(app: &App, site: &Site) -> Outcome<(Plan, Observed)> {
    let connection = connections::of_site(app, site).await?;
    let api = connections::api_for(app, &connection)?;
    let (observed, _) = observe(&api, site).await?;
    let material = material_for(app, site).await?;
    let goal = Goal::Present(Box::new(material.desired));
    let mut plan = plan::plan(&goal, &observed);
    check_complete(&goal, &observed, &plan).map_err(|violation| Problem::internal(&violation))?;
    let registry = agents::active(app, site.workspace).await?;
    let overrides = site.settings.agents.overrides(&registry);
    if !overrides.is_empty() {
        plan.warnings.push(Warning {
            code: "search_engines_served".to_owned(),
            detail: format!("By this site's own settings variants go to {}, which get the page that people get everywhere else. A search engine may take that for cloaking.", overrides.join(", ")),
        });
    }
    if site.recorded.pinned.is_some() {
        plan.warnings.push(Warning {
            code: "rolled_back".to_owned(),
            detail: "The site runs the Worker of an earlier deployment, as it was asked to. The next deployment brings the present one."
                .to_owned(),
        });
    }
    Ok((plan, observed))
}

fn status_after(site: &Site, plan: &Plan, observed: &Observed) -> SiteStatus {
    if plan.is_in_sync() {
        SiteStatus::InSync
    } else if site.recorded == Recorded::default() && observed.script.is_none() {
        match site.status {
            SiteStatus::Failed => SiteStatus::Failed,
            _ => SiteStatus::New,
        }
    } else if site.status == SiteStatus::Failed {
        SiteStatus::Failed
    } else {
        SiteStatus::Drifted
    }
}

/// Asks for a deployment; while one of the site is queued or running, the answer is that one. A removal does not take
/// another deployment for itself: it stops that one first.
pub(crate) async fn start(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    kind: DeploymentKind,
    by: &str,
) -> Outcome<Deployment> {
    let give_up = tokio::time::Instant::now() + STOP_WAIT;
    loop {
        let deployment = enqueue(app, ws, site, kind, None, by).await?;
        if kind != DeploymentKind::Remove || deployment.kind == DeploymentKind::Remove {
            return Ok(deployment);
        }
        app.store.request_cancel(ws, deployment.id).await?;
        if tokio::time::Instant::now() > give_up {
            return Err(Problem::new(
                Code::InvalidState,
                "A deployment of this site is running; it was told to stop, but has not stopped yet.",
            )
            .cause("It waits for an answer of Cloudflare.")
            .remedy("Ask for the removal again in a moment."));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Puts a deployment into the queue and wakes the driver.
async fn enqueue(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    kind: DeploymentKind,
    of: Option<DeploymentId>,
    by: &str,
) -> Outcome<Deployment> {
    let site = sites::get(app, ws, site).await?;
    let deployment = Deployment {
        id: DeploymentId::from_uuid(Uuid::now_v7()),
        workspace: ws,
        site: site.id,
        site_name: site.name,
        kind,
        status: DeploymentStatus::Queued,
        plan: None,
        steps: Vec::new(),
        problem: None,
        proof: None,
        requested_by: by.to_owned(),
        created_at: app.clock.now(),
        started_at: None,
        finished_at: None,
        api_calls: 0,
        cancel_requested: false,
        of,
    };
    let enqueued = app.store.enqueue_deployment(&deployment).await?;
    app.signals.wake_driver();
    app.signals.deployment_changed(enqueued.deployment.id);
    Ok(enqueued.deployment)
}

/// One page of the deployments of a site, or of all, newest first.
pub(crate) async fn list(
    app: &App,
    ws: WorkspaceId,
    site: Option<SiteId>,
    page: &Page,
) -> Outcome<Listed<Deployment>> {
    Ok(app.store.list_deployments(ws, site, page).await?)
}

/// A deployment, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId, id: DeploymentId) -> Outcome<Deployment> {
    app.store
        .deployment(ws, id)
        .await?
        .ok_or_else(|| Problem::not_found("deployment", &id.to_string()))
}

/// What happened to a deployment after the event `seq`.
pub(crate) async fn events_after(
    app: &App,
    ws: WorkspaceId,
    id: DeploymentId,
    seq: i64,
) -> Outcome<Vec<DeploymentEvent>> {
    Ok(app.store.events_after(ws, id, seq).await?)
}

/// Stops a deployment at its next safe point, between two steps. What is done stays; it can be continued or undone.
pub(crate) async fn cancel(app: &App, ws: WorkspaceId, id: DeploymentId) -> Outcome<Deployment> {
    let deployment = get(app, ws, id).await?;
    if !app.store.request_cancel(ws, id).await? {
        return Err(Problem::new(
            Code::InvalidState,
            format!(
                "This deployment is {}: there is nothing to stop.",
                deployment.status
            ),
        )
        .cause("It ended before it was told to stop.")
        .remedy("Undo it if its changes are not wanted."));
    }
    app.signals.wake_driver();
    app.signals.deployment_changed(id);
    get(app, ws, id).await
}
