//! One deployment: what it needs to begin, and how its end is written down. The work between is in [`super::rounds`].

use super::{
    apply::Work,
    drift, material,
    outlook::{self, Task},
    rounds::{Halt, Run},
};
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    problem::{Code, Outcome, Problem},
    services::{connections, deployments},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus},
    observed::Recorded,
};
use serde_json::json;
use std::time::Duration;
use store::{Deed, Deployment, DeploymentEnd, Moment};
use tokio_util::sync::CancellationToken;

/// Who asks for the undoing of a deployment whose proof failed.
const TAKEN_BACK_BY: &str = "Edge Delivery (the proof failed)";

/// How the work on a deployment came to rest.
#[derive(Debug)]
pub(super) enum Ending {
    /// It is over.
    Finished(Box<End>),
    /// Another process has it now.
    LeaseLost,
    /// The program stops; the next one goes on.
    Stopped,
}

/// How a deployment ended.
#[derive(Debug)]
pub(super) struct End {
    status: DeploymentStatus,
    problem: Option<Problem>,
    calls: u32,
    /// What becomes of the site.
    site: After,
}

/// What a site is after a deployment.
#[derive(Debug, Clone, Copy)]
enum After {
    /// Gone.
    Gone,
    /// In this state.
    Is(SiteStatus),
    /// What it was before, as its earlier deployments tell.
    AsBefore,
}

/// Works on the deployment. May be dropped at any await.
pub(super) async fn execute(
    app: &App,
    deployment: &Deployment,
    stop: &CancellationToken,
) -> Ending {
    let mut calls = deployment.api_calls;
    let outcome = match begin(app, deployment).await {
        Ok(Begun::Over(status)) => Ok(status),
        Ok(Begun::Work(mut work, task)) => {
            let outcome = Run::new(&mut work, &task, deployment, stop).drive().await;
            calls += work.calls;
            outcome
        }
        Err(problem) => Err(problem.into()),
    };
    let (status, problem, site) = match outcome {
        Ok(DeploymentStatus::Removed) => (DeploymentStatus::Removed, None, After::Gone),
        Ok(DeploymentStatus::Undone) => (DeploymentStatus::Undone, None, After::AsBefore),
        Ok(status) => (status, None, After::Is(SiteStatus::InSync)),
        Err(Halt::Stopped) => return Ending::Stopped,
        Err(Halt::Cancelled) => (DeploymentStatus::Cancelled, None, After::AsBefore),
        Err(Halt::Failed(problem)) => (
            DeploymentStatus::Failed,
            Some(*problem),
            After::Is(SiteStatus::Failed),
        ),
    };
    Ending::Finished(Box::new(End {
        status,
        problem,
        calls,
        site,
    }))
}

/// Writes the end down: the site first, since with a removed site its deployment says so only when the site is gone.
pub(super) async fn finish(app: &App, deployment: &Deployment, end: &End) -> Outcome<()> {
    let now = app.clock.now();
    let (workspace, site) = (deployment.workspace, deployment.site);
    if let (DeploymentStatus::Undone, Some(undone)) = (end.status, deployment.of) {
        app.store.mark_undone(workspace, undone, now).await?;
        app.signals.deployment_changed(undone);
    }
    match end.site {
        After::Gone => {
            if app.store.delete_site(workspace, site).await? {
                let event = Event::deployment(Kind::SiteRemoved, deployment)
                    .with("askedBy", deployment.requested_by.as_str());
                audit::record(app, &Actor::background(workspace), event).await;
            }
        }
        After::Is(status) => {
            let observed_at = (status == SiteStatus::InSync).then_some(now);
            app.store
                .set_site_status(workspace, site, status, observed_at)
                .await?;
        }
        After::AsBefore => {
            if let Some(found) = app.store.site(workspace, site).await? {
                let ended = Some((deployment.id, end.status));
                let status = deployments::at_rest(app, &found, ended).await?;
                app.store
                    .set_site_status(workspace, site, status, None)
                    .await?;
            }
        }
    }
    let problem = match &end.problem {
        Some(problem) => {
            tracing::warn!(deployment.id = %deployment.id, %problem, "deployment failed");
            Some(serde_json::to_value(problem).map_err(|error| Problem::internal(&error))?)
        }
        None => None,
    };
    let stored = DeploymentEnd {
        status: end.status,
        problem,
        api_calls: end.calls,
        next: undoing(app, deployment, end).await?,
    };
    app.store
        .end_deployment(deployment.id, &app.process, &stored, now)
        .await?;
    tracing::info!(deployment.id = %deployment.id, status = %end.status, "deployment ended");
    if let Some(next) = &stored.next {
        app.signals.wake_driver();
        app.signals.deployment_changed(next.id);
    }
    if end.problem.is_none() && end.status != DeploymentStatus::Cancelled {
        // What pages were before matters until everything is well.
        app.store.forget_baseline(workspace, site).await?;
        if let Some(site) = app.store.site(workspace, site).await? {
            drift::keep(app, &site, None).await?;
        }
    }
    Ok(())
}

