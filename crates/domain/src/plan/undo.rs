//! What takes one deployment's own steps back.

use super::{
    Action, Plan, Resource, RouteChange, Step, namespace,
    ownership::{adopted, is_our_route, our_namespace},
    routes, script,
};
use crate::{
    desired::{hash_tag, script_name},
    ids::SiteId,
    observed::{Observed, ObservedRoute},
    route_pattern::is_same_pattern,
};

/// The steps that take back `done`, the steps that one deployment finished, as far as what they made is still there.
/// What stood before the deployment stays. Removal order: routes, script, namespace; what the deployment replaced or
/// took out comes back first.
///
/// `former` is the hash of the script that stood there before, if the deployment replaced one.
pub fn undo(site: SiteId, done: &[Step], former: Option<&str>, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let did = |action: Action, resource: Resource| {
        done.iter()
            .any(move |step| step.action == action && step.resource == resource)
    };
    let made_script = did(Action::Create, Resource::Script);
    if did(Action::Update, Resource::Script)
        && !made_script
        && our_namespace(site, observed).is_some()
        && let (Some(former), Some(script)) = (former, &observed.script)
        && !script.tags.contains(&hash_tag(former))
    {
        plan.steps.push(Step {
            action: Action::Update,
            resource: Resource::Script,
            name: script_name(site),
            id: None,
            before: None,
            after: Some("the script that was there before".to_owned()),
            reason: "The deployment replaced it.".to_owned(),
            reversible: true,
            route: None,
        });
    }
    for step in done.iter().filter(|step| is_route(step, Action::Delete)) {
        let is_taken = observed
            .routes
            .iter()
            .any(|route| is_same_pattern(&route.pattern, &step.name));
        if !is_taken && !made_script && observed.script.is_some() {
            plan.steps.push(Step {
                action: Action::Create,
                id: None,
                before: step.after.clone(),
                after: step.before.clone(),
                reason: "The deployment took it out.".to_owned(),
                ..step.clone()
            });
        }
    }
    for route in observed
        .routes
        .iter()
        .filter(|route| is_our_route(site, route))
    {
        let was_made = done.iter().any(|step| {
            is_route(step, Action::Create) && is_same_pattern(&step.name, &route.pattern)
        });
        let was_taken = done.iter().any(|step| {
            is_route(step, Action::Update) && step.id.as_deref() == Some(route.id.as_str())
        });
        let reason = "The deployment is taken back.";
        match adopted(observed, &route.id) {
            Some(before) if was_taken || made_script => {
                routes::give_back(site, route, before, reason, observed, &mut plan);
            }
            None if was_made || made_script => {
                plan.steps
                    .push(routes::removal(site, route, reason, &[], observed));
            }
            None => plan.steps.extend(pointed_back(site, route, done)),
            Some(_) => {}
        }
    }
    if made_script {
        script::take_out(site, observed, &mut plan);
    }
    // A Worker that stays needs its namespace.
    let is_script_gone = made_script || observed.script.is_none();
    if did(Action::Create, Resource::KvNamespace) && is_script_gone {
        namespace::take_out(site, observed, &mut plan);
    }
    plan
}

/// A route that we made and that the deployment took back from somebody who had repointed it runs again what it ran.
fn pointed_back(site: SiteId, route: &ObservedRoute, done: &[Step]) -> Option<Step> {
    let ours = Some(script_name(site));
    let step = done.iter().find(|step| {
        is_route(step, Action::Update) && step.id.as_deref() == Some(route.id.as_str())
    })?;
    let change = step.route.as_ref().filter(|change| change.from != ours)?;
    Some(Step {
        before: step.after.clone(),
        after: step.before.clone(),
        reason: "The deployment took it back from somebody who had repointed it.".to_owned(),
        route: Some(RouteChange {
            from: route.script.clone(),
            from_fail_open: route.request_limit_fail_open,
            to: change.from.clone(),
            fail_open: change.from_fail_open.unwrap_or(false),
        }),
        ..step.clone()
    })
}

fn is_route(step: &Step, action: Action) -> bool {
    step.resource == Resource::Route && step.action == action
}
