//! The routes: last in, first out.

use super::{
    Action, Plan, Resource, RouteChange, Step, Warning, conflict,
    ownership::{adopted, choice, is_our_route, made, may_exist},
};
use crate::{
    desired::{Desired, RouteChoiceKind, RoutePurpose, WantedRoute, script_name},
    ids::SiteId,
    observed::{AdoptedRoute, Observed, ObservedRoute},
    route_pattern::{RoutePattern, is_same_pattern},
};

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let wanted = desired.routes();
    let mut repairs = Vec::new();
    for route in &wanted {
        let there = observed
            .routes
            .iter()
            .find(|there| is_same_pattern(&there.pattern, &route.pattern));
        match there {
            None => match changed_pattern(desired.site, &route.pattern, &wanted, observed) {
                Some(changed) => repairs.push(pattern_repair(desired.site, route, changed)),
                None => plan.steps.push(creation(desired.site, route, observed)),
            },
            Some(there) if is_our_route(desired.site, there) => {
                plan.warnings.extend(closed(there));
            }
            Some(there) => foreign(desired, route, there, observed, plan),
        }
    }
    // The pattern that it has now may cover what another route is made for.
    plan.steps.append(&mut repairs);
    for route in &observed.routes {
        let is_wanted = wanted
            .iter()
            .any(|wanted| is_same_pattern(&wanted.pattern, &route.pattern));
        if !is_wanted && is_our_route(desired.site, route) {
            not_wanted(desired.site, route, &wanted, observed, plan);
        }
    }
}

fn pattern_repair(site: SiteId, wanted: &WantedRoute, route: &ObservedRoute) -> Step {
    let script = script_name(site);
    Step {
        action: Action::Update,
        resource: Resource::Route,
        name: wanted.pattern.clone(),
        id: Some(route.id.to_string()),
        before: Some(format!("its pattern is {}", route.pattern)),
        after: Some(words(Some(&script))),
        reason: "Somebody gave this route another pattern outside Edge Delivery.".to_owned(),
        reversible: true,
        route: Some(RouteChange {
            from: route.script.clone(),
            from_fail_open: route.request_limit_fail_open,
            to: Some(script),
            fail_open: true,
        }),
    }
}

fn creation(site: SiteId, wanted: &WantedRoute, observed: &Observed) -> Step {
    let was_made = observed
        .recorded
        .routes
        .iter()
        .any(|known| is_same_pattern(&known.pattern, &wanted.pattern));
    Step {
        action: Action::Create,
        resource: Resource::Route,
        name: wanted.pattern.clone(),
        id: None,
        before: Some(words(runs_now(&wanted.pattern, observed).as_deref())),
        after: Some(format!(
            "{}; the origin answers when the account's request limit is reached",
            words(Some(&script_name(site)))
        )),
        reason: match wanted.purpose {
            _ if was_made => "The route that Edge Delivery had made is gone from the zone.",
            RoutePurpose::Health => {
                "The Worker is asked there whether it runs; no other route of the site covers it."
            }
            _ => "This brings the site's requests to the Worker.",
        }
        .to_owned(),
        reversible: true,
        route: None,
    }
}

/// The route that we made with this pattern, if somebody gave it another one that is of no use to the site.
pub(super) fn changed_pattern<'a>(
    site: SiteId,
    pattern: &str,
    wanted: &[WantedRoute],
    observed: &'a Observed,
) -> Option<&'a ObservedRoute> {
    let known = observed
        .recorded
        .routes
        .iter()
        .find(|known| is_same_pattern(&known.pattern, pattern))?;
    observed.routes.iter().find(|route| {
        route.id == known.id
            && is_our_route(site, route)
            && !wanted
                .iter()
                .any(|wanted| is_same_pattern(&wanted.pattern, &route.pattern))
    })
}

