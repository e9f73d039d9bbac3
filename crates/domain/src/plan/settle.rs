//! Brings our records up to date with what is observed, so that lost answers and older records heal.

use super::ownership::{is_our_route, is_our_script, our_namespace};
use crate::{
    desired::{Desired, Goal, RouteChoiceKind, WantedRoute, hash_tag, namespace_title, site_tag},
    edge::{CONFIG_BINDING, data_point::VISITS_BINDING},
    ids::{RouteId, SiteId},
    observed::{AppliedScript, Observed, ObservedScript, Recorded, RecordedRoute},
    route_pattern::is_same_pattern,
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
        settle_script(site, script, &mut recorded);
    }
    let wanted = match goal {
        Goal::Present(desired) => Some(desired.routes()),
        Goal::Absent { .. } => None,
    };
    settle_routes(site, wanted.as_deref(), observed, &mut recorded);
    if let Goal::Present(desired) = goal {
        settle_choices(desired, observed, &mut recorded);
    }
    recorded
}

/// A choice to take a route of ours back is used up once the route is seen to run our Worker.
fn settle_choices(desired: &Desired, observed: &Observed, recorded: &mut Recorded) {
    for choice in &desired.choices {
        let is_back = observed
            .routes
            .iter()
            .any(|route| route.id == choice.route && is_our_route(desired.site, route));
        if choice.kind == RouteChoiceKind::Adopt && is_back {
            for made in &mut recorded.routes {
                if made.id == choice.route {
                    made.retaken = made.retaken.max(Some(choice.at));
                }
            }
        }
    }
}

/// What the account shows is taken for our own upload in these cases only; anything else is somebody's edit and stays
/// to be seen.
fn settle_script(site: SiteId, script: &ObservedScript, recorded: &mut Recorded) {
    let hash = script.tags.iter().find_map(|tag| tag.strip_prefix("hash-"));
    let (true, Some(hash)) = (script.tags.contains(&site_tag(site)), hash) else {
        return;
    };
    let bears = |other: &str| hash_tag(other) == hash_tag(hash);
    if let Some(upload) = recorded.upload.clone() {
        // The upload came through when its hash is there and what stood there before is not.
        if bears(&upload.hash) && upload.before != Some(script.mark()) {
            take(script, upload.hash, Some(upload.config_hash), recorded);
            if let Some(applied) = &mut recorded.applied {
                applied.unanswered = upload.unanswered;
                applied.preview_key = upload.preview_key;
                applied.key = upload.key;
                applied.dataset = upload.dataset;
            }
        }
        return;
    }
    let is_unknown = recorded.applied.is_none() && recorded.script_etag.is_none();
    match &mut recorded.applied {
        // An upload of ours that the records do not know: they come from before it.
        Some(applied) if !bears(&applied.hash) => take(script, hash.to_owned(), None, recorded),
        Some(applied) if recorded.script_etag == script.etag => {
            // Facts that an earlier answer left out.
            if applied.version.is_none() {
                applied.version.clone_from(&script.version);
            }
            if applied.unanswered > 0 && is_the_same_again(applied, script) {
                applied.version.clone_from(&script.version);
                applied.unanswered -= 1;
            }
            if applied.compatibility_flags.is_none() {
                applied
                    .compatibility_flags
                    .clone_from(&script.compatibility_flags);
            }
            if applied.options.is_none() {
                applied.options.clone_from(&script.options);
            }
            if applied.config_hash.is_none() {
                applied.config_hash = config_stamp(script);
            }
        }
        Some(_) => {}
        // Records of an earlier program, which knew the etag alone.
        None if is_unknown || recorded.script_intended || recorded.script_etag == script.etag => {
            take(script, hash.to_owned(), None, recorded);
        }
        None => {}
    }
}

/// Whether another version runs in which nothing that is told differs: an upload that was not answered had its effect
/// late.
fn is_the_same_again(applied: &AppliedScript, script: &ObservedScript) -> bool {
    let is_same = |config: &String| config_stamp(script).is_none_or(|found| found == *config);
    applied.version != script.version
        && script
            .last_deployed_from
            .as_ref()
            .is_none_or(|from| from == "api")
        && applied.config_hash.as_ref().is_none_or(is_same)
        && (applied.compatibility_flags.is_none()
            || applied.compatibility_flags == script.compatibility_flags)
        && (applied.options.is_none() || applied.options == script.options)
}

fn config_stamp(script: &ObservedScript) -> Option<String> {
    stamp(script, CONFIG_BINDING)
}

fn stamp(script: &ObservedScript, name: &str) -> Option<String> {
    let bindings = script.bindings.as_ref()?;
    let found = bindings.iter().find(|binding| binding.name == name)?;
    found.stamp.clone()
}

