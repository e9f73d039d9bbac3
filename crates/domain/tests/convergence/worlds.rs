//! Random goals and accounts, and what applying does to one.

use domain::{
    desired::{
        Desired, Goal, OWNER_TAG, RouteChoice, RouteChoiceKind, hash_tag, namespace_title,
        script_name, site_tag,
    },
    edge::{COMPATIBILITY_DATE, CONFIG_BINDING, KEY_BINDING, KV_BINDING},
    ids::{NamespaceId, RouteId, SiteId},
    observed::{
        AdoptedRoute, AppliedScript, Observed, ObservedBinding, ObservedNamespace, ObservedRoute,
        ObservedScript, ObservedZone, Recorded, RecordedRoute, UploadIntent,
    },
    plan::{Action, Plan, Resource},
    time::Millis,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SITE: &str = "0197a000-0000-7000-8000-000000000001";
pub(crate) const HASH: &str = "abababababababababababababababababababababababababababababababab";
const OLD_HASH: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const CONFIG: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

pub(crate) fn site() -> SiteId {
    SITE.parse().expect("an id")
}

fn namespace_id(number: u8) -> NamespaceId {
    format!("c00000000000000000000000000000{number:02}")
        .parse()
        .expect("an id")
}

pub(crate) fn route_id(number: usize) -> RouteId {
    format!("d00000000000000000000000000000{number:02}")
        .parse()
        .expect("an id")
}

pub(crate) fn goal(hosts: &[&str], narrow: bool, choices: Vec<RouteChoice>) -> Goal {
    let mut patterns = BTreeMap::new();
    if narrow {
        patterns.insert(
            "shop.example".parse().expect("a host"),
            vec!["shop.example/blog/*".to_owned()],
        );
    }
    Goal::Present(Box::new(Desired {
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
        config_hash: CONFIG.to_owned(),
        news: Vec::new(),
        patterns,
        choices,
        preview_key: None,
        dataset: None,
    }))
}

const PATTERNS: [&str; 6] = [
    "shop.example/*",
    "www.shop.example/*",
    "SHOP.example/blog/*",
    "img.shop.example/*",
    "*.shop.example/*",
    "*shop.example/*",
];

prop_compose! {
    fn any_choice()(route in 0usize..6, owner in 0u8..3, is_adopt in any::<bool>(), at in 0i64..3) -> RouteChoice {
        RouteChoice {
            kind: if is_adopt { RouteChoiceKind::Adopt } else { RouteChoiceKind::Accept },
            route: route_id(route),
            pattern: PATTERNS[route].to_owned(),
            script: match owner { 0 => None, 1 => Some("theirs".to_owned()), _ => Some("others".to_owned()) },
            at: Millis(at),
        }
    }
}

pub(crate) fn any_goal() -> impl Strategy<Value = Goal> {
    let present = (
        prop::sample::select(vec![
            vec!["shop.example"],
            vec!["www.shop.example", "shop.example"],
            vec!["img.shop.example"],
        ]),
        any::<bool>(),
        proptest::collection::vec(any_choice(), 0..8),
    )
        .prop_map(|(hosts, narrow, choices)| goal(&hosts, narrow, choices));
    prop_oneof![4 => present, 1 => Just(Goal::Absent { site: site() })]
}

fn bindings(namespace: Option<&NamespaceId>, config: Option<&str>) -> Vec<ObservedBinding> {
    let binding = |kind: &str, name: &str, stamp: Option<String>| ObservedBinding {
        kind: kind.to_owned(),
        name: name.to_owned(),
        stamp,
    };
    vec![
        binding(
            "kv_namespace",
            KV_BINDING,
            namespace.map(ToString::to_string),
        ),
        binding("secret_text", KEY_BINDING, None),
        binding("json", CONFIG_BINDING, config.map(str::to_owned)),
    ]
}

prop_compose! {
    fn any_script()(
        tags in 0u8..4,
        binding in 0u8..4,
        etag in 0u8..3,
        version in 0u8..3,
        kept in 0usize..6,
        date in prop::sample::select(vec![None, Some(COMPATIBILITY_DATE), Some("2024-01-01")]),
        are_bindings_told in any::<bool>(),
    ) -> ObservedScript {
        let tags = match tags {
            0 => vec![],
            1 => vec![OWNER_TAG.to_owned(), site_tag(site()), hash_tag(HASH)],
            2 => vec![OWNER_TAG.to_owned(), site_tag(site()), hash_tag(OLD_HASH)],
            _ => vec![site_tag(site())],
        };
        let namespace = (binding > 0).then(|| namespace_id(binding));
        let mut told = bindings(namespace.as_ref(), Some(CONFIG));
        // Somebody took one away, or not.
        if kept < 3 && kept > 0 {
            told.remove(kept);
        }
        if namespace.is_none() {
            told.remove(0);
        }
        ObservedScript {
            name: script_name(site()),
            tags,
            namespace,
            etag: (etag > 0).then(|| format!("e{etag}")),
            version: (version > 0).then(|| format!("v{version}")),
            last_deployed_from: Some("dash".to_owned()),
            bindings: are_bindings_told.then_some(told),
            compatibility_date: date.map(str::to_owned),
            compatibility_flags: None,
            options: None,
        }
    }
}

prop_compose! {
    fn any_routes()(owners in proptest::collection::vec(0u8..5, 6), open in any::<bool>()) -> Vec<ObservedRoute> {
        PATTERNS.iter().zip(owners).enumerate().filter(|(_, (_, owner))| *owner > 0).map(|(index, (pattern, owner))| ObservedRoute {
            id: route_id(index),
            pattern: (*pattern).to_owned(),
            script: match owner { 1 => Some(script_name(site())), 2 => Some("theirs".to_owned()), 3 => Some("others".to_owned()), _ => None },
            request_limit_fail_open: Some(open),
        }).collect()
    }
}

prop_compose! {
    fn any_recorded()(
        namespace in 0u8..4,
        flags in any::<[bool; 5]>(),
        etag in 0u8..3,
        version in 0u8..3,
        applied in any::<bool>(),
        upload in 0u8..4,
        made in proptest::collection::vec(0usize..6, 0..3),
        adopted in proptest::collection::vec((0usize..6, any::<bool>(), 0i64..3), 0..3),
    ) -> Recorded {
        let mut routes: Vec<RecordedRoute> = vec![];
        for number in made {
            if routes.iter().all(|known| known.id != route_id(number)) {
                // Sometimes under another pattern than it has now.
                let pattern = if flags[4] { PATTERNS[number] } else { PATTERNS[(number + 1) % 4] };
                if routes.iter().all(|known| known.pattern != pattern) {
                    routes.push(RecordedRoute { id: route_id(number), pattern: pattern.to_owned(), retaken: None });
                }
            }
        }
        let mut taken: Vec<AdoptedRoute> = vec![];
        for (number, is_taken, at) in adopted {
            let id = route_id(number);
            if taken.iter().all(|known| known.id != id) && routes.iter().all(|known| known.id != id) {
                taken.push(AdoptedRoute {
                    id,
                    pattern: PATTERNS[number].to_owned(),
                    script: (at > 0).then(|| "theirs".to_owned()),
                    request_limit_fail_open: Some(false),
                    at: Millis(at),
                    is_taken,
                });
            }
        }
        Recorded {
            namespace: (namespace > 0).then(|| namespace_id(namespace)),
            namespace_intended: flags[0],
            content_loaded: flags[1],
            script_intended: flags[2],
            upload: (flags[2] && upload > 0).then(|| UploadIntent {
                hash: if upload == 1 { OLD_HASH } else { HASH }.to_owned(),
                config_hash: CONFIG.to_owned(),
                before: None,
                unanswered: 0,
                preview_key: None,
                key: None,
                dataset: None,
            }),
            script_etag: (etag > 0).then(|| format!("e{etag}")),
            applied: applied.then(|| AppliedScript {
                hash: HASH.to_owned(),
                config_hash: Some(CONFIG.to_owned()),
                version: (version > 0).then(|| format!("v{version}")),
                compatibility_flags: None,
                options: None,
                unanswered: 0,
                preview_key: None,
                key: None,
                dataset: None,
            }),
            routes_intended: if flags[3] { vec!["www.shop.example/*".to_owned()] } else { vec![] },
            routes,
            adopted: taken,
            pinned: None,
        }
    }
}

prop_compose! {
    pub(crate) fn any_observed()(
        // Titles are unique in an account: at most one namespace bears ours.
        titled in 0u8..4,
        is_marked in any::<Option<bool>>(),
        other in 1u8..4,
        script in proptest::option::of(any_script()),
        routes in any_routes(),
        recorded in any_recorded(),
        is_paused in any::<bool>(),
        workers in prop::sample::select(vec![None, Some(vec!["theirs".to_owned()]), Some(vec![])]),
    ) -> Observed {
        let mut namespaces = vec![];
        if titled > 0 {
            namespaces.push(ObservedNamespace { id: namespace_id(titled), title: namespace_title(site()), is_marked });
        }
        // The recorded one may have been renamed by somebody.
        if recorded.namespace == Some(namespace_id(other)) && other != titled {
            namespaces.push(ObservedNamespace { id: namespace_id(other), title: "renamed".to_owned(), is_marked: None });
        }
        let zone = ObservedZone { status: "active".to_owned(), paused: is_paused, account: None };
        Observed { zone, namespaces, script, routes, workers, recorded }
    }
}

/// What apply does, on the observation itself.
pub(crate) fn apply(observed: &Observed, plan: &Plan) -> Observed {
    let mut next = observed.clone();
    for step in &plan.steps {
        let recorded = &mut next.recorded;
        match (step.resource, step.action) {
            (Resource::KvNamespace, Action::Create) => {
                assert!(
                    next.namespaces.iter().all(|old| old.title != step.name),
                    "titles are unique"
                );
                next.namespaces.push(ObservedNamespace {
                    id: namespace_id(9),
                    title: step.name.clone(),
                    is_marked: None,
                });
                recorded.namespace = Some(namespace_id(9));
                recorded.namespace_intended = false;
                recorded.content_loaded = false;
            }
            (Resource::KvNamespace, Action::Update) => {
                let id = step.id.as_deref();
                let renamed = next
                    .namespaces
                    .iter_mut()
                    .find(|old| Some(old.id.as_str()) == id);
                renamed.expect("it is there").title = step.name.clone();
            }
            (Resource::KvNamespace, Action::Delete) => {
                next.namespaces
                    .retain(|old| Some(old.id.as_str()) != step.id.as_deref());
                recorded.namespace = None;
                recorded.namespace_intended = false;
            }
            (Resource::Content, _) => {
                let bound = recorded
                    .namespace
                    .clone()
                    .filter(|id| next.namespaces.iter().any(|old| old.id == *id));
                recorded.namespace = bound.or_else(|| {
                    next.namespaces
                        .iter()
                        .find(|old| old.title == step.name)
                        .map(|old| old.id.clone())
                });
                recorded.content_loaded = true;
            }
            (Resource::Script, Action::Delete) => {
                next.script = None;
                recorded.script_intended = false;
                recorded.upload = None;
                recorded.script_etag = None;
                recorded.applied = None;
            }
            (Resource::Script, _) => {
                recorded.script_intended = true;
                recorded.upload = Some(UploadIntent {
                    hash: HASH.to_owned(),
                    config_hash: CONFIG.to_owned(),
                    before: next.script.as_ref().map(ObservedScript::mark),
                    unanswered: 0,
                    preview_key: None,
                    key: None,
                    dataset: None,
                });
                let namespace = recorded.namespace.clone();
                next.script = Some(ObservedScript {
                    name: step.name.clone(),
                    tags: vec![OWNER_TAG.to_owned(), site_tag(site()), hash_tag(HASH)],
                    bindings: Some(bindings(namespace.as_ref(), Some(CONFIG))),
                    namespace,
                    etag: Some("new".to_owned()),
                    version: Some("new".to_owned()),
                    last_deployed_from: Some("api".to_owned()),
                    compatibility_date: Some(COMPATIBILITY_DATE.to_owned()),
                    compatibility_flags: None,
                    options: None,
                });
            }
            (Resource::Route, Action::Create) => {
                let script = next.script.as_ref().expect("no route without its script");
                let id = route_id(90 + next.routes.len());
                next.routes.push(ObservedRoute {
                    id: id.clone(),
                    pattern: step.name.clone(),
                    script: Some(script.name.clone()),
                    request_limit_fail_open: Some(true),
                });
                recorded.routes_intended.push(step.name.clone());
                recorded.routes.retain(|known| known.pattern != step.name);
                recorded.routes.push(RecordedRoute {
                    id,
                    pattern: step.name.clone(),
                    retaken: None,
                });
            }
            (Resource::Route, Action::Update) => change_route(&mut next, step),
            (Resource::Route, Action::Delete) => {
                next.routes
                    .retain(|old| Some(old.id.as_str()) != step.id.as_deref());
                recorded
                    .routes
                    .retain(|old| Some(old.id.as_str()) != step.id.as_deref());
            }
            (Resource::Zone, _) => panic!("a zone is never changed"),
        }
    }
    next
}

fn change_route(world: &mut Observed, step: &domain::plan::Step) {
    let change = step.route.as_ref().expect("an update says what it changes");
    let id = step.id.as_deref();
    let route = world
        .routes
        .iter_mut()
        .find(|route| Some(route.id.as_str()) == id)
        .expect("the route is there");
    assert_eq!(route.script, change.from, "the step knows what is there");
    let is_ours = |script: &Option<String>| *script == Some(script_name(site()));
    let adopted = &mut world.recorded.adopted;
    let made = world.recorded.routes.iter_mut();
    let made = made
        .filter(|made| adopted.iter().all(|known| known.id != made.id))
        .find(|made| made.id == route.id);
    let is_taken = is_ours(&change.to) && !is_ours(&change.from);
    if is_taken && let Some(made) = made {
        made.retaken = Some(Millis(9));
    } else if is_taken {
        adopted.retain(|known| known.id != route.id);
        adopted.push(AdoptedRoute {
            id: route.id.clone(),
            pattern: route.pattern.clone(),
            script: change.from.clone(),
            request_limit_fail_open: change.from_fail_open,
            at: Millis(9),
            is_taken: true,
        });
        world.recorded.routes.retain(|known| known.id != route.id);
    } else if !is_ours(&change.to) {
        adopted.retain(|known| known.id != route.id);
    }
    route.pattern.clone_from(&step.name);
    route.script.clone_from(&change.to);
    route.request_limit_fail_open = Some(change.fail_open);
}

/// The routes that are not ours, each with its Worker.
pub(crate) fn foreign_routes(observed: &Observed) -> Vec<ObservedRoute> {
    let ours = script_name(site());
    let mut routes = observed.routes.clone();
    routes.retain(|route| route.script.as_ref() != Some(&ours));
    routes
}
