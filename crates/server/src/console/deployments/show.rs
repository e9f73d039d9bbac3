//! One deployment, from what is stored of it: so a reload shows the same.

use super::{DeploymentPage, DeploymentView, Standstill, StepRow, UndonePanel, proof, step_title};
use crate::{
    app::App,
    auth::SignedIn,
    console::{
        activity::title,
        desk::{Desk, id, page},
        parts::{ProblemPanel, Wait, When, plural, span},
    },
    problem::{Code, Outcome, Problem},
    services::{deployments, receipt},
};
use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, StepStatus},
    ids::DeploymentId,
};
use store::{Deployment, DeploymentStep};

/// The page.
pub(in crate::console) async fn show(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    let view = view(desk.app(), &desk.me, deployment).await?;
    let at = view
        .site_link
        .as_deref()
        .and_then(|link| link.rsplit('/').next())
        .unwrap_or("activity");
    Ok(page(&DeploymentPage {
        shell: desk.shell(at),
        view,
    }))
}

/// The receipt as a text file, to be kept apart from Edge Delivery.
pub(in crate::console) async fn receipt_file(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = deployments::get(
        desk.app(),
        desk.ws(),
        id::<DeploymentId>(&text, "deployment")?,
    )
    .await?;
    let name = format!(
        "attachment; filename=\"edge-delivery-receipt-{}.txt\"",
        deployment.id
    );
    Ok((
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ],
        receipt::as_text(
            &deployment,
            &receipt::of_deployment(desk.app(), &deployment).await?,
        ),
    )
        .into_response())
}

/// What there is to show of a deployment now.
pub(super) async fn view(app: &App, me: &SignedIn, id: DeploymentId) -> Outcome<DeploymentView> {
    let ws = me.workspace;
    let deployment = deployments::get(app, ws, id).await?;
    let site = app.store.site(ws, deployment.site).await?;
    let standing = deployments::standing(app, ws, &deployment).await?;
    let has_variants = match &site {
        Some(site) => app.store.count_variants(ws, site.id).await?.published > 0,
        None => false,
    };
    let status = deployment.status;
    let is_final = status.is_final();
    Ok(DeploymentView {
        id: id.to_string(),
        title: title(&deployment),
        site_link: site.as_ref().map(|site| format!("/sites/{}", site.id)),
        state: status.into(),
        progress: progress(&deployment),
        took: span(deployment.started_at, deployment.finished_at),
        begun: When {
            at: deployment.created_at,
            now: app.clock.now(),
        },
        by: deployment.requested_by.clone(),
        is_running: !is_final,
        is_stopping: deployment.cancel_requested,
        can_continue: standing.can_continue,
        can_undo: standing.can_undo,
        can_roll_back: standing.can_roll_back,
        waiting: standing.waiting_until.map(|until| Wait {
            until,
            now: app.clock.now(),
        }),
        standstill: standstill(&deployment, &standing),
        is_live: status == DeploymentStatus::Live,
        has_variants,
        finding: finding(&deployment),
        continue_after: standing.continue_after.map(|until| Wait {
            until,
            now: app.clock.now(),
        }),
        undone: undone(&deployment, &standing),
        restored: deployment
            .restored
            .as_ref()
            .map(deployments::restored_in_words),
        problem: deployment
            .problem
            .as_ref()
            .filter(|_| status != DeploymentStatus::Undone)
            .filter(|_| !deployment.steps.iter().any(|step| step.problem.is_some()))
            .and_then(|problem| ProblemPanel::stored(problem, "deployment")),
        proof: proof::of(&deployment),
        receipt: receipt::of_deployment(app, &deployment).await?,
        config: standing.config,
        steps: deployment.steps.iter().map(step_row).collect(),
        warnings: deployments::edits::told_of(&deployment)
            .into_iter()
            .map(|warning| warning.detail)
            .collect(),
        site_name: deployment.site_name,
    })
}