/// The script is what we uploaded.
fn take(
    script: &ObservedScript,
    hash: String,
    config_hash: Option<String>,
    recorded: &mut Recorded,
) {
    recorded.script_etag.clone_from(&script.etag);
    recorded.script_intended = false;
    recorded.upload = None;
    recorded.applied = Some(AppliedScript {
        hash,
        config_hash: config_hash.or_else(|| config_stamp(script)),
        version: script.version.clone(),
        compatibility_flags: script.compatibility_flags.clone(),
        options: script.options.clone(),
        unanswered: 0,
        preview_key: None,
        key: None,
        dataset: stamp(script, VISITS_BINDING),
    });
}

fn settle_routes(
    site: SiteId,
    wanted: Option<&[WantedRoute]>,
    observed: &Observed,
    recorded: &mut Recorded,
) {
    for route in observed
        .routes
        .iter()
        .filter(|route| is_our_route(site, route))
    {
        let adopted = recorded
            .adopted
            .iter_mut()
            .find(|adopted| adopted.id == route.id);
        if let Some(adopted) = adopted {
            adopted.is_taken = true;
            continue;
        }
        let is_same = |pattern: &String| is_same_pattern(pattern, &route.pattern);
        let is_wanted = wanted
            .unwrap_or_default()
            .iter()
            .any(|wanted| is_same(&wanted.pattern));
        let is_meant = is_wanted || recorded.routes_intended.iter().any(is_same);
        let known = recorded
            .routes
            .iter_mut()
            .find(|known| known.id == route.id);
        if let Some(known) = known.filter(|_| is_wanted) {
            // Another pattern than it was given, and just as useful.
            known.pattern.clone_from(&route.pattern);
        }
        if is_meant && recorded.routes.iter().all(|known| known.id != route.id) {
            recorded.routes.push(RecordedRoute {
                id: route.id.clone(),
                pattern: route.pattern.clone(),
                retaken: None,
            });
        }
    }
    // Deleted by somebody, and made anew by us: the one that was there before is forgotten, and nothing is to be given
    // back any more.
    let runs_ours = |known: &RecordedRoute| {
        observed
            .routes
            .iter()
            .any(|route| route.id == known.id && is_our_route(site, route))
    };
    let is_there = |id: &RouteId| observed.routes.iter().any(|route| route.id == *id);
    let is_run = |pattern: &str| {
        observed
            .routes
            .iter()
            .any(|route| is_our_route(site, route) && is_same_pattern(&route.pattern, pattern))
    };
    recorded
        .routes
        .retain(|known| runs_ours(known) || !is_run(&known.pattern));
    recorded
        .adopted
        .retain(|adopted| is_there(&adopted.id) || !is_run(&adopted.pattern));
    let Some(wanted) = wanted else { return };
    let is_wanted = |pattern: &str| {
        wanted
            .iter()
            .any(|wanted| is_same_pattern(&wanted.pattern, pattern))
    };
    recorded
        .routes_intended
        .retain(|pattern| is_wanted(pattern) || is_run(pattern));
    recorded
        .routes
        .retain(|known| is_wanted(&known.pattern) || runs_ours(known));
    for wanted in wanted {
        let pattern = &wanted.pattern;
        if is_run(pattern) && !recorded.routes_intended.contains(pattern) {
            recorded.routes_intended.push(pattern.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{OWNER_TAG, script_name};

    fn site() -> SiteId {
        "0197a000-0000-7000-8000-000000000001"
            .parse()
            .expect("an id")
    }

    /// Our script as version `v2`, while the records know version `v1` and so many unanswered uploads.
    fn observed(from: &str, unanswered: u32) -> Observed {
        Observed {
            script: Some(ObservedScript {
                name: script_name(site()),
                tags: vec![OWNER_TAG.to_owned(), site_tag(site()), hash_tag("abab")],
                etag: Some("e1".to_owned()),
                version: Some("v2".to_owned()),
                last_deployed_from: Some(from.to_owned()),
                ..ObservedScript::default()
            }),
            recorded: Recorded {
                script_etag: Some("e1".to_owned()),
                applied: Some(AppliedScript {
                    hash: "abab".to_owned(),
                    config_hash: None,
                    version: Some("v1".to_owned()),
                    compatibility_flags: None,
                    options: None,
                    unanswered,
                    preview_key: None,
                    key: None,
                    dataset: None,
                }),
                ..Recorded::default()
            },
            ..Observed::default()
        }
    }

    #[test]
    fn an_upload_that_takes_effect_late_is_ours_once() {
        let goal = Goal::Absent { site: site() };
        let version = |observed: &Observed| {
            let applied = settle(&goal, observed).applied.expect("it is known");
            (applied.version.expect("it is told"), applied.unanswered)
        };
        assert_eq!(version(&observed("api", 1)), ("v2".to_owned(), 0));
        // Every upload was answered, or somebody else made it.
        assert_eq!(version(&observed("api", 0)), ("v1".to_owned(), 0));
        assert_eq!(version(&observed("dash", 1)), ("v1".to_owned(), 1));
        let mut again = observed("api", 1);
        again.recorded = settle(&goal, &again);
        if let Some(script) = &mut again.script {
            script.version = Some("v3".to_owned());
        }
        assert_eq!(version(&again), ("v2".to_owned(), 0));
    }
}
