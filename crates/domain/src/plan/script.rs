//! The Worker.

use super::{
    Action, Conflict, Plan, Resource, Step, Warning,
    ownership::{is_our_script, our_namespace},
};
use crate::{
    desired::{Desired, hash_tag, script_name},
    ids::SiteId,
    observed::Observed,
};

fn short_hash(tags: &[String]) -> String {
    tags.iter()
        .find_map(|tag| tag.strip_prefix("hash-"))
        .map_or_else(
            || "an unmarked script".to_owned(),
            |hash| format!("script {hash}"),
        )
}

pub(super) fn build(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let name = script_name(desired.site);
    let wanted_tag = hash_tag(&desired.script_hash);
    let after = Some(format!(
        "script {} ({} bytes)",
        wanted_tag.trim_start_matches("hash-"),
        desired.script_bytes
    ));
    let Some(script) = &observed.script else {
        plan.steps.push(Step {
            action: Action::Create,
            resource: Resource::Script,
            name,
            id: None,
            before: None,
            after,
            reason: "It serves variants to agents and lets everybody else through.".to_owned(),
            reversible: true,
        });
        return;
    };
    if !is_our_script(desired.site, script, observed) {
        plan.conflicts.push(Conflict {
            resource: Resource::Script,
            name: name.clone(),
            owner: name,
            detail: "The account holds a Worker of this name that Edge Delivery did not upload."
                .to_owned(),
            remedies: vec![
                "Rename or delete that Worker in the Cloudflare dashboard, then plan again."
                    .to_owned(),
                "Or make the site anew: a new site gets another Worker name.".to_owned(),
            ],
        });
        return;
    }
    let namespace_found = our_namespace(desired.site, observed).map(|namespace| &namespace.id);
    let reason = if !script.tags.contains(&wanted_tag) {
        Some("The script or its configuration changed.")
    } else if namespace_found.is_none() || script.namespace.as_ref() != namespace_found {
        Some("Its binding must point at the site's namespace.")
    } else {
        None
    };
    if let Some(reason) = reason {
        plan.steps.push(Step {
            action: Action::Update,
            resource: Resource::Script,
            name,
            id: None,
            before: Some(short_hash(&script.tags)),
            after,
            reason: reason.to_owned(),
            reversible: true,
        });
    }
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    let Some(script) = &observed.script else {
        return;
    };
    if !is_our_script(site, script, observed) {
        plan.warnings.push(Warning {
            code: "left_alone".to_owned(),
            detail: format!(
                "The Worker {} bears this site's name, but Edge Delivery did not upload it. It is left alone.",
                script.name
            ),
        });
        return;
    }
    plan.steps.push(Step {
        action: Action::Delete,
        resource: Resource::Script,
        name: script.name.clone(),
        id: None,
        before: Some(short_hash(&script.tags)),
        after: None,
        reason: "The site is removed.".to_owned(),
        reversible: false,
    });
}