/// A foreign route has the pattern.
fn foreign(
    desired: &Desired,
    wanted: &WantedRoute,
    route: &ObservedRoute,
    observed: &Observed,
    plan: &mut Plan,
) {
    if choice(desired, RouteChoiceKind::Adopt, route, observed).is_some() {
        plan.steps.push(adoption(desired.site, route, observed));
        return;
    }
    let was_adopted = adopted(observed, &route.id).is_some_and(|adopted| adopted.is_taken);
    let was_made = observed
        .recorded
        .routes
        .iter()
        .any(|known| known.id == route.id);
    plan.conflicts.push(if was_adopted || was_made {
        conflict::repointed(&wanted.host, route, was_adopted)
    } else {
        conflict::taken(&wanted.host, route)
    });
}

pub(super) fn words(script: Option<&str>) -> String {
    script.map_or_else(
        || "requests go to the origin".to_owned(),
        |script| format!("requests pass {script}"),
    )
}

/// Takes a foreign route over, or a route of ours back that somebody repointed.
fn adoption(site: SiteId, route: &ObservedRoute, observed: &Observed) -> Step {
    let script = script_name(site);
    let (afterwards, reason) = match made(observed, &route.id) {
        None => (
            "given back when the site is removed",
            "You chose to adopt this route.",
        ),
        Some(_) => (
            "deleted when the site is removed",
            "You chose to take this route back, which Edge Delivery made and somebody repointed.",
        ),
    };
    Step {
        action: Action::Update,
        resource: Resource::Route,
        name: route.pattern.clone(),
        id: Some(route.id.to_string()),
        before: Some(match &route.script {
            None => "exempt from Workers".to_owned(),
            some => words(some.as_deref()),
        }),
        after: Some(format!("{}; {afterwards}", words(Some(&script)))),
        reason: reason.to_owned(),
        reversible: true,
        route: Some(RouteChange {
            from: route.script.clone(),
            from_fail_open: route.request_limit_fail_open,
            to: Some(script),
            fail_open: true,
        }),
    }
}

fn closed(route: &ObservedRoute) -> Option<Warning> {
    (route.request_limit_fail_open == Some(false)).then(|| {
        Warning::new(
            "fail_open_not_kept",
            format!(
                "The route {} is not set to fail open: when the account's daily request limit is reached, Cloudflare answers error 1027 instead of the origin's page. Set it in the dashboard under Workers Routes.",
                route.pattern
            ),
        )
    })
}

/// A route runs our Worker, and the site does not want it.
fn not_wanted(
    site: SiteId,
    route: &ObservedRoute,
    wanted: &[WantedRoute],
    observed: &Observed,
    plan: &mut Plan,
) {
    let reason = "The site no longer covers it.";
    let is_ours = observed
        .recorded
        .routes
        .iter()
        .any(|known| known.id == route.id)
        || observed
            .recorded
            .routes_intended
            .iter()
            .any(|pattern| is_same_pattern(pattern, &route.pattern));
    let is_repaired = plan
        .steps
        .iter()
        .any(|step| step.id.as_deref() == Some(route.id.as_str()));
    if is_repaired {
        return;
    }
    if let Some(before) = adopted(observed, &route.id) {
        give_back(site, route, before, reason, observed, plan);
    } else if is_ours {
        plan.steps
            .push(removal(site, route, reason, wanted, observed));
    } else {
        plan.warnings.push(Warning::new(
            "unknown_route",
            format!(
                "The route {} runs this site's Worker, but Edge Delivery did not make it. It is left alone until the site is removed.",
                route.pattern
            ),
        ));
    }
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    for route in &observed.routes {
        if is_our_route(site, route) {
            match adopted(observed, &route.id) {
                Some(before) => {
                    give_back(site, route, before, "The site is removed.", observed, plan);
                }
                None => {
                    let step = removal(site, route, "The site is removed.", &[], observed);
                    plan.steps.push(step);
                }
            }
        } else if observed
            .recorded
            .routes
            .iter()
            .any(|known| known.id == route.id)
        {
            plan.warnings.push(Warning::new(
                "left_alone",
                format!(
                    "The route {} was made by Edge Delivery, but somebody repointed it: {}. It is left alone.",
                    route.pattern,
                    words(route.script.as_deref())
                ),
            ));
        }
    }
}

