//! What somebody changed in a site's account: kept with the site, told once for each change of it, in the log and to the
//! webhook. Nothing is repaired by itself: somebody may have had a reason. Who looks, and when, is in [`watch`].

pub(super) mod watch;

use crate::{
    app::App,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::webhooks,
};
use domain::{
    deployment::SiteStatus,
    plan::{Difference, Plan, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{NewDelivery, Site, WebhookEvent};

/// Of several that look at once, one writes; who comes second looks at what the first wrote.
const TRIES: usize = 3;

/// What differs in an account, kept with the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Drift {
    /// When it was first seen like this, as RFC 3339.
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
    /// With what it was changed, where the account tells: `dash`, `wrangler`, `api`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
}

/// What a plan says of somebody else's changes, unless there are none.
pub(crate) fn seen(app: &App, plan: &Plan) -> Option<Drift> {
    of(plan, rfc3339(app.clock.now()))
}

fn of(plan: &Plan, seen_at: String) -> Option<Drift> {
    plan.is_drifted().then(|| Drift {
        seen_at,
        changes: plan.repairs().map(|step| change(plan, step)).collect(),
        conflicts: plan
            .outside_conflicts()
            .map(|conflict| conflict.detail.clone())
            .collect(),
    })
}

fn change(plan: &Plan, step: &Step) -> Change {
    let is_it = |found: &&Difference| found.resource == step.resource && found.name == step.name;
    Change {
        what: format!("{} {}", step.resource.title(), step.name),
        found: step.reason.clone(),
        repair: step.action.as_str().to_owned(),
        by: plan
            .differences
            .iter()
            .filter(is_it)
            .find_map(|found| found.by.clone()),
    }
}

/// Keeps what a look at the account found, or that nothing differs any more. What was not known before is told.
pub(crate) async fn keep(app: &App, site: &Site, found: Option<Drift>) -> Outcome<()> {
    for _ in 0..TRIES {
        let stored = app.store.drift(site.workspace, site.id).await?;
        let former = stored
            .clone()
            .and_then(|value| serde_json::from_value(value).ok());
        if stored.is_none() && found.is_none() || is_same(former.as_ref(), found.as_ref()) {
            return Ok(());
        }
        let value = found.as_ref().map(serde_json::to_value).transpose();
        let value = value.map_err(|error| Problem::internal(&error))?;
        let message = message(app, site, former.as_ref(), found.as_ref());
        let is_kept = app
            .store
            .change_drift(
                site.workspace,
                site.id,
                stored.as_ref(),
                value.as_ref(),
                Some(&message),
            )
            .await?;
        if is_kept {
            tell(site, found.as_ref());
            app.signals.wake_watching();
            return Ok(());
        }
    }
    Ok(())
}

/// Whether nothing else is to be told than before.
fn is_same(former: Option<&Drift>, found: Option<&Drift>) -> bool {
    match (former, found) {
        (Some(former), Some(found)) => {
            former.changes == found.changes && former.conflicts == found.conflicts
        }
        _ => false,
    }
}

fn tell(site: &Site, found: Option<&Drift>) {
    match found {
        Some(drift) => {
            let found: Vec<&str> = drift
                .changes
                .iter()
                .map(|change| change.what.as_str())
                .chain(drift.conflicts.iter().map(String::as_str))
                .collect();
            tracing::info!(site.id = %site.id, found = found.join(", "), "an account was changed outside Edge Delivery");
        }
        None => tracing::info!(site.id = %site.id, "an account is as it was deployed again"),
    }
}

fn message(app: &App, site: &Site, former: Option<&Drift>, found: Option<&Drift>) -> NewDelivery {
    let mut data = json!({
        "site": { "id": site.id, "name": site.name, "hostnames": site.hostnames },
        "link": webhooks::link(app, &format!("/sites/{}/plan", site.id)),
    });
    let event = match found {
        Some(drift) => {
            data["status"] = json!(SiteStatus::Drifted);
            data["seenAt"] = json!(drift.seen_at);
            data["changes"] = json!(drift.changes);
            data["conflicts"] = json!(drift.conflicts);
            WebhookEvent::SiteDrifted
        }
        None => {
            data["status"] = json!(SiteStatus::InSync);
            data["driftedAt"] = former.map_or(Value::Null, |drift| json!(drift.seen_at));
            WebhookEvent::SiteRecovered
        }
    };
    webhooks::message(event, app.clock.now(), &data)
}

/// What differed at the last look, if the site is drifted still.
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
        assert_eq!(of(&Plan::default(), String::new()), None);
    }
}
