//! One deployment: what it needs to begin, and how its end is written down. The work between is in [`super::rounds`].

use super::{
    apply::Work,
    material,
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
    variant::Format,
};
use serde_json::json;
use std::time::Duration;
use store::{Deed, Deployment};
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
            if app.store.delete_site(workspace, site).await? {
                let event = Event::deployment(Kind::SiteRemoved, deployment)
                    .with("askedBy", deployment.requested_by.as_str());
                audit::record(app, &Actor::background(workspace), event).await;
            }
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
    match &end.problem {
        None if end.status != DeploymentStatus::Cancelled => {
            // What pages were before matters until everything is well.
            app.store.forget_baseline(workspace, site).await?;
            app.store.set_drift(workspace, site, None).await?;
        }
        Some(problem) if problem.code == Code::ProofFailed => take_back(app, deployment).await?,
        _ => {}
    }
    Ok(())
}

/// Takes a deployment back by which people got an error or our content, unless the owner does not want that.
async fn take_back(app: &App, deployment: &Deployment) -> Outcome<()> {
    let site = app
        .store
        .site(deployment.workspace, deployment.site)
        .await?;
    let is_wanted = site.is_some_and(|site| site.settings.undo_on_failed_proof);
    if !is_wanted || deployment.kind == DeploymentKind::Remove {
        return Ok(());
    }
    tracing::error!(deployment.id = %deployment.id, "the proof failed: the deployment is taken back");
    match deployments::undo(app, deployment.workspace, deployment.id, TAKEN_BACK_BY).await {
        Ok(_) => Ok(()),
        Err(problem) if problem.code == Code::InvalidState => {
            tracing::error!(deployment.id = %deployment.id, %problem, "it cannot be taken back");
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

/// Publishes what was published at the moment of the deployment that is brought back. It reaches KV like everything
/// that is published.
async fn restore_content(app: &App, deployment: &Deployment, publication: i64) -> Outcome<()> {
    let now = app.clock.now();
    let restored = app
        .store
        .restore_publications(
            deployment.workspace,
            deployment.site,
            publication,
            Deed::by(&deployment.requested_by, now),
        )
        .await?;
    app.signals.wake_sync();
    let mut text = format!(
        "Published revisions of that moment: {} brought back, {} taken back.",
        restored.published, restored.unpublished
    );
    if !restored.missing.is_empty() {
        text.push_str(&format!(
            " Deleted since, so left as they are: {}.",
            named(&restored.missing)
        ));
    }
    app.store
        .note_deployment(deployment.id, now, json!({ "text": text }))
        .await?;
    Ok(())
}

/// The first few of many.
fn named(variants: &[(Format, String)]) -> String {
    const SHOWN: usize = 5;
    let mut words: Vec<String> = variants
        .iter()
        .take(SHOWN)
        .map(|(format, path)| format!("{path} ({format})"))
        .collect();
    if variants.len() > SHOWN {
        words.push(format!("{} more", variants.len() - SHOWN));
    }
    words.join(", ")
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
    if let Task::Rollback {
        publication: Some(publication),
        ..
    } = task
        && deployment.plan.is_none()
    {
        restore_content(app, deployment, publication).await?;
    }
    let material = match task {
        Task::Remove => None,
        _ => Some(material::material_for(app, &site).await?),
    };
    let work = Work {
        app,
        // Told to wait, the rounds wait, where it is seen and can be stopped.
        api: api.with_patience(Duration::ZERO),
        site,
        seen_script: None,
        material,
        deployment: deployment.id,
        calls: 0,
    };
    Ok(Begun::Work(Box::new(work), task))
}