/// An adopted route becomes again what it was. Its former Worker may be gone; then it runs none, and is not deleted
/// either.
pub(super) fn give_back(
    site: SiteId,
    route: &ObservedRoute,
    before: &AdoptedRoute,
    reason: &str,
    observed: &Observed,
    plan: &mut Plan,
) {
    let to = before
        .script
        .clone()
        .filter(|script| may_exist(observed, script));
    if let (Some(gone), None) = (&before.script, &to) {
        plan.warnings.push(Warning::new(
            "former_worker_gone",
            format!(
                "The route {} ran the Worker {gone} before it was adopted, and {gone} is gone from the account. The route is given back without a Worker.",
                route.pattern
            ),
        ));
    }
    plan.steps.push(Step {
        action: Action::Update,
        resource: Resource::Route,
        name: route.pattern.clone(),
        id: Some(route.id.to_string()),
        before: Some(words(Some(&script_name(site)))),
        after: Some(match &to {
            None => "exempt from Workers".to_owned(),
            some => words(some.as_deref()),
        }),
        reason: format!("{reason} The route was adopted, so it is given back and not deleted."),
        reversible: true,
        route: Some(RouteChange {
            from: route.script.clone(),
            from_fail_open: route.request_limit_fail_open,
            to,
            fail_open: before.request_limit_fail_open.unwrap_or(false),
        }),
    });
}

/// The Worker that gets now what a pattern matches, as far as one route holds all of it.
fn runs_now(pattern: &str, observed: &Observed) -> Option<String> {
    let routes = observed.routes.iter();
    best(
        pattern,
        routes.map(|route| (route.pattern.as_str(), route.script.clone())),
    )
}

/// The Worker that gets what a route of ours matches once it is gone: what is not ours stays, what was adopted is what it
/// was, and what the site wants runs ours.
fn runs_without(
    site: SiteId,
    gone: &ObservedRoute,
    wanted: &[WantedRoute],
    observed: &Observed,
) -> Option<String> {
    let others = observed.routes.iter().filter_map(|route| {
        let script = match adopted(observed, &route.id) {
            _ if route.id == gone.id => return None,
            Some(before) if is_our_route(site, route) => before.script.clone(),
            _ if is_our_route(site, route) => return None,
            _ => route.script.clone(),
        };
        Some((route.pattern.as_str(), script))
    });
    let ours = wanted
        .iter()
        .map(|route| (route.pattern.as_str(), Some(script_name(site))));
    // Of two that are the same, what is wanted.
    best(&gone.pattern, ours.chain(others))
}

/// Of the routes that hold all of the pattern, the Worker of the most specific one.
fn best<'a>(
    pattern: &str,
    routes: impl Iterator<Item = (&'a str, Option<String>)>,
) -> Option<String> {
    let pattern: RoutePattern = pattern.parse().ok()?;
    let mut best: Option<(RoutePattern, Option<String>)> = None;
    for (other, script) in routes {
        let Ok(other) = other.parse::<RoutePattern>() else {
            continue;
        };
        let is_better = best
            .as_ref()
            .is_none_or(|(best, _)| other.specificity(best).is_gt());
        if other.holds(&pattern) && is_better {
            best = Some((other, script));
        }
    }
    best?.1
}

pub(super) fn removal(
    site: SiteId,
    route: &ObservedRoute,
    reason: &str,
    wanted: &[WantedRoute],
    observed: &Observed,
) -> Step {
    Step {
        action: Action::Delete,
        resource: Resource::Route,
        name: route.pattern.clone(),
        id: Some(route.id.to_string()),
        before: route.script.as_deref().map(|script| words(Some(script))),
        after: Some(words(
            runs_without(site, route, wanted, observed).as_deref(),
        )),
        reason: reason.to_owned(),
        reversible: true,
        route: None,
    }
}