/// What takes a deployment back by which people got an error or our content, unless the owner does not want that.
async fn undoing(app: &App, deployment: &Deployment, end: &End) -> Outcome<Option<Deployment>> {
    let has_failed = |problem: &Problem| problem.code == Code::ProofFailed;
    if !end.problem.as_ref().is_some_and(has_failed) || deployment.kind == DeploymentKind::Remove {
        return Ok(None);
    }
    let site = app
        .store
        .site(deployment.workspace, deployment.site)
        .await?;
    let Some(site) = site.filter(|site| site.settings.undo_on_failed_proof) else {
        return Ok(None);
    };
    tracing::error!(deployment.id = %deployment.id, "the proof failed: the deployment is taken back");
    match deployments::undoing(app, &site, deployment.id, TAKEN_BACK_BY).await {
        Ok(undoing) => Ok(Some(undoing)),
        Err(problem) if problem.code == Code::InvalidState => {
            tracing::error!(deployment.id = %deployment.id, %problem, "it cannot be taken back");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

/// Publishes what was published at that moment. It reaches KV like everything that is published.
async fn restore_content(app: &App, deployment: &Deployment, moment: Moment) -> Outcome<()> {
    let now = app.clock.now();
    let (workspace, site) = (deployment.workspace, deployment.site);
    let restored = app
        .store
        .restore_publications(
            workspace,
            site,
            moment,
            Some(deployment.id),
            Deed::by(&deployment.requested_by, now),
        )
        .await?;
    app.signals.wake_sync();
    let text = deployments::restored_in_words(&restored);
    app.store
        .note_deployment(deployment.id, now, json!({ "text": text }))
        .await?;
    Ok(())
}

enum Begun<'a> {
    /// There is nothing to work on.
    Over(DeploymentStatus),
    /// This is what is needed for it.
    Work(Box<Work<'a>>, Task),
}

async fn begin<'a>(app: &'a App, deployment: &Deployment) -> Outcome<Begun<'a>> {
    let Some(site) = app
        .store
        .site(deployment.workspace, deployment.site)
        .await?
    else {
        return match deployment.kind {
            // Killed after the last step: the site went first.
            DeploymentKind::Remove => Ok(Begun::Over(DeploymentStatus::Removed)),
            _ => Err(Problem::not_found("site", &deployment.site.to_string())),
        };
    };
    let task = outlook::task_of(app, deployment).await?;
    let api = match connections::of_site(app, &site).await {
        Ok(connection) => connections::api_for(app, &connection),
        Err(problem) => Err(problem),
    };
    let api = match api {
        Ok(api) => api,
        Err(_) if matches!(task, Task::Remove) && site.recorded == Recorded::default() => {
            // Nothing was ever made, so there is nothing to look for.
            return Ok(Begun::Over(DeploymentStatus::Removed));
        }
        Err(problem) => {
            return Err(problem.remedy(
                "Connect a token that reaches this account (Connect Cloudflare), then continue this deployment.",
            ));
        }
    };
    if let Some(moment) = task.content()
        && deployment.restored.is_none()
    {
        restore_content(app, deployment, moment).await?;
    }
    let pinned = task.worker(&site.recorded);
    let material = match task {
        Task::Remove => None,
        _ => Some(material::material_for(app, &site, pinned.as_deref()).await?),
    };
    let work = Work {
        app,
        // Told to wait, the rounds wait, where it is seen and can be stopped.
        api: api.with_patience(Duration::ZERO),
        site,
        seen_script: None,
        material,
        pinned,
        deployment: deployment.id,
        calls: 0,
    };
    Ok(Begun::Work(Box::new(work), task))
}
