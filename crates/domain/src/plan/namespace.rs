//! The KV namespace and its first content.

use super::{
    Action, Plan, Resource, Step, Warning, conflict,
    ownership::{is_our_namespace, our_namespace},
};
use crate::{
    desired::{Desired, namespace_title},
    ids::SiteId,
    observed::{Observed, ObservedNamespace},
};

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let title = namespace_title(desired.site);
    let ours = our_namespace(desired.site, observed);
    if ours.is_none() {
        if let Some(other) = observed
            .namespaces
            .iter()
            .find(|other| other.title == title)
        {
            plan.conflicts
                .push(conflict::foreign_namespace(&title, other.id.as_str()));
            return;
        }
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
            route: None,
        });
    }
    if let Some(ours) = ours.filter(|ours| ours.title != title) {
        renamed(ours, &title, observed, plan);
    }
    let is_loaded = observed.recorded.content_loaded
        && ours.is_some_and(|found| Some(&found.id) == observed.recorded.namespace.as_ref());
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
            route: None,
        });
    }
}

/// Our namespace got another title; it works all the same, but a lost database would not find it again.
fn renamed(ours: &ObservedNamespace, title: &str, observed: &Observed, plan: &mut Plan) {
    if observed.namespaces.iter().any(|other| other.title == title) {
        plan.warnings.push(Warning::new(
            "namespace_renamed",
            format!(
                "Somebody gave this site's KV namespace the title {:?}, and another namespace bears the title {title:?}. The site works all the same; rename both in the dashboard.",
                ours.title
            ),
        ));
        return;
    }
    plan.steps.push(Step {
        action: Action::Update,
        resource: Resource::KvNamespace,
        name: title.to_owned(),
        id: Some(ours.id.to_string()),
        before: Some(format!("its title is {:?}", ours.title)),
        after: Some(format!("its title is {title:?}")),
        reason: "Somebody renamed it outside Edge Delivery; by its title it is found again."
            .to_owned(),
        reversible: true,
        route: None,
    });
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    for namespace in &observed.namespaces {
        if !is_our_namespace(site, namespace, observed) {
            plan.warnings.push(Warning::new(
                "left_alone",
                format!(
                    "The KV namespace {:?} bears this site's title, but Edge Delivery did not make it. It is left alone.",
                    namespace.title
                ),
            ));
            continue;
        }
        plan.steps.push(Step {
            action: Action::Delete,
            resource: Resource::KvNamespace,
            name: namespace.title.clone(),
            id: Some(namespace.id.to_string()),
            before: Some("holds the published variants".to_owned()),
            after: None,
            reason: "Its content at the edge goes with it; Edge Delivery can write it again as long as it has the site."
                .to_owned(),
            reversible: false,
            route: None,
        });
    }
}
