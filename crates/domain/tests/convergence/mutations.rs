//! A plan that is not what the planner made: the check finds it.

use crate::worlds::{any_goal, any_observed, route_id};
use domain::{
    desired::Goal,
    observed::Observed,
    plan::{Action, Plan, Resource, Step, check::check_complete, plan},
};
use proptest::prelude::*;

/// Plans that can be applied and have this many steps at least.
fn applicable(goal: &Goal, observed: &Observed, least: usize) -> Option<Plan> {
    let plan = plan(goal, observed);
    (plan.conflicts.is_empty() && plan.steps.len() >= least).then_some(plan)
}

const fn rank(step: &Step) -> i8 {
    let rank = match step.resource {
        Resource::KvNamespace => 0,
        Resource::Content => 1,
        Resource::Script => 2,
        Resource::Route | Resource::Zone => 3,
    };
    if matches!(step.action, Action::Delete) {
        -rank
    } else {
        rank
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// Two steps in the wrong order.
    #[test]
    fn a_swap_is_caught(goal in any_goal(), observed in any_observed(), at in 0usize..6) {
        let Some(mut plan) = applicable(&goal, &observed, 2) else { return Ok(()) };
        let at = at % (plan.steps.len() - 1);
        let (one, other) = (&plan.steps[at], &plan.steps[at + 1]);
        let is_delete = |step: &Step| step.action == Action::Delete;
        // Two of a kind may come in any order, and so may a deletion beside what it has nothing to do with.
        if rank(one) == rank(other) || is_delete(one) != is_delete(other) {
            return Ok(());
        }
        plan.steps.swap(at, at + 1);
        prop_assert!(check_complete(&goal, &observed, &plan).is_err(), "{:#?}", plan);
    }

    /// A step that is left out.
    #[test]
    fn a_dropped_step_is_caught(goal in any_goal(), observed in any_observed(), at in 0usize..9) {
        let Some(mut plan) = applicable(&goal, &observed, 1) else { return Ok(()) };
        let dropped = plan.steps.remove(at % plan.steps.len());
        // Content that came through and a new title are not needed for the site to work.
        if dropped.resource == Resource::KvNamespace && dropped.action == Action::Update {
            return Ok(());
        }
        // What a script differs in beside its hashes is the planner's alone to find.
        if dropped.resource == Resource::Script && dropped.action == Action::Update && !dropped.reversible {
            return Ok(());
        }
        prop_assert!(check_complete(&goal, &observed, &plan).is_err(), "{:#?}\nwithout {:#?}", plan, dropped);
    }

    /// A step that is done to something else.
    #[test]
    fn a_foreign_id_is_caught(goal in any_goal(), observed in any_observed(), at in 0usize..9) {
        let Some(mut plan) = applicable(&goal, &observed, 1) else { return Ok(()) };
        let at = at % plan.steps.len();
        if plan.steps[at].id.is_none() {
            return Ok(());
        }
        let own = plan.steps[at].id.clone();
        let others = observed.routes.iter().map(|route| route.id.to_string());
        let others = others.chain(observed.namespaces.iter().map(|found| found.id.to_string()));
        for other in others.chain([route_id(77).to_string()]).filter(|id| Some(id) != own.as_ref()) {
            plan.steps[at].id = Some(other.clone());
            // Deleting another one of ours by mistake still leaves something undone.
            prop_assert!(check_complete(&goal, &observed, &plan).is_err(), "{} in {:#?}", other, plan);
        }
    }

    /// A step that deletes what is not ours.
    #[test]
    fn a_foreign_deletion_is_caught(goal in any_goal(), observed in any_observed()) {
        let Some(plan) = applicable(&goal, &observed, 0) else { return Ok(()) };
        let ours = domain::desired::script_name(goal.site());
        for route in observed.routes.iter().filter(|route| route.script.as_ref() != Some(&ours)) {
            let mut plan = plan.clone();
            plan.steps.push(Step {
                action: Action::Delete,
                resource: Resource::Route,
                name: route.pattern.clone(),
                id: Some(route.id.to_string()),
                before: None,
                after: None,
                reason: String::new(),
                reversible: true,
                route: None,
            });
            // Even when it was adopted a moment before.
            prop_assert!(check_complete(&goal, &observed, &plan).is_err(), "{:#?}", plan);
        }
    }

    /// A step that points a foreign route at our Worker without anybody's choice.
    #[test]
    fn an_unchosen_adoption_is_caught(goal in any_goal(), observed in any_observed()) {
        let mut goal = goal;
        let Some(plan) = applicable(&goal, &observed, 1) else { return Ok(()) };
        let Goal::Present(desired) = &mut goal else { return Ok(()) };
        let ours = domain::desired::script_name(desired.site);
        let is_adoption = |step: &Step| step.route.as_ref().is_some_and(|change| {
            change.to.as_ref() == Some(&ours) && change.from.as_ref() != Some(&ours)
        });
        if !plan.steps.iter().any(is_adoption) {
            return Ok(());
        }
        desired.choices.clear();
        prop_assert!(check_complete(&goal, &observed, &plan).is_err(), "{:#?}", plan);
    }
}
