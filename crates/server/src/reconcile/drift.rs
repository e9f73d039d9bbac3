//! The watch over accounts: each deployed site's account is looked at now and then, and what differs is told. Nothing is
//! repaired by itself: somebody may have had a reason.

use crate::{app::App, clock::rfc3339, problem::Outcome, services::deployments};
use domain::{deployment::SiteStatus, plan::Plan};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::Site;
use tokio_util::sync::CancellationToken;

/// How often it is asked whose turn it is.
const TICK: Duration = Duration::from_secs(10);

/// Between two looks: so that many sites that are due at once take their turns within Cloudflare's limit of calls.
const BREATH: Duration = Duration::from_millis(500);

/// What differs in an account, kept with the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Drift {
    /// When it was seen, as RFC 3339.
    pub(crate) seen_at: String,
    /// What a deployment would do about it, and why.
    pub(crate) changes: Vec<Change>,
    /// What stands in the way of a repair.
    pub(crate) conflicts: Vec<String>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// What it is: `Worker edge-delivery-…`.
    pub(crate) what: String,
    /// What was found.
    pub(crate) found: String,
    /// What a repair does.
    pub(crate) repair: String,
}

impl Drift {
    /// What a plan says, unless there is nothing to say.
    fn of(plan: &Plan, seen_at: String) -> Option<Self> {
        (!plan.is_in_sync()).then(|| Self {
            seen_at,
            changes: plan
                .steps
                .iter()
                .map(|step| Change {
                    what: format!("{} {}", step.resource.title(), step.name),
                    found: step.reason.clone(),
                    repair: step.action.as_str().to_owned(),
                })
                .collect(),
            conflicts: plan
                .conflicts
                .iter()
                .map(|conflict| conflict.detail.clone())
                .collect(),
        })
    }
}

/// Runs until `stop`. Does nothing when the interval is set to nought.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let Some(every) = app.config.observe_every else {
        return;
    };
    while !stop.is_cancelled() {
        let pause = match look_at_next(&app, every).await {
            Ok(true) => BREATH,
            Ok(false) => TICK.min(every),
            Err(problem) => {
                tracing::warn!(%problem, "the accounts could not be watched");
                TICK
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Looks at the site whose turn it is; says whether there was one.
async fn look_at_next(app: &App, every: Duration) -> Outcome<bool> {
    let now = app.clock.now();
    let seconds = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
    let claimed = app
        .store
        .claim_observation(now, now.plus_seconds(seconds))
        .await?;
    let Some(site) = claimed else {
        return Ok(false);
    };
    look(app, &site).await?;
    Ok(true)
}

async fn look(app: &App, site: &Site) -> Outcome<()> {
    // The site's state follows what is seen, also when nothing can be seen.
    match deployments::plan(app, site.workspace, site).await {
        Ok((plan, _)) => tell(app, site, &plan).await,
        Err(problem) => {
            tracing::warn!(site.id = %site.id, %problem, "the account of a site could not be looked at");
            metrics::counter!("edge_delivery_observations_total", "outcome" => "unknown")
                .increment(1);
            Ok(())
        }
    }
}

/// Keeps what differs with the site, and tells it when it is new.
async fn tell(app: &App, site: &Site, plan: &Plan) -> Outcome<()> {
    let drift = Drift::of(plan, rfc3339(app.clock.now()));
    let outcome = if drift.is_some() {
        "drifted"
    } else {
        "in_sync"
    };
    metrics::counter!("edge_delivery_observations_total", "outcome" => outcome).increment(1);
    keep(app, site, drift.as_ref()).await?;
    if let (Some(drift), SiteStatus::InSync) = (&drift, site.status) {
        let found: Vec<&str> = drift
            .changes
            .iter()
            .map(|change| change.what.as_str())
            .collect();
        tracing::warn!(site.id = %site.id, found = found.join(", "), "an account was changed outside Edge Delivery");
    }
    Ok(())
}

/// Keeps what a look at the account found.
pub(crate) async fn keep(app: &App, site: &Site, drift: Option<&Drift>) -> Outcome<()> {
    let value = drift.map(serde_json::to_value).transpose();
    let value = value.map_err(|error| crate::problem::Problem::internal(&error))?;
    app.store
        .set_drift(site.workspace, site.id, value.as_ref())
        .await?;
    Ok(())
}

/// What differed at the last look of the watch, if the site is drifted still.
pub(crate) async fn known(app: &App, site: &Site) -> Outcome<Option<Drift>> {
    if site.status != SiteStatus::Drifted {
        return Ok(None);
    }
    let stored = app.store.drift(site.workspace, site.id).await?;
    Ok(stored.and_then(|value| serde_json::from_value(value).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_in_sync_says_nothing() {
        assert_eq!(Drift::of(&Plan::default(), String::new()), None);
    }
}
