//! One deployment, from the first look at the account to the last.

use super::{
    alignment::{align, merged},
    apply::{StepError, Work},
    material,
    observe::observe,
    outlook::{self, Task},
};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    services::connections,
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus, StepStatus},
    observed::{Observed, Recorded},
    plan::{Plan, check::check, settle},
};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Deployment, DeploymentStep};
use tokio_util::sync::CancellationToken;

/// How often the account is looked at before we give up: lost answers and refusals that may pass take one look each.
const ROUNDS: u32 = 8;

/// Longer than this nobody is kept waiting for a call that may work later.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// How the work on a deployment came to rest.
#[derive(Debug)]
pub(super) enum Ending {
    /// It is over.
    Finished(End),
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

/// Why the rounds stopped without reaching the goal.
enum Halt {
    Cancelled,
    Stopped,
    Failed(Box<Problem>),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Failed(Box::new(problem))
    }
}

impl From<store::StoreError> for Halt {
    fn from(error: store::StoreError) -> Self {
        Problem::from(error).into()
    }
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
            let outcome = Run {
                work: &mut work,
                task: &task,
                deployment,
                stop,
            }
            .to_the_end()
            .await;
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
    Ending::Finished(End {
        status,
        problem,
        calls,
        site,
    })
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
    let api = match connections::get(app, site.workspace, site.connection).await {
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

struct Run<'a, 'w> {
    work: &'a mut Work<'w>,
    task: &'a Task,
    deployment: &'a Deployment,
    stop: &'a CancellationToken,
}

impl Run<'_, '_> {
    /// Looks, plans and applies until a look shows nothing left to do.
    async fn to_the_end(&mut self) -> Result<DeploymentStatus, Halt> {
        let mut last_problem: Option<Box<Problem>> = None;
        for round in 0..ROUNDS {
            self.safe_point().await?;
            let (observed, plan) = match self.look().await {
                Ok(look) => look,
                Err(StepError::Again { problem, after }) => {
                    last_problem = Some(problem);
                    self.wait(round, after).await?;
                    continue;
                }
                Err(StepError::Failed(problem)) => return Err(Halt::Failed(problem)),
            };
            if let Some(conflict) = plan.conflicts.first() {
                if self.stored_steps().await?.is_none() {
                    self.store_plan(&plan).await?;
                }
                return Err(outlook::conflict_problem(conflict, plan.conflicts.len()).into());
            }
            let todo = self.align(&plan).await?;
            if plan.steps.is_empty() {
                self.prove(&observed, &plan).await?;
                return Ok(self.task.success());
            }
            match self.apply(todo).await {
                Ok(()) => last_problem = None,
                Err(Applied::Halt(halt)) => return Err(halt),
                Err(Applied::Again { problem, after }) => {
                    last_problem = Some(problem);
                    self.wait(round, after).await?;
                }
            }
        }
        let problem = last_problem.map_or_else(does_not_settle, |problem| *problem);
        self.fail_running_step(&problem).await?;
        Err(problem.into())
    }

    /// Observes, brings the records up to date, plans, and checks the plan.
    async fn look(&mut self) -> Result<(Observed, Plan), StepError> {
        let (mut observed, calls) = observe(&self.work.api, &self.work.site).await?;
        self.work.calls += calls;
        let goal = self.task.goal(self.work);
        let settled = settle(&goal, &observed);
        self.work.replace_records(settled).await?;
        observed.recorded = self.work.site.recorded.clone();
        let plan = self.task.plan(&goal, &observed);
        check(&goal, &observed, &plan).map_err(|violation| {
            StepError::Failed(Box::new(Problem::internal(&violation).cause(
                "The plan broke one of its promises and was refused; nothing was changed.",
            )))
        })?;
        Ok((observed, plan))
    }

    /// Stores the plan at the first look; later brings stored steps and newest plan together. Answers with what to do.
    async fn align(&mut self, plan: &Plan) -> Result<Vec<(u32, domain::plan::Step)>, Halt> {
        let stored = self.stored_steps().await?;
        let Some(stored) = stored else {
            self.store_plan(plan).await?;
            return Ok((0u32..).zip(plan.steps.iter().cloned()).collect());
        };
        let alignment = align(&stored, plan);
        if alignment.has_new {
            let (done, merged) = merged(&stored, plan);
            self.store_plan(&merged).await?;
            for index in 0..u32::try_from(done).unwrap_or(u32::MAX) {
                self.finish_step(index, StepStatus::Done, None, None)
                    .await?;
            }
            let first = u32::try_from(done).unwrap_or(u32::MAX);
            return Ok((first..).zip(plan.steps.iter().cloned()).collect());
        }
        for index in alignment.found_done {
            let note = "A new look at the account found it done.".to_owned();
            self.finish_step(index, StepStatus::Done, None, Some(note))
                .await?;
        }
        Ok(alignment.todo)
    }

    async fn apply(&mut self, todo: Vec<(u32, domain::plan::Step)>) -> Result<(), Applied> {
        let (app, id) = (self.work.app, self.deployment.id);
        for (index, step) in todo {
            self.safe_point().await?;
            app.store
                .start_step(id, index, app.clock.now())
                .await
                .map_err(Halt::from)?;
            app.signals.deployment_changed(id);
            match self.work.apply(&step).await {
                Ok(note) => {
                    self.finish_step(index, StepStatus::Done, None, note)
                        .await?;
                }
                Err(StepError::Again { problem, after }) => {
                    let note = json!({
                        "index": index,
                        "text": "The account is looked at again before anything is repeated.",
                        "problem": &*problem,
                    });
                    app.store
                        .note_deployment(id, app.clock.now(), note)
                        .await
                        .map_err(Halt::from)?;
                    app.signals.deployment_changed(id);
                    return Err(Applied::Again { problem, after });
                }
                Err(StepError::Failed(problem)) => {
                    self.finish_step(index, StepStatus::Failed, Some(&problem), None)
                        .await?;
                    return Err(Halt::Failed(problem).into());
                }
            }
        }
        Ok(())
    }

    /// Between two steps: may we go on?
    async fn safe_point(&self) -> Result<(), Halt> {
        if self.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        if self
            .work
            .app
            .store
            .is_cancel_requested(self.deployment.id)
            .await?
        {
            return Err(Halt::Cancelled);
        }
        Ok(())
    }

    async fn wait(&self, round: u32, after: Option<Duration>) -> Result<(), Halt> {
        let pause = Duration::from_millis(200 << round.min(5));
        let pause = pause.max(after.unwrap_or_default()).min(WAIT_MAX);
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.stop.cancelled() => Err(Halt::Stopped),
        }
    }

    async fn stored_steps(&self) -> Result<Option<Vec<DeploymentStep>>, Halt> {
        let stored = self
            .work
            .app
            .store
            .deployment(self.deployment.workspace, self.deployment.id)
            .await?;
        Ok(stored.and_then(|stored| stored.plan.is_some().then_some(stored.steps)))
    }

    async fn store_plan(&self, plan: &Plan) -> Result<(), Halt> {
        let app = self.work.app;
        app.store
            .set_deployment_plan(self.deployment.id, plan, app.clock.now())
            .await?;
        app.signals.deployment_changed(self.deployment.id);
        Ok(())
    }

    async fn finish_step(
        &self,
        index: u32,
        status: StepStatus,
        problem: Option<&Problem>,
        note: Option<String>,
    ) -> Result<(), Halt> {
        let app = self.work.app;
        let problem = problem.map(to_json).transpose()?;
        app.store
            .finish_step(
                self.deployment.id,
                index,
                status,
                problem,
                note,
                app.clock.now(),
            )
            .await?;
        app.signals.deployment_changed(self.deployment.id);
        Ok(())
    }

    async fn fail_running_step(&self, problem: &Problem) -> Result<(), Halt> {
        let steps = self.stored_steps().await?.unwrap_or_default();
        for step in steps {
            if step.status == StepStatus::Running {
                self.finish_step(step.index, StepStatus::Failed, Some(problem), None)
                    .await?;
            }
        }
        Ok(())
    }

    /// What the last look showed, kept with the deployment; a later rollback finds its Worker here.
    async fn prove(&self, observed: &Observed, plan: &Plan) -> Result<(), Halt> {
        let app = self.work.app;
        let proof = json!({
            "observedAt": app.clock.now().0,
            "stepsLeft": plan.steps.len(),
            "warnings": plan.warnings,
            "worker": self.work.material.as_ref().map(|material| &material.desired.script_hash),
            "namespace": observed.recorded.namespace,
            "routes": observed.recorded.routes_intended,
        });
        app.store
            .set_deployment_proof(self.deployment.id, &proof)
            .await?;
        for warning in &plan.warnings {
            let note = json!({ "warning": warning });
            app.store
                .note_deployment(self.deployment.id, app.clock.now(), note)
                .await?;
        }
        Ok(())
    }
}

enum Applied {
    Again {
        problem: Box<Problem>,
        after: Option<Duration>,
    },
    Halt(Halt),
}

impl From<Halt> for Applied {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

fn to_json(problem: &Problem) -> Outcome<Value> {
    serde_json::to_value(problem).map_err(|error| Problem::internal(&error))
}

fn does_not_settle() -> Problem {
    Problem::new(
        Code::CloudflareUnavailable,
        "Every step was applied, but the account still does not show it.",
    )
    .cause("Cloudflare shows changes late at the moment.")
    .cause("Or somebody else changes the same objects at the same time.")
    .remedy("Wait a minute, then continue this deployment: what is done already is not done twice.")
}
