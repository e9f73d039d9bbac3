//! What did not work is tried again: after a pause that grows from round to round, or after as long as Cloudflare asks to
//! wait; within the time of a step, and so that a person sees it and can stop it.

use super::{Doing, Halt, Run, Trouble};
use crate::problem::{Code, Problem};
use domain::time::Millis;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Longer than this nobody is kept waiting for a call that may work later.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// One step with its repetitions takes at most this, waits that Cloudflare asks for left out.
const STEP_BUDGET: Duration = Duration::from_secs(45);

/// Nothing is begun with less than this left of the budget.
const TRY_MIN: Duration = Duration::from_secs(1);

/// Told to wait longer than this, a deployment fails and says when to continue.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a person's wish to stop is looked for during a wait.
const WAIT_SLICE: Duration = Duration::from_millis(500);

impl Run<'_, '_> {
    /// Something that may work later did not work. What it was tried for the first time with is remembered, and from now
    /// on calls have what is left of the step's time.
    pub(super) fn in_trouble(&mut self, with: Doing, begun: Instant) {
        self.trouble.get_or_insert(Trouble { since: begun, with });
    }

    /// What was in trouble works.
    pub(super) fn works_again(&mut self, what: Doing) {
        if self.trouble.is_some_and(|trouble| trouble.with == what) {
            self.trouble = None;
            self.work.api = self.work.api.clone().with_step_budget(STEP_BUDGET);
        }
    }

    /// Waits before the next look: as told, else a little longer from round to round. Gives the problem back; where it
    /// makes no sense to wait, it is why the deployment fails.
    pub(super) async fn wait(
        &mut self,
        round: u32,
        after: Option<Duration>,
        problem: Box<Problem>,
    ) -> Result<Box<Problem>, Halt> {
        if problem.code == Code::RateLimited {
            return self.wait_as_told(after, problem).await;
        }
        let pause = Duration::from_millis(200 << round.min(5));
        let pause = pause.max(after.unwrap_or_default()).min(WAIT_MAX);
        let spent = self
            .trouble
            .map_or(Duration::ZERO, |trouble| trouble.since.elapsed());
        let left = STEP_BUDGET.saturating_sub(spent + pause);
        if left < TRY_MIN {
            self.fail_running_step(&problem).await?;
            return Err(Halt::Failed(problem));
        }
        self.pause(pause).await?;
        self.work.api = self.work.api.clone().with_step_budget(left);
        Ok(problem)
    }

    /// Cloudflare asks to wait: whoever follows the deployment sees until when.
    async fn wait_as_told(
        &mut self,
        after: Option<Duration>,
        problem: Box<Problem>,
    ) -> Result<Box<Problem>, Halt> {
        let app = self.work.app;
        let pause = after.unwrap_or_default().max(Duration::from_secs(1));
        let until =
            Millis(app.clock.now().0 + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        if pause > PATIENCE {
            let problem = Box::new(continue_after(*problem, pause, until));
            self.fail_running_step(&problem).await?;
            return Err(Halt::Failed(problem));
        }
        let note = waiting_note(until, pause);
        app.store
            .note_deployment(self.deployment.id, app.clock.now(), note)
            .await?;
        app.signals.deployment_changed(self.deployment.id);
        self.pause(pause).await?;
        // That time is not the step's.
        if let Some(trouble) = &mut self.trouble {
            trouble.since += pause;
        }
        Ok(problem)
    }

    /// Waits; ends early when the program or a person wants it to stop.
    async fn pause(&self, pause: Duration) -> Result<(), Halt> {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            tokio::select! {
                () = tokio::time::sleep_until(end.min(Instant::now() + WAIT_SLICE)) => {}
                () = self.stop.cancelled() => {}
            }
            self.safe_point().await?;
        }
        Ok(())
    }
}

/// The event that tells until when Cloudflare asks to wait.
fn waiting_note(until: Millis, pause: Duration) -> Value {
    json!({ "waiting": {
        "reason": Code::RateLimited.as_str(),
        "until": crate::clock::rfc3339(until),
        "seconds": pause.as_secs(),
    }})
}

/// The wait is longer than anybody is kept waiting.
fn continue_after(mut problem: Problem, pause: Duration, until: Millis) -> Problem {
    problem.detail = format!(
        "Cloudflare asks to wait {} s before the next call, which is longer than a deployment waits ({} s).",
        pause.as_secs(),
        PATIENCE.as_secs()
    );
    problem.remedies = vec![format!(
        "Continue this deployment after {}; what is done already is not done twice.",
        crate::clock::rfc3339(until)
    )];
    problem.with_retry_after(pause.as_secs())
}
