//! The routes: last in, first out.

use super::{Action, Conflict, Plan, Resource, Step, Warning};
use crate::{
    desired::{Desired, route_pattern, script_name},
    ids::SiteId,
    observed::{Observed, ObservedRoute},
};

/// A route is ours when it runs our script: that name holds the site's id.
fn is_ours(site: SiteId, route: &ObservedRoute) -> bool {
    route.script.as_deref() == Some(script_name(site).as_str())
}

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let script = script_name(desired.site);
    let wanted: Vec<String> = desired.hostnames.iter().map(route_pattern).collect();
    for pattern in &wanted {
        match observed.routes.iter().find(|route| route.pattern.eq_ignore_ascii_case(pattern)) {
            None => plan.steps.push(Step {
                action: Action::Create,
                resource: Resource::Route,
                name: pattern.clone(),
                id: None,
                before: Some("requests go to the origin".to_owned()),
                after: Some(format!("requests pass {script}; the origin answers when the account's request limit is reached")),
                reason: "This brings the site's requests to the Worker.".to_owned(),
                reversible: true,
            }),
            Some(route) if is_ours(desired.site, route) => {
                if route.request_limit_fail_open == Some(false) {
                    plan.warnings.push(Warning {
                        code: "fail_open_not_kept".to_owned(),
                        detail: format!(
                            "The route {pattern} is not set to fail open: when the account's daily request limit is reached, Cloudflare answers error 1027 instead of the origin's page. Set it in the dashboard under Workers Routes."
                        ),
                    });
                }
            }
            Some(route) => plan.conflicts.push(foreign_route(route)),
        }
    }
    for route in &observed.routes {
        if is_ours(desired.site, route)
            && !wanted
                .iter()
                .any(|pattern| pattern.eq_ignore_ascii_case(&route.pattern))
        {
            plan.steps
                .push(removal(route, "The site no longer covers this host name."));
        }
    }
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    for route in observed.routes.iter().filter(|route| is_ours(site, route)) {
        plan.steps.push(removal(
            route,
            "The site is removed; the origin answers again.",
        ));
    }
}

fn removal(route: &ObservedRoute, reason: &str) -> Step {
    Step {
        action: Action::Delete,
        resource: Resource::Route,
        name: route.pattern.clone(),
        id: Some(route.id.to_string()),
        before: route
            .script
            .as_ref()
            .map(|script| format!("requests pass {script}")),
        after: Some("requests go to the origin".to_owned()),
        reason: reason.to_owned(),
        reversible: true,
    }
}

fn foreign_route(route: &ObservedRoute) -> Conflict {
    let pattern = &route.pattern;
    let owner = route
        .script
        .clone()
        .unwrap_or_else(|| "no Worker (the pattern is exempted)".to_owned());
    Conflict {
        resource: Resource::Route,
        name: pattern.clone(),
        detail: format!("The route {pattern} already exists and belongs to {owner}. Edge Delivery does not change what it did not make."),
        owner,
        remedies: vec![
            "Delete that route in the Cloudflare dashboard (Workers Routes of the zone), then plan again.".to_owned(),
            "Or take this host name out of the site.".to_owned(),
        ],
    }
}
