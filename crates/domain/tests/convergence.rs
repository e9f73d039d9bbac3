//! Whatever is observed: the plan passes its check, applying it leads to an empty second plan, and a removal takes
//! out what is ours and nothing else.

use domain::{
    desired::{
        Desired, Goal, OWNER_TAG, hash_tag, namespace_title, route_pattern, script_name, site_tag,
    },
    ids::{NamespaceId, RouteId, SiteId},
    observed::{
        Observed, ObservedNamespace, ObservedRoute, ObservedScript, ObservedZone, Recorded,
    },
    plan::{Action, Plan, Resource, check::check, plan, settle, undo},
};
use proptest::prelude::*;

const SITE: &str = "0197a000-0000-7000-8000-000000000001";
const HASH: &str = "abababababababababababababababababababababababababababababababab";

fn site() -> SiteId {
    SITE.parse().expect("an id")
}

fn namespace_id(number: u8) -> NamespaceId {
    format!("c00000000000000000000000000000{number:02}")
        .parse()
        .expect("an id")
}

fn route_id(number: usize) -> RouteId {
    format!("d00000000000000000000000000000{number:02}")
        .parse()
        .expect("an id")
}

fn goal(hosts: &[&str]) -> Goal {
    Goal::Present(Desired {
        site: site(),
        account: "a0000000000000000000000000000001".parse().expect("an id"),
        zone: "b0000000000000000000000000000001".parse().expect("an id"),
        zone_name: "shop.example".to_owned(),
        hostnames: hosts
            .iter()
            .map(|host| host.parse().expect("a host"))
            .collect(),
        script_hash: HASH.to_owned(),
        script_bytes: 1,
        published: 1,
    })
}

fn any_goal() -> impl Strategy<Value = Goal> {
    prop_oneof![
        Just(goal(&["shop.example"])),
        Just(goal(&["www.shop.example", "shop.example"])),
        Just(Goal::Absent { site: site() }),
    ]
}

prop_compose! {
    fn any_script()(is_tagged in any::<bool>(), is_current in any::<bool>(), binding in 0u8..4, etag in 0u8..3) -> ObservedScript {
        let mut tags = vec![];
        if is_tagged {
            tags.extend([OWNER_TAG.to_owned(), site_tag(site())]);
            tags.push(if is_current { hash_tag(HASH) } else { "hash-0".to_owned() });
        }
        ObservedScript {
            name: script_name(site()),
            tags,
            namespace: (binding > 0).then(|| namespace_id(binding)),
            etag: (etag > 0).then(|| format!("e{etag}")),
        }
    }
}

prop_compose! {
    fn any_routes()(owners in proptest::collection::vec(0u8..4, 5)) -> Vec<ObservedRoute> {
        let patterns = ["shop.example/*", "www.shop.example/*", "SHOP.example/blog/*", "img.shop.example/*", "*.shop.example/*"];
        patterns.iter().zip(owners).enumerate().filter(|(_, (_, owner))| *owner > 0).map(|(index, (pattern, owner))| ObservedRoute {
            id: route_id(index),
            pattern: (*pattern).to_owned(),
            script: match owner { 1 => Some(script_name(site())), 2 => Some("theirs".to_owned()), _ => None },
            request_limit_fail_open: Some(owner != 2),
        }).collect()
    }
}

prop_compose! {
    fn any_recorded()(namespace in 0u8..4, flags in any::<[bool; 4]>(), etag in 0u8..3) -> Recorded {
        Recorded {
            namespace: (namespace > 0).then(|| namespace_id(namespace)),
            namespace_intended: flags[0],
            content_loaded: flags[1],
            script_intended: flags[2],
            script_etag: (etag > 0).then(|| format!("e{etag}")),
            routes_intended: if flags[3] { vec!["www.shop.example/*".to_owned()] } else { vec![] },
            pinned: None,
        }
    }
}

prop_compose! {
    fn any_observed()(
        // Titles are unique in an account: at most one namespace bears ours.
        titled in 0u8..4,
        other in 1u8..4,
        script in proptest::option::of(any_script()),
        routes in any_routes(),
        recorded in any_recorded(),
        is_paused in any::<bool>(),
    ) -> Observed {
        let mut namespaces = vec![];
        if titled > 0 {
            namespaces.push(ObservedNamespace { id: namespace_id(titled), title: namespace_title(site()) });
        }
        // The recorded one may have been renamed by somebody.
        if recorded.namespace == Some(namespace_id(other)) && other != titled {
            namespaces.push(ObservedNamespace { id: namespace_id(other), title: "renamed".to_owned() });
        }
        Observed { zone: ObservedZone { status: "active".to_owned(), paused: is_paused }, namespaces, script, routes, recorded }
    }
}

