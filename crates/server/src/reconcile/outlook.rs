//! What a deployment is after: its goal, its plan, and the words for what stands in its way.

use super::apply::Work;
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, StepStatus},
    desired::Goal,
    ids::{DeploymentId, WorkspaceId},
    observed::{Observed, Recorded},
    plan::{self, Action, Conflict, Plan, Resource, Step, Warning, check},
};
use store::{Deployment, Moment, Page};

/// What a deployment does, with what it needs for that.
#[derive(Debug)]
pub(crate) enum Task {
    /// Brings the account to what is desired now.
    Apply,
    /// Brings back the Worker and the published revisions of an earlier deployment.
    Rollback {
        /// The hash of that upload.
        worker: Option<String>,
        /// The moment whose published revisions come back with it.
        publication: Option<i64>,
    },
    /// Takes everything out, then the site itself.
    Remove,
    /// Takes one deployment's own steps back.
    Undo {
        /// The steps it finished.
        done: Vec<Step>,
        /// The Worker that was there before it; `None`: none.
        former: Option<String>,
        /// What was published before it brought other revisions back.
        content: Option<Moment>,
    },
}

/// The hash of the Worker that a deployment left in the account.
pub(crate) fn worker_of(deployment: &Deployment) -> Option<String> {
    let worker = deployment.proof.as_ref()?.get("worker")?;
    Some(worker.as_str()?.to_owned())
}

/// The number of the last publication when a deployment ended well.
pub(crate) fn publication_of(deployment: &Deployment) -> Option<i64> {
    deployment.proof.as_ref()?.get("publication")?.as_i64()
}

/// What there is to know of a deployment: what was seen at its end, or until then what its plan says.
pub(crate) fn warnings_of(deployment: &Deployment) -> Vec<Warning> {
    let seen = deployment
        .proof
        .as_ref()
        .and_then(|proof| serde_json::from_value(proof.get("warnings")?.clone()).ok());
    seen.unwrap_or_else(|| {
        deployment
            .plan
            .as_ref()
            .map(|plan| plan.warnings.clone())
            .unwrap_or_default()
    })
}

/// The steps that a deployment finished.
pub(crate) fn done_steps(deployment: &Deployment) -> Vec<Step> {
    deployment
        .steps
        .iter()
        // A step whose outcome is not known may have had its effect.
        .filter(|step| step.status != StepStatus::Waiting)
        .map(|step| step.step.clone())
        .collect()
}

/// The Worker that was in the account before a deployment: that of the newest earlier one that went live.
pub(crate) async fn worker_before(app: &App, deployment: &Deployment) -> Outcome<Option<String>> {
    let mut page = Page::first(50);
    loop {
        let listed = app
            .store
            .list_deployments(deployment.workspace, Some(deployment.site), &page)
            .await?;
        let earlier = listed.items.iter().find(|other| {
            other.id != deployment.id
                && other.created_at <= deployment.created_at
                && other.status == DeploymentStatus::Live
        });
        if let Some(earlier) = earlier {
            return Ok(worker_of(earlier));
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(None),
        }
    }
}

/// What was published before a rollback brought other revisions back. One that went on with another that had stopped
/// halfway counts from that one's beginning.
async fn content_before(app: &App, undone: &Deployment) -> Outcome<Option<Moment>> {
    let Some(restored) = &undone.restored else {
        return Ok(None);
    };
    let mut moment = Moment {
        mark: restored.before,
        unless_changed_since: Some(restored.after),
    };
    let (ws, site) = (undone.workspace, Some(undone.site));
    let listed = app
        .store
        .list_deployments(ws, site, &Page::first(50))
        .await?;
    let earlier = listed
        .items
        .iter()
        .skip_while(|other| other.id != undone.id)
        .skip(1)
        .take_while(|other| {
            other.kind == undone.kind
                && other.of == undone.of
                && matches!(
                    other.status,
                    DeploymentStatus::Failed | DeploymentStatus::Cancelled
                )
        });
    for other in earlier {
        if let Some(restored) = &other.restored {
            moment.mark = restored.before;
        }
    }
    Ok(Some(moment))
}

async fn referred(app: &App, workspace: WorkspaceId, id: DeploymentId) -> Outcome<Deployment> {
    app.store
        .deployment(workspace, id)
        .await?
        .ok_or_else(|| Problem::not_found("deployment", &id.to_string()))
}

/// The task of a stored deployment. A removal that refers to another deployment takes that one back.
pub(super) async fn task_of(app: &App, deployment: &Deployment) -> Outcome<Task> {
    Ok(match (deployment.kind, deployment.of) {
        (DeploymentKind::Apply, _) | (DeploymentKind::Rollback, None) => Task::Apply,
        (DeploymentKind::Rollback, Some(of)) => {
            let target = referred(app, deployment.workspace, of).await?;
            Task::Rollback {
                worker: worker_of(&target),
                publication: publication_of(&target),
            }
        }
        (DeploymentKind::Remove, None) => Task::Remove,
        (DeploymentKind::Remove, Some(of)) => {
            let undone = referred(app, deployment.workspace, of).await?;
            Task::Undo {
                done: done_steps(&undone),
                former: worker_before(app, &undone).await?,
                content: content_before(app, &undone).await?,
            }
        }
    })
}

