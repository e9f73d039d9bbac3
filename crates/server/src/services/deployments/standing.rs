//! Where a deployment stands beyond what is stored with it: what it waits for, where it failed, what is in the account,
//! and what can be done about it now.

use super::again::told_to_wait_until;
use crate::{
    app::App,
    clock::parse_rfc3339,
    problem::Outcome,
    reconcile::{material, outlook::worker_of},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, StepStatus},
    desired::{namespace_title, script_name},
    ids::{DeploymentId, WorkspaceId},
    plan::{Action, Resource},
    time::Millis,
};
use store::{Deployment, DeploymentEvent, Page, Site};

/// Where a deployment stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// Until when it waits, because Cloudflare asks to.
    pub(crate) waiting_until: Option<Millis>,
    /// The step at which it failed.
    pub(crate) failed_step: Option<u32>,
    /// After a failure or a stop: what is in the account because of the site, as far as our records go.
    pub(crate) in_place: Vec<(Resource, String)>,
    /// Whether it can be gone on with.
    pub(crate) can_continue: bool,
    /// Whether what it changed can be taken back.
    pub(crate) can_undo: bool,
    /// Whether its Worker can be brought back.
    pub(crate) can_roll_back: bool,
    /// Cloudflare asked to wait: until when it makes no sense to go on.
    pub(crate) continue_after: Option<Millis>,
    /// The deployment that takes it back, and how far that is.
    pub(crate) undone_by: Option<(DeploymentId, DeploymentStatus)>,
    /// What the site was configured to be when it went live.
    pub(crate) config: Option<Config>,
}

/// The configuration that a deployment brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The host names that its Worker serves.
    pub(crate) hostnames: Vec<String>,
    /// How long its Worker waits for KV, in milliseconds.
    pub(crate) kv_deadline_ms: u16,
    /// The routes that the site had.
    pub(crate) routes: Vec<String>,
}

impl Standing {
    /// What can be done now, by the names of the calls.
    pub(crate) fn offers(&self) -> Vec<&'static str> {
        [
            (
                self.can_continue && self.continue_after.is_none(),
                "continue",
            ),
            (self.can_undo, "undo"),
            (self.can_roll_back, "rollback"),
        ]
        .into_iter()
        .filter_map(|(can, name)| can.then_some(name))
        .collect()
    }
}

/// Finds it out.
pub(crate) async fn standing(
    app: &App,
    ws: WorkspaceId,
    deployment: &Deployment,
) -> Outcome<Standing> {
    let status = deployment.status;
    if !status.is_final() {
        let events = app.store.events_after(ws, deployment.id, 0).await?;
        return Ok(Standing {
            waiting_until: waiting_until(&events, app.clock.now()),
            ..Standing::default()
        });
    }
    let site = app.store.site(ws, deployment.site).await?;
    let listed = app
        .store
        .list_deployments(ws, Some(deployment.site), &Page::first(1))
        .await?;
    let is_newest = listed
        .items
        .first()
        .is_some_and(|newest| newest.id == deployment.id);
    let is_apply = deployment.kind != DeploymentKind::Remove;
    let is_broken = matches!(
        status,
        DeploymentStatus::Failed | DeploymentStatus::Cancelled
    );
    let changed_something = deployment
        .steps
        .iter()
        .any(|step| step.status != StepStatus::Waiting)
        || deployment
            .restored
            .as_ref()
            .is_some_and(|restored| restored.published + restored.unpublished > 0);
    let undoing = if is_newest || !is_apply {
        None
    } else {
        app.store.undoing_of(ws, deployment.id).await?
    };
    let exists = site.is_some();
    Ok(Standing {
        waiting_until: None,
        failed_step: deployment
            .steps
            .iter()
            .find(|step| step.status == StepStatus::Failed)
            .map(|step| step.index),
        in_place: match &site {
            Some(site) if is_broken && is_newest => in_place(site, deployment),
            _ => Vec::new(),
        },
        can_continue: exists && is_newest && is_broken,
        can_undo: exists
            && is_newest
            && is_apply
            && changed_something
            && status != DeploymentStatus::Undone,
        can_roll_back: exists && !is_newest && is_apply && status == DeploymentStatus::Live,
        continue_after: told_to_wait_until(app, deployment),
        undone_by: undoing.map(|undoing| (undoing.id, undoing.status)),
        config: config(app, deployment).await?,
    })
}

/// From what was kept with the upload and the proof; `None` when it did not go live.
async fn config(app: &App, deployment: &Deployment) -> Outcome<Option<Config>> {
    let Some(worker) = worker_of(deployment) else {
        return Ok(None);
    };
    let Some(config) = material::config_of(app, &worker).await? else {
        return Ok(None);
    };
    let proof = deployment.proof.as_ref();
    let routes = proof.and_then(|proof| serde_json::from_value(proof["routes"].clone()).ok());
    Ok(Some(Config {
        hostnames: config.hosts().to_vec(),
        kv_deadline_ms: config.kv_deadline_ms(),
        routes: routes.unwrap_or_default(),
    }))
}

/// Until when the deployment waits, if the last that happened to it is a wait that is not over.
fn waiting_until(events: &[DeploymentEvent], now: Millis) -> Option<Millis> {
    let until = events.last()?.data["waiting"]["until"].as_str()?;
    parse_rfc3339(until).filter(|until| until.0 > now.0)
}

/// What our records say; of a making whose outcome is not known nothing is said.
fn in_place(site: &Site, deployment: &Deployment) -> Vec<(Resource, String)> {
    let is_open = |resource: Resource, name: &str| {
        deployment.steps.iter().any(|step| {
            step.step.resource == resource
                && step.step.action == Action::Create
                && step.status != StepStatus::Done
                && step.step.name.eq_ignore_ascii_case(name)
        })
    };
    let recorded = &site.recorded;
    let script = script_name(site.id);
    let is_uploaded = recorded.script_etag.is_some()
        || deployment.steps.iter().any(|step| {
            step.step.resource == Resource::Script
                && step.step.action != Action::Delete
                && step.status == StepStatus::Done
        });
    let mut found = Vec::new();
    if recorded.namespace.is_some() {
        found.push((Resource::KvNamespace, namespace_title(site.id)));
    }
    if is_uploaded {
        found.push((Resource::Script, script));
    }
    let routes = recorded
        .routes_intended
        .iter()
        .filter(|pattern| !is_open(Resource::Route, pattern));
    found.extend(routes.map(|pattern| (Resource::Route, pattern.clone())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_wait_that_is_the_last_word_and_not_over_counts() {
        let event = |seq, data| DeploymentEvent {
            seq,
            at: Millis(0),
            kind: "note".to_owned(),
            data,
        };
        let wait = event(1, json!({ "waiting": { "until": "2030-01-01T00:00:00Z" } }));
        let until = parse_rfc3339("2030-01-01T00:00:00Z").expect("a time");
        let events = [wait, event(2, json!({ "status": "running" }))];
        assert_eq!(waiting_until(&events[..1], Millis(0)), Some(until));
        assert_eq!(waiting_until(&events[..1], until), None);
        assert_eq!(waiting_until(&events, Millis(0)), None);
        assert_eq!(waiting_until(&[], Millis(0)), None);
    }
}