/// What apply does, on the observation itself.
fn apply(goal: &Goal, observed: &Observed, plan: &Plan) -> Observed {
    let mut next = observed.clone();
    for step in &plan.steps {
        match (step.resource, step.action) {
            (Resource::KvNamespace, Action::Create) => {
                assert!(
                    next.namespaces.iter().all(|old| old.title != step.name),
                    "titles are unique"
                );
                next.namespaces.push(ObservedNamespace {
                    id: namespace_id(9),
                    title: step.name.clone(),
                });
                next.recorded.namespace = Some(namespace_id(9));
                next.recorded.namespace_intended = false;
                next.recorded.content_loaded = false;
            }
            (Resource::KvNamespace, _) => {
                next.namespaces
                    .retain(|old| Some(old.id.as_str()) != step.id.as_deref());
                next.recorded.namespace = None;
            }
            (Resource::Content, _) => {
                let Goal::Present(_) = goal else {
                    panic!("no content in a removal")
                };
                let bound = next
                    .recorded
                    .namespace
                    .clone()
                    .filter(|id| next.namespaces.iter().any(|old| old.id == *id));
                next.recorded.namespace = bound.or_else(|| {
                    next.namespaces
                        .iter()
                        .find(|old| old.title == step.name)
                        .map(|old| old.id.clone())
                });
                next.recorded.content_loaded = true;
            }
            (Resource::Script, Action::Delete) => next.script = None,
            (Resource::Script, _) => {
                next.script = Some(ObservedScript {
                    name: step.name.clone(),
                    tags: vec![OWNER_TAG.to_owned(), site_tag(site()), hash_tag(HASH)],
                    namespace: next.recorded.namespace.clone(),
                    etag: Some("new".to_owned()),
                });
                next.recorded.script_etag = Some("new".to_owned());
                next.recorded.script_intended = false;
            }
            (Resource::Route, Action::Create) => {
                let script = next.script.as_ref().expect("no route without its script");
                next.routes.push(ObservedRoute {
                    id: route_id(90 + next.routes.len()),
                    pattern: step.name.clone(),
                    script: Some(script.name.clone()),
                    request_limit_fail_open: Some(true),
                });
                next.recorded.routes_intended.push(step.name.clone());
            }
            (Resource::Route, _) => next
                .routes
                .retain(|old| Some(old.id.as_str()) != step.id.as_deref()),
        }
    }
    next
}

fn foreign_routes(observed: &Observed) -> Vec<ObservedRoute> {
    let ours = script_name(site());
    let mut routes = observed.routes.clone();
    routes.retain(|route| route.script.as_ref() != Some(&ours));
    routes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn plans_converge(goal in any_goal(), observed in any_observed()) {
        let first = plan(&goal, &observed);
        prop_assert_eq!(check(&goal, &observed, &first), Ok(()));
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        let after = apply(&goal, &observed, &first);
        prop_assert_eq!(foreign_routes(&after), foreign_routes(&observed));
        let second = plan(&goal, &after);
        prop_assert!(second.is_in_sync(), "first {:#?}\nsecond {:#?}", first, second);
        if let Goal::Present(desired) = &goal {
            for host in &desired.hostnames {
                let pattern = route_pattern(host);
                prop_assert!(after.routes.iter().any(|route| route.pattern.eq_ignore_ascii_case(&pattern)));
            }
        }
    }

    /// Killed after any number of steps, and planned again.
    #[test]
    fn plans_converge_when_cut_short(observed in any_observed(), kept in 0usize..6) {
        let goal = goal(&["shop.example", "www.shop.example"]);
        let mut first = plan(&goal, &observed);
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        first.steps.truncate(kept);
        let half = apply(&goal, &observed, &first);
        let rest = plan(&goal, &half);
        prop_assert_eq!(check(&goal, &half, &rest), Ok(()));
        prop_assert!(rest.conflicts.is_empty());
        prop_assert!(plan(&goal, &apply(&goal, &half, &rest)).is_in_sync());
    }

    /// Settling the records changes no plan, and settling twice is settling once.
    #[test]
    fn settled_records_give_the_same_plan(goal in any_goal(), observed in any_observed()) {
        let settled = Observed { recorded: settle(&goal, &observed), ..observed.clone() };
        prop_assert_eq!(settle(&goal, &settled), settled.recorded.clone());
        let (before, after) = (plan(&goal, &observed), plan(&goal, &settled));
        prop_assert_eq!(before.steps, after.steps);
        prop_assert_eq!(before.conflicts, after.conflicts);
    }

    /// From nothing, deployed by any number of steps, taken back: the account is as before.
    #[test]
    fn undo_leaves_what_was_there(kept in 0usize..6, routes in any_routes()) {
        let goal = goal(&["shop.example"]);
        let mut before = Observed { routes, ..Observed::default() };
        before.routes = foreign_routes(&before);
        let mut first = plan(&goal, &before);
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        first.steps.truncate(kept);
        let deployed = apply(&goal, &before, &first);
        let back = undo(site(), &first.steps, None, &deployed);
        prop_assert_eq!(check(&Goal::Absent { site: site() }, &deployed, &back), Ok(()));
        let after = apply(&goal, &deployed, &back);
        prop_assert_eq!(after.routes, before.routes);
        prop_assert_eq!(after.namespaces, before.namespaces);
        prop_assert_eq!(after.script, before.script);
    }
}
