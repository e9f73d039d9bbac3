//! One deployment: what it needs to begin, and how its end is written down. The work between is in [`super::rounds`].

use super::{
    apply::Work,
    material,
    outlook::{self, Task},
    rounds::{Halt, Run},
};
use crate::{
    app::App,
    problem::{Outcome, Problem},
    services::connections,
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus},
    observed::Recorded,
};
use store::Deployment;
use tokio_util::sync::CancellationToken;

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
    /// What the site is now; `None`: the site is gone.
    site: Option<SiteStatus>,
}

/// Works on the deployment. May be dropped at any await.
pub(super) async fn execute(
    app: &App,
    deployment: &Deployment,
    stop: &CancellationToken,
) -> Ending {
    let mut calls = deployment.api_calls;
    let mut recorded = None;
    let outcome = match begin(app, deployment).await {
        Ok(Begun::Over(status)) => Ok(status),
        Ok(Begun::Work(mut work, task)) => {
            let outcome = Run::new(&mut work, &task, deployment, stop).drive().await;
            calls += work.calls;
            recorded = Some(work.site.recorded.clone());
            outcome
        }
        Err(problem) => Err(problem.into()),
    };
    let is_untouched = recorded.is_some_and(|recorded| recorded == Recorded::default());
    let (status, problem, site) = match outcome {
        Ok(DeploymentStatus::Removed) => (DeploymentStatus::Removed, None, None),
        Ok(DeploymentStatus::Undone) if is_untouched => {
            (DeploymentStatus::Undone, None, Some(SiteStatus::New))
        }
        Ok(DeploymentStatus::Undone) => (DeploymentStatus::Undone, None, Some(SiteStatus::Drifted)),
        Ok(status) => (status, None, Some(SiteStatus::InSync)),
        Err(Halt::Stopped) => return Ending::Stopped,
        Err(Halt::Cancelled) => {
            let site = if is_untouched {
                SiteStatus::New
            } else {
                SiteStatus::Drifted
            };
            (DeploymentStatus::Cancelled, None, Some(site))
        }
        Err(Halt::Failed(problem)) => (
            DeploymentStatus::Failed,
            Some(*problem),
            Some(SiteStatus::Failed),
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
    match end.site {
        None => {
            app.store.delete_site(workspace, site).await?;
        }
        Some(status) => {
            let observed_at = (status == SiteStatus::InSync).then_some(now);
            app.store
                .set_site_status(workspace, site, status, observed_at)
                .await?;
        }
    }
    if let (DeploymentStatus::Undone, Some(undone)) = (end.status, deployment.of) {
        app.store.mark_undone(workspace, undone, now).await?;
        app.signals.deployment_changed(undone);
    }
    let problem = match &end.problem {
        Some(problem) => {
            tracing::warn!(deployment.id = %deployment.id, %problem, "deployment failed");
            Some(serde_json::to_value(problem).map_err(|error| Problem::internal(&error))?)
        }
        None => None,
    };
    app.store
        .finish_deployment(
            deployment.id,
            &app.process,
            end.status,
            problem,
            end.calls,
            now,
        )
        .await?;
    tracing::info!(deployment.id = %deployment.id, status = %end.status, "deployment ended");
    Ok(())
}

enum Begun<'a> {
    /// There is nothing to work on.
    Over(DeploymentStatus),
    /// This is what is needed for it.
    Work(Box<Work<'a>>, Task),
}

async fn begin<'a>(app: &'a App, deployment: &Deployment) -> Outcome<Begun<'a>> {
    let Some(mut site) = app
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
    if let Some(pinned) = task.pin()
        && site.recorded.pinned != *pinned
    {
        site.recorded.pinned.clone_from(pinned);
        app.store
            .set_recorded(site.workspace, site.id, &site.recorded)
            .await?;
    }
    let material = match task {
        Task::Remove => None,
        _ => Some(material::material_for(app, &site).await?),
    };
    let work = Work {
        app,
        api,
        site,
        material,
        deployment: deployment.id,
        calls: 0,
    };
    Ok(Begun::Work(Box::new(work), task))
}
