//! Brings our records up to date with what is observed, so that lost answers and older records heal.

use super::ownership::{is_our_route, is_our_script, our_namespace};
use crate::{
    desired::{Goal, namespace_title, route_pattern, site_tag},
    observed::{Observed, Recorded},
};

/// The records as they should be after this observation. An intent is cleared once its object is seen; one whose
/// object is not seen stays, since the effect may still come.
pub fn settle(goal: &Goal, observed: &Observed) -> Recorded {
    let site = goal.site();
    let mut recorded = observed.recorded.clone();
    if let Some(namespace) = our_namespace(site, observed) {
        if recorded.namespace.as_ref() != Some(&namespace.id) {
            recorded.namespace = Some(namespace.id.clone());
            recorded.content_loaded = false;
        }
        if namespace.title == namespace_title(site) {
            recorded.namespace_intended = false;
        }
    }
    if let Some(script) = &observed.script
        && is_our_script(site, script, observed)
    {
        if script.etag.is_some() {
            recorded.script_etag.clone_from(&script.etag);
        }
        if script.tags.contains(&site_tag(site)) {
            recorded.script_intended = false;
        }
    }
    if let Goal::Present(desired) = goal {
        let wanted: Vec<String> = desired.hostnames.iter().map(route_pattern).collect();
        let is_wanted = |pattern: &str| wanted.iter().any(|w| w.eq_ignore_ascii_case(pattern));
        let exists = |pattern: &str| {
            observed.routes.iter().any(|route| {
                is_our_route(site, route) && route.pattern.eq_ignore_ascii_case(pattern)
            })
        };
        recorded
            .routes_intended
            .retain(|pattern| is_wanted(pattern) || exists(pattern));
        for pattern in &wanted {
            if exists(pattern) && !recorded.routes_intended.contains(pattern) {
                recorded.routes_intended.push(pattern.clone());
            }
        }
    }
    recorded
}
