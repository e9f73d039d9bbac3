//! The KV namespace and its first content.

use super::{Action, Plan, Resource, Step};
use crate::{
    desired::{Desired, namespace_title},
    ids::SiteId,
    observed::{Observed, ObservedNamespace},
};

/// The site's namespace, if it exists: the recorded one, else one that bears the site's title (its answer was lost).
/// The title holds the site's id, so nobody else makes one by accident.
pub(super) fn existing(site: SiteId, observed: &Observed) -> Option<&ObservedNamespace> {
    let title = namespace_title(site);
    observed
        .namespaces
        .iter()
        .find(|namespace| Some(&namespace.id) == observed.recorded.namespace.as_ref())
        .or_else(|| {
            observed
                .namespaces
                .iter()
                .find(|namespace| namespace.title == title)
        })
}

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let title = namespace_title(desired.site);
    let found = existing(desired.site, observed);
    if found.is_none() {
        plan.steps.push(Step {
            action: Action::Create,
            resource: Resource::KvNamespace,
            name: title.clone(),
            id: None,
            before: None,
            after: Some("an empty namespace".to_owned()),
            reason: if observed.recorded.namespace.is_some() {
                "The namespace we made is gone from the account.".to_owned()
            } else {
                "Variants are served from it.".to_owned()
            },
            reversible: true,
        });
    }
    let is_loaded = observed.recorded.content_loaded
        && found
            .is_some_and(|namespace| Some(&namespace.id) == observed.recorded.namespace.as_ref());
    if !is_loaded {
        plan.steps.push(Step {
            action: Action::Create,
            resource: Resource::Content,
            name: title,
            id: None,
            before: None,
            after: Some(match desired.published {
                1 => "1 published variant and the index".to_owned(),
                count => format!("{count} published variants and the index"),
            }),
            reason: "The Worker must find the content when its first request arrives.".to_owned(),
            reversible: true,
        });
    }
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    let title = namespace_title(site);
    for namespace in observed.namespaces.iter().filter(|namespace| {
        namespace.title == title || Some(&namespace.id) == observed.recorded.namespace.as_ref()
    }) {
        plan.steps.push(Step {
            action: Action::Delete,
            resource: Resource::KvNamespace,
            name: namespace.title.clone(),
            id: Some(namespace.id.to_string()),
            before: Some("holds the published variants".to_owned()),
            after: None,
            reason: "The site is removed; its content at the edge goes with the namespace. The variants stay with us until the site is deleted.".to_owned(),
            reversible: false,
        });
    }
}
