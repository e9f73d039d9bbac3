//! Looking, planning, applying, and looking again, until nothing is left to do.

mod waits;

pub(crate) use waits::PATIENCE;

use super::{
    alignment::{align, merged},
    apply::{StepError, Work},
    observe::observe,
    outlook::{self, Task},
    proof,
};
use crate::problem::{Code, Outcome, Problem};
use domain::{
    deployment::{DeploymentStatus, StepStatus},
    observed::{Observed, ObservedScript},
    plan::{Plan, settle},
};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Deployment, DeploymentStep};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the account is looked at before we give up: lost answers and refusals that may pass take one look each.
const ROUNDS: u32 = 8;

/// Why the rounds stopped without reaching the goal.
pub(super) enum Halt {
    /// A person stopped it.
    Cancelled,
    /// The program stops.
    Stopped,
    /// It cannot go on.
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

/// The rounds of one deployment.
pub(super) struct Run<'a, 'w> {
    work: &'a mut Work<'w>,
    task: &'a Task,
    deployment: &'a Deployment,
    stop: &'a CancellationToken,
    /// What does not work at the moment.
    trouble: Option<Trouble>,
}

/// Something that does not work at the moment, and when it was first tried.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    since: Instant,
    with: Doing,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Look,
    Step,
}

impl<'a, 'w> Run<'a, 'w> {
    /// None done yet.
    pub(super) const fn new(
        work: &'a mut Work<'w>,
        task: &'a Task,
        deployment: &'a Deployment,
        stop: &'a CancellationToken,
    ) -> Self {
        Self {
            work,
            task,
            deployment,
            stop,
            trouble: None,
        }
    }

    /// Looks, plans and applies until a look shows nothing left to do.
    pub(super) async fn drive(&mut self) -> Result<DeploymentStatus, Halt> {
        let mut last_problem: Option<Box<Problem>> = None;
        for round in 0..ROUNDS {
            self.safe_point().await?;
            let begun = Instant::now();
            let (observed, plan) = match self.look().await {
                Ok(look) => look,
                Err(StepError::Again { problem, after }) => {
                    self.in_trouble(Doing::Look, begun);
                    last_problem = Some(self.wait(round, after, problem).await?);
                    continue;
                }
                Err(StepError::Failed(problem)) => {
                    self.fail_running_step(&problem).await?;
                    return Err(Halt::Failed(problem));
                }
            };
            self.works_again(Doing::Look);
            if let Some(conflict) = plan.conflicts.first() {
                if self.stored_steps().await?.is_none() {
                    self.store_plan(&plan).await?;
                }
                return Err(outlook::conflict_problem(conflict, plan.conflicts.len()).into());
            }
            let todo = self.align(&plan).await?;
            if plan.steps.is_empty() {
                self.pin().await?;
                let has_changed = self.has_begun().await?;
                let kept = proof::keep(self.work, &observed, &plan, has_changed).await;
                self.tell_proof(kept).await?;
                return Ok(self.task.success());
            }
            if !self.has_begun().await? {
                proof::look_before(self.work).await?;
            }
            match self.apply(todo).await {
                Ok(()) => last_problem = None,
                Err(Applied::Halt(halt)) => return Err(halt),
                Err(Applied::Again { problem, after }) => {
                    last_problem = Some(self.wait(round, after, problem).await?);
                }
            }
        }
        let problem = last_problem.map_or_else(does_not_settle, |problem| *problem);
        self.fail_running_step(&problem).await?;
        Err(problem.into())
    }

    /// Which Worker stands there is written down with its upload; here when it stood there already.
    async fn pin(&mut self) -> Result<(), Halt> {
        let recorded = &self.work.site.recorded;
        let pinned = self.work.pinned.clone();
        let pinned = pinned.filter(|_| recorded.applied.is_some());
        Ok(self
            .work
            .record(|recorded| recorded.pinned = pinned)
            .await?)
    }

    /// Observes, brings the records up to date, plans, and checks the plan.
    async fn look(&mut self) -> Result<(Observed, Plan), StepError> {
        let (mut observed, calls) = observe(&self.work.api, &self.work.site).await?;
        self.work.calls += calls;
        let goal = self.task.goal(self.work);
        let settled = settle(&goal, &observed);
        self.work.replace_records(settled).await?;
        observed.recorded = self.work.site.recorded.clone();
        self.work.seen_script = observed.script.as_ref().map(ObservedScript::mark);
        let plan = self.task.plan(&goal, &observed);
        self.task
            .check(&goal, &observed, &plan)
            .map_err(|violation| {
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
            let begun = Instant::now();
            match self.work.apply(&step).await {
                Ok(note) => {
                    self.works_again(Doing::Step);
                    self.finish_step(index, StepStatus::Done, None, note)
                        .await?;
                }
                Err(StepError::Again { problem, after }) => {
                    self.in_trouble(Doing::Step, begun);
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

    /// A failed proof is a failure of what builds. What takes out has done what it could: there it is told alone.
    async fn tell_proof(&self, kept: Outcome<()>) -> Result<(), Halt> {
        match kept {
            Err(problem)
                if problem.code == Code::ProofFailed
                    && matches!(self.task, Task::Remove | Task::Undo { .. }) =>
            {
                let causes = problem.causes.join(" ");
                let note = json!({ "warning": { "code": "proof_failed", "detail": format!("{} {causes}", problem.detail) } });
                let app = self.work.app;
                app.store
                    .note_deployment(self.deployment.id, app.clock.now(), note)
                    .await?;
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Whether a step was begun, by this process or by one before it.
    async fn has_begun(&self) -> Result<bool, Halt> {
        let steps = self.stored_steps().await?.unwrap_or_default();
        Ok(steps.iter().any(|step| step.status != StepStatus::Waiting))
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
