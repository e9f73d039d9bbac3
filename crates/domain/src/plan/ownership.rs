//! What is ours: by record, by mark, or by an intent whose outcome is not known; and what was adopted.

use crate::{
    desired::{Desired, RouteChoice, RouteChoiceKind, namespace_title, script_name, site_tag},
    ids::{RouteId, SiteId},
    observed::{
        AdoptedRoute, Observed, ObservedNamespace, ObservedRoute, ObservedScript, RecordedRoute,
    },
    route_pattern::is_same_pattern,
};

/// A script of our name is ours when it bears the site's tag, when it is the version that we uploaded last, or when
/// an upload was begun whose answer was lost.
pub(super) fn is_our_script(site: SiteId, script: &ObservedScript, observed: &Observed) -> bool {
    let is_last_upload =
        script.etag.is_some() && script.etag.as_ref() == observed.recorded.script_etag.as_ref();
    script.tags.contains(&site_tag(site)) || is_last_upload || observed.recorded.script_intended
}

/// A namespace is ours when it is the recorded one; or when it bears the site's title and either its making was begun
/// (the answer was lost), our script is bound to it, or it holds our marker (our records are older than the account).
pub(super) fn is_our_namespace(
    site: SiteId,
    namespace: &ObservedNamespace,
    observed: &Observed,
) -> bool {
    if observed.recorded.namespace.as_ref() == Some(&namespace.id) {
        return true;
    }
    let is_bound = observed.script.as_ref().is_some_and(|script| {
        script.namespace.as_ref() == Some(&namespace.id) && is_our_script(site, script, observed)
    });
    namespace.title == namespace_title(site)
        && (observed.recorded.namespace_intended || is_bound || namespace.is_marked == Some(true))
}

/// The site's namespace, if it exists.
pub(super) fn our_namespace(site: SiteId, observed: &Observed) -> Option<&ObservedNamespace> {
    let is_recorded = |namespace: &&ObservedNamespace| {
        Some(&namespace.id) == observed.recorded.namespace.as_ref()
    };
    let mut namespaces = observed.namespaces.iter();
    namespaces
        .clone()
        .find(is_recorded)
        .or_else(|| namespaces.find(|namespace| is_our_namespace(site, namespace, observed)))
}

/// A route is ours when it runs our script: that name holds the site's id.
pub(super) fn is_our_route(site: SiteId, route: &ObservedRoute) -> bool {
    route.script.as_deref() == Some(script_name(site).as_str())
}

/// How a route was before it was adopted.
pub(super) fn adopted<'a>(observed: &'a Observed, id: &RouteId) -> Option<&'a AdoptedRoute> {
    observed
        .recorded
        .adopted
        .iter()
        .find(|adopted| adopted.id == *id)
}

/// The choice that fits the route as it is now. Adopting counts once: a route that was taken over and repointed since
/// needs a new choice.
pub(super) fn choice<'a>(
    desired: &'a Desired,
    kind: RouteChoiceKind,
    route: &ObservedRoute,
    observed: &Observed,
) -> Option<&'a RouteChoice> {
    desired.choices.iter().rev().find(|choice| {
        choice.kind == kind
            && choice.route == route.id
            && choice.script == route.script
            && is_same_pattern(&choice.pattern, &route.pattern)
            && (kind == RouteChoiceKind::Accept
                || (adopted(observed, &route.id)
                    .is_none_or(|adopted| !adopted.is_taken || adopted.at < choice.at)
                    && made(observed, &route.id)
                        .and_then(|made| made.retaken)
                        .is_none_or(|retaken| retaken < choice.at)))
    })
}

/// What our records say of a route that we made, unless it counts as adopted.
pub(super) fn made<'a>(observed: &'a Observed, id: &RouteId) -> Option<&'a RecordedRoute> {
    let mut routes = observed.recorded.routes.iter();
    routes
        .find(|made| made.id == *id)
        .filter(|_| adopted(observed, id).is_none())
}

/// Whether a Worker of this name exists, as far as it is known.
pub(super) fn may_exist(observed: &Observed, script: &str) -> bool {
    observed
        .workers
        .as_ref()
        .is_none_or(|workers| workers.iter().any(|name| name == script))
}
