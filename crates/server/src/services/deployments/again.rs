//! What can be done about a deployment that is over: go on, take it back, bring it back.

use super::{enqueue, get, new};
use crate::{
    app::App,
    clock::rfc3339,
    problem::{Code, Outcome, Problem},
    reconcile::{
        PATIENCE, material,
        outlook::{done_steps, is_script_replaced, worker_before, worker_of},
    },
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus},
    ids::{DeploymentId, SiteId, WorkspaceId},
    time::Millis,
};
use store::{Deployment, Page, Site};

/// Goes on with a deployment that failed or was stopped: a new one that does what is left.
pub(crate) async fn continue_(
    app: &App,
    ws: WorkspaceId,
    id: DeploymentId,
    by: &str,
) -> Outcome<Deployment> {
    let deployment = get(app, ws, id).await?;
    match deployment.status {
        DeploymentStatus::Failed | DeploymentStatus::Cancelled => {}
        DeploymentStatus::Queued | DeploymentStatus::Running => return Ok(deployment),
        status => {
            return Err(Problem::new(
                Code::InvalidState,
                format!("This deployment is {status}: there is nothing left to do."),
            )
            .cause("Only a deployment that failed or was cancelled can be continued.")
            .remedy("Deploy the site again if something should change."));
        }
    }
    if let Some(until) = told_to_wait_until(app, &deployment) {
        return Err(still_waiting(app, until));
    }
    // An undo goes on as an undo, a rollback to the same Worker; whatever else an apply refers to does not matter.
    enqueue(app, ws, deployment.site, deployment.kind, deployment.of, by).await
}

/// Takes back what a deployment changed. Only the newest can be: what came later was built on it.
pub(crate) async fn undo(
    app: &App,
    ws: WorkspaceId,
    id: DeploymentId,
    by: &str,
) -> Outcome<Deployment> {
    let deployment = get(app, ws, id).await?;
    refuse_running(&deployment)?;
    refuse_lasting(app, &deployment).await?;
    enqueue(
        app,
        ws,
        deployment.site,
        DeploymentKind::Remove,
        Some(deployment.id),
        by,
    )
    .await
}

/// The deployment that takes back one which is just ending, to be queued with its end.
pub(crate) async fn undoing(
    app: &App,
    site: &Site,
    id: DeploymentId,
    by: &str,
) -> Outcome<Deployment> {
    refuse_lasting(app, &get(app, site.workspace, id).await?).await?;
    Ok(new(app, site, DeploymentKind::Remove, Some(id), by))
}

/// Refuses what cannot be taken back.
async fn refuse_lasting(app: &App, deployment: &Deployment) -> Outcome<()> {
    let ws = deployment.workspace;
    if deployment.kind == DeploymentKind::Remove || deployment.status == DeploymentStatus::Undone {
        return Err(Problem::new(
            Code::InvalidState,
            "What this deployment did cannot be taken back.",
        )
        .cause("It was taken back already, or it is a removal itself.")
        .remedy("Deploy the site again to bring it back."));
    }
    if let Some(newest) = newest(app, ws, deployment.site).await?
        && newest.id != deployment.id
    {
        return Err(Problem::new(
            Code::InvalidState,
            "A later deployment was built on this one.",
        )
        .cause(format!(
            "The deployment {} came later and was not taken back.",
            newest.id
        ))
        .remedy("Undo the newest deployment first, or remove the site."));
    }
    if is_script_replaced(&done_steps(deployment)) {
        let is_kept = match worker_before(app, deployment).await? {
            Some(former) => material::is_kept(app, &former).await?,
            None => false,
        };
        if !is_kept {
            return Err(Problem::new(
                Code::InvalidState,
                "The Worker that this deployment replaced is not known any more.",
            )
            .cause("It was uploaded before this database existed, or by somebody else.")
            .remedy("Deploy the site again, or remove it."));
        }
    }
    Ok(())
}