fn progress(deployment: &Deployment) -> String {
    let done = deployment
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Done)
        .count();
    let mut words = match deployment.steps.len() {
        0 if !deployment.status.is_final() => "reading the account".to_owned(),
        0 => "no step".to_owned(),
        all if done == all => plural(all as u64, "step"),
        all => format!("{done} of {all} steps"),
    };
    if deployment.api_calls > 0 {
        words.push_str(", ");
        words.push_str(&plural(u64::from(deployment.api_calls), "call"));
        words.push_str(" to Cloudflare");
    }
    words
}

fn finding(deployment: &Deployment) -> Option<(String, String)> {
    let name = &deployment.site_name;
    match deployment.status {
        DeploymentStatus::Live => Some((
            format!("{name} is live"),
            "Read again after the last step, the account is as planned.".to_owned(),
        )),
        DeploymentStatus::Removed if deployment.of.is_none() => Some((
            format!("{name} is removed"),
            "Read again after the last step, nothing of it is left in the account.".to_owned(),
        )),
        DeploymentStatus::Undone if deployment.kind == DeploymentKind::Remove => Some((
            "The deployment is undone".to_owned(),
            "What it had changed is as it was before it.".to_owned(),
        )),
        _ => None,
    }
}

/// That the deployment was taken back, or is being, and why.
fn undone(deployment: &Deployment, standing: &deployments::Standing) -> Option<UndonePanel> {
    if deployment.kind == DeploymentKind::Remove {
        return None;
    }
    let (by, status) = match standing.undone_by {
        Some((id, status)) => (Some(id.to_string()), status),
        None if deployment.status == DeploymentStatus::Undone => (None, DeploymentStatus::Undone),
        None => return None,
    };
    // One that was stopped or failed is told on the site's pages, and can be begun again there.
    let is_over = match status {
        DeploymentStatus::Undone => true,
        status if !status.is_final() => false,
        _ => return None,
    };
    let problem = deployment.problem.as_ref();
    let causes = problem.and_then(|problem| problem["causes"].as_array());
    let causes = causes.map(|causes| {
        let texts = causes.iter().filter_map(serde_json::Value::as_str);
        texts.map(str::to_owned).collect()
    });
    Some(UndonePanel {
        by,
        is_over,
        has_failed_proof: problem
            .is_some_and(|problem| problem["code"] == Code::ProofFailed.as_str()),
        has_failed: problem.is_some(),
        causes: causes.unwrap_or_default(),
    })
}

/// Where a deployment stopped, what is in the account, and what is left.
fn standstill(deployment: &Deployment, standing: &deployments::Standing) -> Option<Standstill> {
    if !standing.can_continue {
        return None;
    }
    let failed = deployment
        .steps
        .iter()
        .find(|step| Some(step.index) == standing.failed_step);
    let title = match failed {
        Some(step) => format!("Stopped at: {}", step_title(&step.step)),
        None if deployment.status == DeploymentStatus::Cancelled => {
            "Stopped at a safe point, as you asked".to_owned()
        }
        None => "Stopped before the first step".to_owned(),
    };
    let left = deployment
        .steps
        .iter()
        .filter(|step| step.status != StepStatus::Done)
        .map(|step| format!("{} {}", step_title(&step.step), step.step.name))
        .collect();
    Some(Standstill {
        title,
        in_place: standing
            .in_place
            .iter()
            .map(|(resource, name)| (resource.title(), name.clone()))
            .collect(),
        left,
        can_undo: standing.can_undo,
    })
}

fn step_row(step: &DeploymentStep) -> StepRow {
    StepRow {
        state: step.status.into(),
        is_waiting: step.status == StepStatus::Waiting,
        title: step_title(&step.step),
        name: step.step.name.clone(),
        words: step
            .note
            .clone()
            .unwrap_or_else(|| step.step.reason.clone()),
        took: span(step.started_at, step.finished_at)
            .unwrap_or_else(|| step.status.as_str().to_owned()),
        problem: step
            .problem
            .as_ref()
            .and_then(|problem| ProblemPanel::stored(problem, &format!("step-{}", step.index))),
    }
}
