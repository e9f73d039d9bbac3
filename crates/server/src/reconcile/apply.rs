//! Applies one step of a plan. Each resource has its file; each function may be killed at any await and run again.
//!
//! The order within a step is always the same: record the intent, call, record the outcome. Nothing is called twice
//! here: when an answer is lost the driver observes again and plans anew.

mod content;
mod namespace;
mod route;
mod script;

use super::material::Material;
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use cloudflare::Api;
use domain::{
    ids::DeploymentId,
    observed::{Recorded, ScriptMark},
    plan::{Action, Resource, Step},
};
use std::time::Duration;
use store::Site;

/// What a deployment works with.
pub(crate) struct Work<'a> {
    /// The program.
    pub(crate) app: &'a App,
    /// With the site's token.
    pub(crate) api: Api,
    /// The site; its records are kept up to date here and in the database.
    pub(crate) site: Site,
    /// What tells the script that was seen last from another one.
    pub(crate) seen_script: Option<ScriptMark>,
    /// What the Worker consists of; `None` in a removal, which needs none.
    pub(crate) material: Option<Material>,
    /// The earlier Worker that it is, if it is one.
    pub(crate) pinned: Option<String>,
    /// The deployment.
    pub(crate) deployment: DeploymentId,
    /// Calls to Cloudflare so far.
    pub(crate) calls: u32,
}

/// Why a step did not end well.
#[derive(Debug)]
pub(crate) enum StepError {
    /// Observe again, then go on: whether it took effect is not known, or it may work in a moment.
    Again {
        /// What happened, if there is no next time.
        problem: Box<Problem>,
        /// Wait at least so long.
        after: Option<Duration>,
    },
    /// It will not work without somebody doing something.
    Failed(Box<Problem>),
}

impl From<cloudflare::Error> for StepError {
    fn from(error: cloudflare::Error) -> Self {
        let may_pass = error.effect_unknown()
            || error.is_unavailable()
            || (error.is_rate_limited() && error.code() != Some(DAY_IS_SPENT))
            || is_transient(&error);
        let after = error.retry_after;
        let problem = Box::new(Problem::from(error));
        if may_pass {
            Self::Again { problem, after }
        } else {
            Self::Failed(problem)
        }
    }
}

impl From<Problem> for StepError {
    fn from(problem: Problem) -> Self {
        if matches!(
            problem.code,
            Code::CloudflareUnavailable | Code::RateLimited
        ) {
            Self::Again {
                after: problem.retry_after.map(Duration::from_secs),
                problem: Box::new(problem),
            }
        } else {
            Self::Failed(Box::new(problem))
        }
    }
}

impl From<store::StoreError> for StepError {
    fn from(error: store::StoreError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// The account's KV operations of the day are used up (Cloudflare API notes §6.5, measured): answered like a rate limit,
/// but waiting a moment does not help.
const DAY_IS_SPENT: i64 = 10_048;

/// Refusals that only say that two sights of the account differ: something exists already or is not there yet. A new
/// look tells (Cloudflare API notes §4.6, §5, §6.5: 10014 title exists, 10019 route names a script that is not there,
/// 10020 duplicate route, 10013 namespace not found or not yet).
fn is_transient(error: &cloudflare::Error) -> bool {
    matches!(error.code(), Some(10013 | 10014 | 10019 | 10020))
}

impl Work<'_> {
    /// Applies the step; answers with what there is to say about it.
    pub(crate) async fn apply(&mut self, step: &Step) -> Result<Option<String>, StepError> {
        match (step.resource, step.action) {
            (Resource::KvNamespace, Action::Delete) => namespace::delete(self, step).await,
            (Resource::KvNamespace, Action::Update) => namespace::rename(self, step).await,
            (Resource::KvNamespace, Action::Create) => namespace::create(self, step).await,
            (Resource::Content, _) => content::load(self).await,
            (Resource::Script, Action::Delete) => script::delete(self).await,
            (Resource::Script, _) => script::upload(self).await,
            (Resource::Route, Action::Delete) => route::delete(self, step).await,
            (Resource::Route, Action::Update) => route::change(self, step).await,
            (Resource::Route, Action::Create) => route::create(self, step).await,
            (Resource::Zone, _) => Err(wrong_plan("a zone is never changed").into()),
        }
    }

    /// Writes the records down before anything else happens.
    pub(crate) async fn record(&mut self, change: impl FnOnce(&mut Recorded)) -> Outcome<()> {
        let mut recorded = self.site.recorded.clone();
        change(&mut recorded);
        self.replace_records(recorded).await
    }

    /// The same, with whole records. When the namespace is another one, what the ledger says of the old one is
    /// forgotten first: killed in between, that costs writing the content again and nothing else.
    pub(crate) async fn replace_records(&mut self, recorded: Recorded) -> Outcome<()> {
        if recorded == self.site.recorded {
            return Ok(());
        }
        let (workspace, site) = (self.site.workspace, self.site.id);
        if recorded.namespace != self.site.recorded.namespace {
            self.app.store.clear_kv_ledger(workspace, site).await?;
        }
        self.app
            .store
            .set_recorded(workspace, site, &recorded)
            .await?;
        self.site.recorded = recorded;
        Ok(())
    }

    /// After a refusal that left no doubt, the intent that was recorded for the call is taken back; in doubt it stays.
    async fn refused(
        &mut self,
        error: cloudflare::Error,
        take_back: impl FnOnce(&mut Recorded),
    ) -> StepError {
        let error = StepError::from(error);
        if matches!(error, StepError::Failed(_))
            && let Err(problem) = self.record(take_back).await
        {
            tracing::warn!(%problem, "an intent could not be taken back");
        }
        error
    }

    /// What the Worker consists of.
    fn material(&self) -> Outcome<&Material> {
        self.material
            .as_ref()
            .ok_or_else(|| wrong_plan("a removal asks for something to be made"))
    }
}

/// A plan that cannot be: a defect of ours.
fn wrong_plan(what: &str) -> Problem {
    tracing::error!(what, "a plan that cannot be applied");
    Problem::new(
        Code::Internal,
        format!("The plan cannot be applied: {what}."),
    )
    .cause("A defect in Edge Delivery. Nothing was changed by this step.")
    .remedy("Report it with the deployment's id.")
}
