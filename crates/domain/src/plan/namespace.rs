//! The KV namespace and its first content.

use super::{
    Action, Conflict, Plan, Resource, Step, Warning,
    ownership::{is_our_namespace, our_namespace},
};
use crate::{
    desired::{Desired, namespace_title},
    ids::SiteId,
    observed::Observed,
};

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let title = namespace_title(desired.site);
    let ours = our_namespace(desired.site, observed);
    if ours.is_none() {
        if observed.namespaces.iter().any(|other| other.title == title) {
            plan.conflicts.push(foreign(&title));
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
        });
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
        });
    }
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    for namespace in &observed.namespaces {
        if !is_our_namespace(site, namespace, observed) {
            plan.warnings.push(Warning {
                code: "left_alone".to_owned(),
                detail: format!(
                    "The KV namespace {:?} bears this site's title, but Edge Delivery did not make it. It is left alone.",
                    namespace.title
                ),
            });
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
        });
    }
}

fn foreign(title: &str) -> Conflict {
    Conflict {
        resource: Resource::KvNamespace,
        name: title.to_owned(),
        owner: "somebody else in this account".to_owned(),
        detail: format!("The account holds a KV namespace {title:?} that Edge Delivery did not make. Titles are unique in an account, and Edge Delivery does not write into what it did not make."),
        remedies: vec![
            "Rename or delete that namespace in the Cloudflare dashboard (Storage & databases, Workers KV), then plan again."
                .to_owned(),
            "Or make the site anew: a new site gets another title.".to_owned(),
        ],
    }
}
