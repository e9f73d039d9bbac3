//! Deployments: what would change, and the asking for it. The work itself is in [`crate::reconcile`].

mod again;
mod at_rest;
mod content;
pub(crate) mod edits;
mod events;
pub(crate) mod many;
mod pending;
mod standing;

pub(crate) use again::{continue_, rollback, undo, undoing};
pub(crate) use at_rest::at_rest;
pub(crate) use content::restored_in_words;
pub(crate) use events::event_stream;
pub(crate) use pending::{Pending, pending};
pub(crate) use standing::{Config, Standing, standing};

use super::{agents, connections, sites};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    reconcile::{drift, material::material_for, observe::observe, outlook::next_plan},
};
use at_rest::status_seen;
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus},
    desired::Goal,
    ids::{DeploymentId, SiteId, WorkspaceId},
    observed::Observed,
    plan::{Plan, Warning, check::check_complete},
};
use std::time::Duration;
use store::{Deployment, DeploymentEvent, Listed, Page, Site};
use uuid::Uuid;

/// How long a removal waits for the deployment in its way to stop.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// What deploying the site now would change. Reads only; the site's status and what is known of its drift follow what is
/// seen.
pub(crate) async fn plan(app: &App, ws: WorkspaceId, site: &Site) -> Outcome<(Plan, Observed)> {
    let looked = look(app, site).await;
    let Some(now) = app.store.site(ws, site.id).await? else {
        return looked;
    };
    // A deployment says itself how the site is; what was read beside one says nothing.
    if now.status == SiteStatus::Deploying || now.recorded != site.recorded {
        return looked;
    }
    let (status, observed_at) = match &looked {
        Ok((plan, observed)) => (
            status_seen(app, &now, plan, observed).await?,
            Some(app.clock.now()),
        ),
        // Of a new one there is nothing to know.
        Err(_) if now.status == SiteStatus::New => return looked,
        Err(_) => (SiteStatus::Unknown, None),
    };
    let is_kept = app
        .store
        .change_site_status(ws, site.id, now.status, status, observed_at)
        .await?;
    if let (true, Ok((plan, _))) = (is_kept, &looked) {
        match status {
            SiteStatus::Drifted => drift::keep(app, &now, drift::seen(app, plan)).await?,
            SiteStatus::InSync => drift::keep(app, &now, None).await?,
            _ => {}
        }
    }
    looked
}

async fn look(app: &App, site: &Site) -> Outcome<(Plan, Observed)> {
    let connection = connections::of_site(app, site).await?;
    let api = connections::api_for(app, &connection)?;
    let (observed, _) = observe(&api, site).await?;
    let material = material_for(app, site, None).await?;
    let present = material.desired.script_hash.clone();
    let goal = Goal::Present(Box::new(material.desired));
    let mut plan = next_plan(&goal, &observed);
    check_complete(&goal, &observed, &plan).map_err(|violation| Problem::internal(&violation))?;
    let registry = agents::active(app, site.workspace).await?;
    let overrides = site.settings.agents.overrides(&registry);
    if !overrides.is_empty() {
        plan.warnings.push(Warning {
            code: "search_engines_served".to_owned(),
            detail: format!("By this site's own settings variants go to {}, which get the page that people get everywhere else. A search engine may take that for cloaking.", overrides.join(", ")),
        });
    }
    if site
        .recorded
        .pinned
        .as_ref()
        .is_some_and(|pinned| *pinned != present)
    {
        plan.warnings.push(Warning {
            code: "rolled_back".to_owned(),
            detail: "The site runs the Worker of an earlier deployment, as it was asked to. The next deployment brings the present one."
                .to_owned(),
        });
    }
    Ok((plan, observed))
}

/// Asks for a deployment; while one of the site is queued or running, the answer is that one. A removal does not take
/// another deployment for itself, the undoing of one neither: it stops that first.
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
        let is_removal = deployment.kind == DeploymentKind::Remove && deployment.of.is_none();
        if kind != DeploymentKind::Remove || is_removal {
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
    let deployment = new(app, &site, kind, of, by);
    let enqueued = app.store.enqueue_deployment(&deployment).await?;
    app.signals.wake_driver();
    app.signals.deployment_changed(enqueued.deployment.id);
    Ok(enqueued.deployment)
}

/// A deployment to be queued.
fn new(
    app: &App,
    site: &Site,
    kind: DeploymentKind,
    of: Option<DeploymentId>,
    by: &str,
) -> Deployment {
    Deployment {
        id: DeploymentId::from_uuid(Uuid::now_v7()),
        workspace: site.workspace,
        site: site.id,
        site_name: site.name.clone(),
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
        restored: None,
    }
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