impl Task {
    /// The stored Worker that the site has when it went well; `None`: the present one.
    pub(super) fn worker(&self, recorded: &Recorded) -> Option<String> {
        match self {
            Self::Apply | Self::Remove => None,
            Self::Rollback { worker, .. } => worker.clone(),
            Self::Undo { former, done, .. } if is_script_replaced(done) => former.clone(),
            Self::Undo { .. } => recorded.pinned.clone(),
        }
    }

    /// The moment whose published revisions it brings back.
    pub(super) fn content(&self) -> Option<Moment> {
        match self {
            Self::Rollback {
                publication: Some(mark),
                ..
            } => Some(Moment {
                mark: *mark,
                unless_changed_since: None,
            }),
            Self::Undo { content, .. } => *content,
            _ => None,
        }
    }

    /// The goal that the plan is checked against.
    pub(super) fn goal(&self, work: &Work<'_>) -> Goal {
        match (&self, &work.material) {
            (Self::Apply | Self::Rollback { .. }, Some(material)) => {
                Goal::Present(Box::new(material.desired.clone()))
            }
            _ => Goal::Absent { site: work.site.id },
        }
    }

    /// The plan.
    pub(super) fn plan(&self, goal: &Goal, observed: &Observed) -> Plan {
        match self {
            Self::Undo { done, former, .. } => {
                plan::undo(goal.site(), done, former.as_deref(), observed)
            }
            Self::Rollback { .. } => {
                let mut plan = plan::plan(goal, observed);
                reword(&mut plan, ROLLED_BACK);
                plan
            }
            Self::Apply | Self::Remove => next_plan(goal, observed),
        }
    }

    /// Checks the plan. One that only takes a deployment back leads to no goal of its own.
    pub(super) fn check(
        &self,
        goal: &Goal,
        observed: &Observed,
        plan: &Plan,
    ) -> Result<(), check::Violation> {
        match self {
            Self::Undo { .. } => check::check(goal, observed, plan),
            _ => check::check_complete(goal, observed, plan),
        }
    }

    /// What it is called when it went well.
    pub(super) const fn success(&self) -> DeploymentStatus {
        match self {
            Self::Apply | Self::Rollback { .. } => DeploymentStatus::Live,
            Self::Remove => DeploymentStatus::Removed,
            Self::Undo { .. } => DeploymentStatus::Undone,
        }
    }
}

/// Why a rollback uploads a Worker.
const ROLLED_BACK: &str = "The Worker of an earlier deployment comes back.";

/// Why the next deployment uploads one.
const PRESENT_AGAIN: &str = "The site was rolled back: it runs the Worker of an earlier deployment, and this brings the present one.";

/// What the next deployment does. After a rollback it brings the present Worker, and says so.
pub(crate) fn next_plan(goal: &Goal, observed: &Observed) -> Plan {
    let mut plan = plan::plan(goal, observed);
    if let Goal::Present(desired) = goal
        && let Some(pinned) = &observed.recorded.pinned
        && *pinned != desired.script_hash
    {
        reword(&mut plan, PRESENT_AGAIN);
    }
    plan
}

/// Names what an upload of our own is for.
fn reword(plan: &mut Plan, why: &str) {
    for step in &mut plan.steps {
        if step.resource == Resource::Script
            && let Some(rest) = step.reason.strip_prefix(plan::SCRIPT_CHANGED)
        {
            let rest = rest.split_once('.').map_or("", |(_, rest)| rest);
            step.reason = format!("{why}{rest}");
        }
    }
}

/// Whether a deployment put another script in the place of one.
pub(crate) fn is_script_replaced(done: &[Step]) -> bool {
    done.iter()
        .any(|step| step.resource == Resource::Script && step.action == Action::Update)
}

/// The first conflict of a plan as a problem that names the owner and the ways out.
pub(crate) fn conflict_problem(conflict: &Conflict, count: usize) -> Problem {
    let code = match conflict.resource {
        Resource::Route => Code::RouteConflict,
        _ => Code::ResourceConflict,
    };
    let more = match count {
        0 | 1 => String::new(),
        2 => " One more thing is in the way; the plan shows it.".to_owned(),
        more => format!(
            " {} more things are in the way; the plan shows them.",
            more - 1
        ),
    };
    let mut problem = Problem::new(code, format!("{}{more}", conflict.detail)).cause(format!(
        "{} {} is held by {}.",
        conflict.resource.title(),
        conflict.name,
        conflict.owner
    ));
    for remedy in &conflict.remedies {
        problem = problem.remedy(remedy.as_str());
    }
    problem
}