/// Brings back the Worker and the published revisions of an earlier deployment; of the newest one: of the one
/// before it with another Worker, or else what was published when it went live.
pub(crate) async fn rollback(
    app: &App,
    ws: WorkspaceId,
    id: DeploymentId,
    by: &str,
) -> Outcome<Deployment> {
    let mut target = get(app, ws, id).await?;
    refuse_running(&target)?;
    let is_newest = newest(app, ws, target.site)
        .await?
        .is_some_and(|newest| newest.id == target.id);
    if is_newest && let Some(before) = live_before(app, ws, &target).await? {
        target = before;
    }
    let is_kept = match worker_of(&target) {
        Some(worker) => material::is_kept(app, &worker).await?,
        None => false,
    };
    if !is_kept {
        return Err(nothing_to_bring_back(
            "That deployment did not go live, so there is no Worker of it to bring back.",
        ));
    }
    enqueue(
        app,
        ws,
        target.site,
        DeploymentKind::Rollback,
        Some(target.id),
        by,
    )
    .await
}

/// Until when Cloudflare asked to wait when the deployment failed, if it makes no sense to begin before that: a shorter
/// wait is one of the deployment's own.
pub(super) fn told_to_wait_until(app: &App, deployment: &Deployment) -> Option<Millis> {
    let problem = deployment.problem.as_ref()?;
    if problem["code"] != Code::RateLimited.as_str() {
        return None;
    }
    let seconds = i64::try_from(problem["retryAfter"].as_u64()?).ok()?;
    let until = deployment.finished_at?.plus_seconds(seconds);
    let patience = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
    (until.0 - app.clock.now().0 > patience).then_some(until)
}

fn still_waiting(app: &App, until: Millis) -> Problem {
    let left = u64::try_from(until.0 - app.clock.now().0).unwrap_or(0);
    let seconds = left.div_ceil(1_000);
    Problem::new(
        Code::RateLimited,
        format!("Cloudflare asked to wait {seconds} s more before the next call, so nothing was begun."),
    )
    .cause("Too many calls were made with this token or account in a short time, dashboard and other programs included.")
    .remedy(format!(
        "Continue this deployment after {}; what is done already is not done twice.",
        rfc3339(until)
    ))
    .with_retry_after(seconds)
}

fn refuse_running(deployment: &Deployment) -> Outcome<()> {
    if deployment.status.is_final() {
        return Ok(());
    }
    Err(
        Problem::new(Code::InvalidState, "This deployment is not over yet.")
            .cause(format!("It is {}.", deployment.status))
            .remedy("Wait for its end, or cancel it first."),
    )
}

fn nothing_to_bring_back(detail: &str) -> Problem {
    Problem::new(Code::InvalidState, detail)
        .cause("Only a deployment that went live left a Worker that can be brought back.")
        .remedy("Choose another deployment of the site.")
}

/// The newest deployment of a site that changed something and was not taken back.
async fn newest(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<Option<Deployment>> {
    find(app, ws, site, |deployment| {
        deployment.status != DeploymentStatus::Undone
            && !(deployment.kind == DeploymentKind::Remove && deployment.steps.is_empty())
    })
    .await
}

async fn live_before(
    app: &App,
    ws: WorkspaceId,
    deployment: &Deployment,
) -> Outcome<Option<Deployment>> {
    let worker = worker_of(deployment);
    find(app, ws, deployment.site, |other| {
        other.id != deployment.id
            && other.status == DeploymentStatus::Live
            && worker_of(other) != worker
    })
    .await
}

/// The first that fits, newest first.
async fn find(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    fits: impl Fn(&Deployment) -> bool,
) -> Outcome<Option<Deployment>> {
    let mut page = Page::first(50);
    loop {
        let listed = app.store.list_deployments(ws, Some(site), &page).await?;
        if let Some(found) = listed.items.into_iter().find(|deployment| fits(deployment)) {
            return Ok(Some(found));
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(None),
        }
    }
}
