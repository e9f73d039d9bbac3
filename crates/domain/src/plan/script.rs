//! The Worker.

use super::{
    Action, Plan, Resource, Step, Warning, conflict,
    difference::{Difference, script as script_differences},
    ownership::{is_our_script, our_namespace},
};
use crate::{
    desired::{Desired, hash_tag, script_name},
    edge::{KV_BINDING, data_point::VISITS_BINDING},
    ids::SiteId,
    observed::{Observed, ObservedScript},
};

/// Why our own Worker is uploaded in the place of another one of ours.
pub const CHANGED: &str = "The script or its configuration changed";

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
    let after = Some(format!(
        "script {} ({} bytes){}",
        hash_tag(&desired.script_hash).trim_start_matches("hash-"),
        desired.script_bytes,
        bound(desired.dataset.as_deref())
    ));
    let Some(script) = &observed.script else {
        plan.steps.push(Step {
            action: Action::Create,
            resource: Resource::Script,
            name,
            id: None,
            before: None,
            after,
            reason: if observed.recorded.script_etag.is_some() {
                "The Worker that Edge Delivery had uploaded is gone from the account.".to_owned()
            } else {
                "It serves variants to agents and lets everybody else through.".to_owned()
            },
            reversible: true,
            route: None,
        });
        return;
    };
    if !is_our_script(desired.site, script, observed) {
        plan.conflicts.push(conflict::foreign_script(
            &name,
            observed.recorded.script_etag.is_some(),
            script.last_deployed_from.as_deref(),
        ));
        return;
    }
    let differences = script_differences(desired, observed);
    for left in differences.iter().filter(|found| !found.repaired) {
        plan.warnings.push(left_alone(left));
    }
    let edits = edits(&differences, observed);
    if let Some(reason) = reason(desired, script, observed, &edits) {
        plan.steps.push(Step {
            action: Action::Update,
            resource: Resource::Script,
            name,
            id: None,
            before: Some(before(script, &edits)),
            after,
            reason,
            // What somebody else made of it is kept nowhere.
            reversible: edits.is_empty(),
            route: None,
        });
    }
}

/// What somebody changed of the script itself. A binding to a namespace that is gone is not of their making.
fn edits<'a>(differences: &'a [Difference], observed: &Observed) -> Vec<&'a Difference> {
    let recorded = &observed.recorded.namespace;
    let is_namespace_there = observed
        .namespaces
        .iter()
        .any(|found| Some(&found.id) == recorded.as_ref());
    differences
        .iter()
        .filter(|found| found.repaired)
        .filter(|found| is_namespace_there || found.what != format!("binding {KV_BINDING}"))
        .collect()
}

/// The binding that a site has only where its visits are kept in Analytics Engine.
fn bound(dataset: Option<&str>) -> String {
    dataset
        .map(|name| format!(", bound to the Analytics Engine dataset {name}"))
        .unwrap_or_default()
}

fn before(script: &ObservedScript, edits: &[&Difference]) -> String {
    let dataset = script.bindings.iter().flatten().find_map(|binding| {
        let is_it = binding.name == VISITS_BINDING && binding.kind == "analytics_engine";
        binding.stamp.as_deref().filter(|_| is_it)
    });
    let known = format!("{}{}", short_hash(&script.tags), bound(dataset));
    let Some(edit) = edits.first() else {
        return known;
    };
    match edit.by.as_deref() {
        Some(from) => format!("edited outside (last deployed from: {from}), after {known}"),
        None => format!("edited outside, after {known}"),
    }
}

fn reason(
    desired: &Desired,
    script: &ObservedScript,
    observed: &Observed,
    edits: &[&Difference],
) -> Option<String> {
    let namespace = our_namespace(desired.site, observed).map(|namespace| &namespace.id);
    let is_newer = !script.tags.contains(&hash_tag(&desired.script_hash));
    let changes: Vec<&str> = edits
        .iter()
        .map(|edit| match edit.what.as_str() {
            "version" => {
                "another version runs, and what differs is not told: a secret's value, perhaps"
            }
            what => what,
        })
        .collect();
    let edited = format!(
        "Somebody changed it outside Edge Delivery ({}); the upload puts that back.",
        changes.join(", ")
    );
    let changed = changed(desired, observed);
    // Without tags it cannot be told which one it is.
    let is_ours_newer = is_newer && edits.iter().all(|edit| edit.what != "tags");
    match (is_ours_newer, edits.is_empty()) {
        (true, true) => Some(changed),
        (true, false) => Some(format!("{changed} {edited}")),
        (false, false) => Some(edited),
        (false, true) if is_newer => Some(changed),
        (false, true) if namespace.is_none() || script.namespace.as_ref() != namespace => {
            Some("Its binding must point at the site's namespace.".to_owned())
        }
        (false, true) => None,
    }
}

/// What of ours is newer, as far as it can be told.
fn changed(desired: &Desired, observed: &Observed) -> String {
    let applied = observed.recorded.applied.as_ref();
    let key = applied.and_then(|applied| applied.preview_key.as_ref());
    if key.is_some() && desired.preview_key.is_some() && key != desired.preview_key.as_ref() {
        return "Previews get a new key: links that were signed with the former one stop working."
            .to_owned();
    }
    let dataset = applied.filter(|applied| applied.dataset != desired.dataset);
    let dataset = dataset.map(|_| match &desired.dataset {
        Some(name) => {
            format!("a binding to the Analytics Engine dataset {name}, where visits are kept from now on")
        }
        None => "visits come to the console, without the binding to Analytics Engine".to_owned(),
    });
    let news: Vec<&str> = dataset
        .iter()
        .chain(&desired.news)
        .map(String::as_str)
        .collect();
    if news.is_empty() {
        return format!("{CHANGED}.");
    }
    format!("{CHANGED}: {}.", news.join(", "))
}

fn left_alone(found: &Difference) -> Warning {
    let show = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
    Warning::new(
        "setting_changed",
        format!(
            "Somebody changed the Worker's setting {}: {}, formerly {}. Edge Delivery does not use it and leaves it as it is.",
            found.what,
            show(&found.theirs),
            show(&found.last_applied)
        ),
    )
}

pub(super) fn take_out(site: SiteId, observed: &Observed, plan: &mut Plan) {
    let Some(script) = &observed.script else {
        return;
    };
    if !is_our_script(site, script, observed) {
        plan.warnings.push(Warning::new(
            "left_alone",
            format!(
                "The Worker {} bears this site's name, but Edge Delivery did not upload it. It is left alone.",
                script.name
            ),
        ));
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
        route: None,
    });
}
