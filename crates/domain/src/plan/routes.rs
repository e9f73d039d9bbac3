//! The routes: last in, first out.

use super::{Action, Conflict, Plan, Resource, Step, Warning, ownership::is_our_route};
use crate::{
    desired::{Desired, route_pattern, script_name},
    ids::SiteId,
    observed::{Observed, ObservedRoute},
};

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
            Some(route) if is_our_route(desired.site, route) => {
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
        if wanted
            .iter()
            .any(|pattern| pattern.eq_ignore_ascii_case(&route.pattern))
        {
            continue;
        }
        if !is_our_route(desired.site, route) {
            plan.warnings.extend(shadow(desired, route));
        } else if observed
            .recorded
            .routes_intended
            .iter()
            .any(|pattern| pattern.eq_ignore_ascii_case(&route.pattern))
        {
            plan.steps
                .push(removal(route, "The site no longer covers this host name."));
        } else {
            plan.warnings.push(Warning {
                code: "unknown_route".to_owned(),
                detail: format!(
                    "The route {} runs this site's Worker, but Edge Delivery did not make it. It is left alone until the site is removed.",
                    route.pattern
                ),
            });
        }
    }
}

/// A foreign route on a host name of the site: the more specific pattern wins, so its requests do not reach us.
fn shadow(desired: &Desired, route: &ObservedRoute) -> Option<Warning> {
    let pattern = route.pattern.to_ascii_lowercase();
    let bare = pattern
        .strip_prefix("https://")
        .or_else(|| pattern.strip_prefix("http://"))
        .unwrap_or(&pattern);
    let host = bare.split('/').next().unwrap_or_default();
    let is_on_our_host = desired.hostnames.iter().any(|name| name.as_str() == host);
    is_on_our_host.then(|| Warning {
        code: "shadowed".to_owned(),
        detail: format!(
            "The route {} ({}) is more specific: requests that it matches do not reach Edge Delivery.",
            route.pattern,
            route.script.as_deref().unwrap_or("no Worker")
        ),
    })
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    for route in observed
        .routes
        .iter()
        .filter(|route| is_our_route(site, route))
    {
        plan.steps.push(removal(
            route,
            "The site is removed; the origin answers again.",
        ));
    }
}

pub(super) fn removal(route: &ObservedRoute, reason: &str) -> Step {
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
    let (owner, holder) = route.script.as_ref().map_or_else(
        || {
            (
                "no Worker".to_owned(),
                "exempts that pattern from Workers".to_owned(),
            )
        },
        |script| (script.clone(), format!("belongs to the Worker {script}")),
    );
    Conflict {
        resource: Resource::Route,
        name: pattern.clone(),
        detail: format!("The route {pattern} already exists and {holder}. Edge Delivery does not change what it did not make."),
        owner,
        remedies: vec![
            "Delete that route in the Cloudflare dashboard (Workers Routes of the zone), then plan again.".to_owned(),
            "Or take this host name out of the site.".to_owned(),
        ],
    }
}
