//! Why the Worker may not answer at a host name where it should: what the plan knows, what can be seen from here, and
//! only when both say nothing, what it usually is.

use domain::{
    edge::HEALTH_PATH,
    names::Hostname,
    plan::{OtherRoute, Plan, Warning},
    route_pattern::RoutePattern,
};

/// The warning about one host name. `seen`: why requests for it may not get to a Worker, as far as that was found out.
pub(super) fn warning(host: &Hostname, plan: &Plan, seen: Option<&Warning>) -> Warning {
    let mut causes: Vec<String> = plan
        .other_routes
        .iter()
        .filter(|route| answers_in_our_place(route, host))
        .map(|route| match &route.script {
            Some(script) => format!(
                "the route {} of the Worker {script} is more specific and answers in its place",
                route.pattern
            ),
            None => format!(
                "the route {} is more specific and exempts from Workers",
                route.pattern
            ),
        })
        .collect();
    let zone = |code: &str| plan.warnings.iter().any(|warning| warning.code == code);
    if zone("zone_not_active") {
        causes.push("the zone is not active, so no request reaches its routes".to_owned());
    }
    if zone("zone_paused") {
        causes.push("the zone is paused, so Cloudflare runs no Worker in it".to_owned());
    }
    let mut detail = format!(
        "The Worker does not answer at {host} yet. Everything of ours is in place in the account."
    );
    match (causes.is_empty(), seen) {
        (false, _) => detail.push_str(&format!(" Known from the plan: {}.", causes.join("; "))),
        (true, Some(_)) => {}
        (true, None) => detail.push_str(
            " Routes take a moment to get everywhere. If it stays so, see that the host name has a proxied DNS record (orange cloud) at Cloudflare.",
        ),
    }
    if let Some(seen) = seen {
        detail.push(' ');
        detail.push_str(&seen.detail);
    }
    Warning {
        code: "edge_unanswered".to_owned(),
        detail,
    }
}

/// Whether a foreign route takes the health question of this host name.
fn answers_in_our_place(route: &OtherRoute, host: &Hostname) -> bool {
    let (Ok(shared), Ok(question)) = (
        route.shared.parse::<RoutePattern>(),
        format!("{host}{HEALTH_PATH}*").parse::<RoutePattern>(),
    ) else {
        return false;
    };
    !route.ours_wins && shared.overlap(&question).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::route_pattern::Relation;

    fn other(shared: &str, ours_wins: bool, script: Option<&str>) -> OtherRoute {
        OtherRoute {
            pattern: shared.to_owned(),
            script: script.map(str::to_owned),
            ours: "shop.example/*".to_owned(),
            relation: Relation::Narrower,
            shared: shared.to_owned(),
            ours_wins,
            detail: String::new(),
        }
    }

    fn told(routes: Vec<OtherRoute>, codes: &[&str], seen: Option<&Warning>) -> String {
        let plan = Plan {
            other_routes: routes,
            warnings: codes
                .iter()
                .map(|code| Warning {
                    code: (*code).to_owned(),
                    detail: String::new(),
                })
                .collect(),
            ..Plan::default()
        };
        warning(&"shop.example".parse().expect("a host"), &plan, seen).detail
    }

    #[test]
    fn what_is_known_is_named() {
        let theirs = || other("shop.example/.well-known/*", false, Some("theirs"));
        let text = told(vec![theirs()], &[], None);
        assert!(
            text.contains("of the Worker theirs is more specific"),
            "{text}"
        );
        assert!(!text.contains("orange cloud"), "{text}");
        let exempt = other("shop.example/.well-known/*", false, None);
        assert!(told(vec![exempt], &[], None).contains("exempts from Workers"));
        assert!(told(Vec::new(), &["zone_paused"], None).contains("is paused"));
        let seen = Warning {
            code: "hostname_not_proxied".to_owned(),
            detail: "It leads to 198.51.100.7.".to_owned(),
        };
        let text = told(Vec::new(), &[], Some(&seen));
        assert!(
            text.ends_with("in the account. It leads to 198.51.100.7."),
            "{text}"
        );
    }

    #[test]
    fn what_has_nothing_to_do_with_it_is_not() {
        for route in [
            other("shop.example/blog/*", false, Some("theirs")),
            other("shop.example/.well-known/*", true, Some("theirs")),
            other("blog.example/.well-known/*", false, Some("theirs")),
        ] {
            let text = told(vec![route], &[], None);
            assert!(text.contains("orange cloud"), "{text}");
            assert!(!text.contains("theirs"), "{text}");
        }
    }
}
