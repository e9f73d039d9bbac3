//! Foreign routes that match some of the site's requests: who answers those, and whose Worker would no longer run.
//!
//! Our Worker lets people through to the origin, not to somebody else's Worker. So where a new route of ours would take
//! requests from a Worker that runs now, people would get another page than before; that is accepted by somebody
//! before it happens. A narrower pattern that the owner wrote down is such an acceptance.

use super::{
    Plan, Warning, conflict,
    ownership::{choice, is_our_route, may_exist},
    routes::changed_pattern,
};
use crate::{
    desired::{Desired, RouteChoiceKind, RoutePurpose, WantedRoute},
    observed::{Observed, ObservedRoute},
    route_pattern::{Overlap, Relation, RoutePattern, is_same_pattern},
};
use serde::{Deserialize, Serialize};

/// A foreign route that matches some of the site's requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherRoute {
    /// Its pattern.
    pub pattern: String,
    /// Its Worker; `None`: it exempts the pattern from Workers.
    pub script: Option<String>,
    /// The route of ours that it is compared with.
    pub ours: String,
    /// How it lies to ours.
    pub relation: Relation,
    /// What both match.
    pub shared: String,
    /// Whether ours answers what both match.
    pub ours_wins: bool,
    /// What that means.
    pub detail: String,
}

/// So many are told one by one as warnings; a zone may hold 1,000 routes (Cloudflare API notes §4.7, official).
const TOLD_MAX: usize = 20;

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let foreign: Vec<(&ObservedRoute, RoutePattern)> = observed
        .routes
        .iter()
        .filter(|route| !is_our_route(desired.site, route))
        .filter_map(|route| Some((route, route.pattern.parse().ok()?)))
        .collect();
    let mut told = 0;
    let wanted = desired.routes();
    for ours in wanted
        .iter()
        .filter(|ours| ours.purpose != RoutePurpose::Health)
    {
        let Ok(pattern) = ours.pattern.parse::<RoutePattern>() else {
            continue;
        };
        for (route, theirs) in &foreign {
            let Some(overlap) = pattern.overlap(theirs) else {
                continue;
            };
            // A conflict or an adoption says all there is to say.
            if overlap.relation == Relation::Same {
                continue;
            }
            let loses = overlap
                .first_wins
                .then(|| loser(route, &overlap, &foreign, observed));
            let effect = Effect {
                route,
                theirs,
                overlap: &overlap,
                loses: loses.flatten(),
            };
            plan.other_routes.push(effect.view(ours));
            if needs_acceptance(desired, ours, &wanted, route, observed)
                && let Some(script) = effect.loses
            {
                plan.conflicts.push(conflict::takes_over(
                    &ours.host,
                    &ours.pattern,
                    &overlap.shared.to_string(),
                    &route.id,
                    &route.pattern,
                    script,
                ));
                continue;
            }
            let Some(code) = effect.code() else { continue };
            told += 1;
            if told <= TOLD_MAX {
                plan.warnings.push(Warning::new(code, effect.detail()));
            }
        }
    }
    if told > TOLD_MAX {
        plan.warnings.push(Warning::new(
            "more_routes",
            format!("{} more foreign routes match some of the site's requests; the list of other routes shows them.", told - TOLD_MAX),
        ));
    }
}

/// The Worker that runs there now and would not any more: a more specific foreign route may have taken those requests
/// from it already.
fn loser<'a>(
    route: &'a ObservedRoute,
    overlap: &Overlap,
    foreign: &[(&ObservedRoute, RoutePattern)],
    observed: &Observed,
) -> Option<&'a str> {
    let script = route.script.as_deref()?;
    let theirs = foreign.iter().find(|(other, _)| other.id == route.id)?;
    let is_covered = foreign.iter().any(|(other, pattern)| {
        other.id != route.id
            && pattern.holds(&overlap.shared)
            && pattern.specificity(&theirs.1).is_gt()
    });
    (!is_covered && may_exist(observed, script)).then_some(script)
}

/// Whether ours is about to be made over the whole host name, and nobody has said yes to it yet.
fn needs_acceptance(
    desired: &Desired,
    ours: &WantedRoute,
    wanted: &[WantedRoute],
    theirs: &ObservedRoute,
    observed: &Observed,
) -> bool {
    let is_there = observed
        .routes
        .iter()
        .any(|route| is_same_pattern(&route.pattern, &ours.pattern))
        || changed_pattern(desired.site, &ours.pattern, wanted, observed).is_some();
    ours.purpose == RoutePurpose::Whole
        && !is_there
        && choice(desired, RouteChoiceKind::Accept, theirs, observed).is_none()
}

struct Effect<'a> {
    route: &'a ObservedRoute,
    theirs: &'a RoutePattern,
    overlap: &'a Overlap,
    /// The Worker that no longer runs for what both match.
    loses: Option<&'a str>,
}

impl Effect<'_> {
    fn view(&self, ours: &WantedRoute) -> OtherRoute {
        OtherRoute {
            pattern: self.route.pattern.clone(),
            script: self.route.script.clone(),
            ours: ours.pattern.clone(),
            relation: self.overlap.relation,
            shared: self.overlap.shared.to_string(),
            ours_wins: self.overlap.first_wins,
            detail: self.detail(),
        }
    }

    /// What kind of warning it is; `None`: nobody loses anything.
    const fn code(&self) -> Option<&'static str> {
        match (self.overlap.first_wins, self.loses) {
            (false, _) => Some("shadowed"),
            (true, Some(_)) => Some("takes_over"),
            (true, None) => None,
        }
    }

    fn detail(&self) -> String {
        let (pattern, shared) = (&self.route.pattern, &self.overlap.shared);
        let mut detail = match (self.overlap.first_wins, &self.route.script, self.loses) {
            (false, Some(script), _) => format!(
                "The route {pattern} of the Worker {script} is more specific: requests for {shared} do not reach Edge Delivery, and agents get no variant there."
            ),
            (false, None, _) => format!(
                "The route {pattern} is more specific and runs no Worker: requests for {shared} go to the origin, and agents get no variant there."
            ),
            (true, _, Some(script)) => format!(
                "The site's route is more specific than {pattern}: the Worker {script} no longer runs for {shared}, for people either."
            ),
            (true, Some(script), None) => format!(
                "The site's route is more specific than {pattern}; the Worker {script} does not run for {shared} anyway."
            ),
            (true, None, _) => format!(
                "The site's route is more specific than {pattern}, which exempts requests from Workers: the site's Worker runs for {shared} all the same."
            ),
        };
        if self.theirs.is_greedy() {
            detail.push_str(&format!(
                " {pattern} also matches other host names that end in that text."
            ));
        }
        detail
    }
}
