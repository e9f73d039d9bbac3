//! Whatever is observed: the plan passes its check, applying it leads to an empty second plan, and a removal takes
//! out what is ours and nothing else.

mod mutations;
mod worlds;

use domain::{
    desired::{Goal, RouteChoiceKind},
    observed::Observed,
    plan::{
        check::{check, check_complete},
        plan, settle, undo,
    },
    route_pattern::is_same_pattern,
};
use proptest::prelude::*;
use worlds::{any_goal, any_observed, apply, foreign_routes, goal, site};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn plans_converge(goal in any_goal(), observed in any_observed()) {
        let first = plan(&goal, &observed);
        prop_assert_eq!(check_complete(&goal, &observed, &first), Ok(()), "{:#?}", first);
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        let after = apply(&observed, &first);
        // Foreign routes stay as they are, but for those that somebody chose to adopt; adopted ones come back.
        for route in foreign_routes(&observed) {
            let now = after.routes.iter().find(|now| now.id == route.id);
            let is_chosen = matches!(&goal, Goal::Present(desired) if desired.choices.iter().any(|choice| {
                choice.kind == RouteChoiceKind::Adopt && choice.route == route.id && choice.script == route.script
            }));
            prop_assert!(is_chosen || now == Some(&route), "{:?} became {:?}", route, now);
        }
        for adopted in &observed.recorded.adopted {
            let was_there = observed.routes.iter().any(|route| route.id == adopted.id);
            prop_assert!(!was_there || after.routes.iter().any(|route| route.id == adopted.id), "deleted");
        }
        let second = plan(&goal, &after);
        prop_assert!(second.is_in_sync(), "first {:#?}\nsecond {:#?}", first, second);
        if let Goal::Present(desired) = &goal {
            for wanted in desired.routes() {
                prop_assert!(after.routes.iter().any(|route| is_same_pattern(&route.pattern, &wanted.pattern)));
            }
            prop_assert!(second.differences.iter().all(|found| !found.repaired), "{:#?}", second.differences);
        }
    }

    /// Killed after any number of steps, and planned again.
    #[test]
    fn plans_converge_when_cut_short(goal in any_goal(), observed in any_observed(), kept in 0usize..6) {
        let mut first = plan(&goal, &observed);
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        first.steps.truncate(kept);
        let half = apply(&observed, &first);
        let rest = plan(&goal, &half);
        prop_assert_eq!(check_complete(&goal, &half, &rest), Ok(()));
        prop_assert!(rest.conflicts.is_empty(), "{:#?}", rest.conflicts);
        prop_assert!(plan(&goal, &apply(&half, &rest)).is_in_sync());
    }

    /// The same goal, planned and applied twice in a row: the second time changes nothing.
    #[test]
    fn twice_is_once(goal in any_goal(), observed in any_observed()) {
        let first = plan(&goal, &observed);
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        let once = apply(&observed, &first);
        let twice = apply(&once, &plan(&goal, &once));
        prop_assert_eq!(once, twice);
    }

    /// Settling the records changes no plan, and settling twice is settling once.
    #[test]
    fn settled_records_give_the_same_plan(goal in any_goal(), observed in any_observed()) {
        let settled = Observed { recorded: settle(&goal, &observed), ..observed.clone() };
        prop_assert_eq!(settle(&goal, &settled), settled.recorded.clone());
        prop_assert_eq!(plan(&goal, &observed), plan(&goal, &settled));
    }

    /// From nothing, deployed by any number of steps, taken back: the account is as before.
    #[test]
    fn undo_leaves_what_was_there(kept in 0usize..6, observed in any_observed(), wanted in any_goal()) {
        let mut before = Observed { routes: observed.routes, ..Observed::default() };
        before.routes = foreign_routes(&before);
        let Goal::Present(_) = &wanted else { return Ok(()) };
        let mut first = plan(&wanted, &before);
        if !first.conflicts.is_empty() {
            return Ok(());
        }
        first.steps.truncate(kept);
        let deployed = apply(&before, &first);
        let back = undo(site(), &first.steps, None, &deployed);
        prop_assert_eq!(check(&Goal::Absent { site: site() }, &deployed, &back), Ok(()));
        let after = apply(&deployed, &back);
        prop_assert_eq!(after.routes, before.routes);
        prop_assert_eq!(after.namespaces, before.namespaces);
        prop_assert_eq!(after.script, before.script);
        prop_assert_eq!(after.recorded.adopted, before.recorded.adopted);
    }
}

/// A hundred looks at an account that nobody touched: nothing is reported.
#[test]
fn no_false_drift() {
    let goal = goal(&["shop.example", "www.shop.example"], false, vec![]);
    let mut world = Observed::default();
    world.zone.status = "active".to_owned();
    let mut world = apply(&world, &plan(&goal, &world));
    for look in 0..100 {
        world.recorded = settle(&goal, &world);
        let seen = plan(&goal, &world);
        assert!(seen.is_in_sync(), "look {look}: {seen:#?}");
        assert_eq!(seen.differences, [], "look {look}");
        assert_eq!(seen.warnings, [], "look {look}");
    }
}
