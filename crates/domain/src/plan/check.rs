//! Verifies a plan with code of its own: a defect in the planner must not reach an account.

use super::{Action, Plan, Resource};
use crate::{
    desired::{Goal, script_name},
    observed::Observed,
};

/// A broken promise of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A step comes before one that it needs.
    #[error("step {later:?} comes after step {earlier:?}")]
    Order {
        /// What must come later.
        earlier: Resource,
        /// What must come earlier.
        later: Resource,
    },
    /// A step deletes or changes what we did not make.
    #[error("{0} is not ours")]
    Foreign(String),
    /// A removal would leave a route of ours pointing at a script that is gone.
    #[error("the route {0} would point at a script that is gone")]
    Dangling(String),
}

/// Checks the promises: build order, removal order, nothing foreign touched, no route without its script.
pub fn check(goal: &Goal, observed: &Observed, plan: &Plan) -> Result<(), Violation> {
    order(plan)?;
    ownership(goal, observed, plan)?;
    no_dangling_route(goal, observed, plan)
}

const fn rank(resource: Resource) -> u8 {
    match resource {
        Resource::KvNamespace => 0,
        Resource::Content => 1,
        Resource::Script => 2,
        Resource::Route => 3,
    }
}

fn order(plan: &Plan) -> Result<(), Violation> {
    let ranks = |deleting: bool| {
        plan.steps
            .iter()
            .filter(move |step| (step.action == Action::Delete) == deleting)
            .map(|step| step.resource)
            .collect::<Vec<_>>()
    };
    for pair in ranks(false).windows(2) {
        if rank(pair[0]) > rank(pair[1]) {
            return Err(Violation::Order {
                earlier: pair[0],
                later: pair[1],
            });
        }
    }
    for pair in ranks(true).windows(2) {
        if rank(pair[0]) < rank(pair[1]) {
            return Err(Violation::Order {
                earlier: pair[0],
                later: pair[1],
            });
        }
    }
    Ok(())
}

fn ownership(goal: &Goal, observed: &Observed, plan: &Plan) -> Result<(), Violation> {
    let script = script_name(goal.site());
    for step in &plan.steps {
        let is_ours = match (step.resource, step.action) {
            (Resource::Route, Action::Create) => !observed
                .routes
                .iter()
                .any(|route| route.pattern == step.name),
            (Resource::Route, _) => observed.routes.iter().any(|route| {
                Some(route.id.as_str()) == step.id.as_deref()
                    && route.script.as_ref() == Some(&script)
            }),
            (Resource::Script, _) => step.name == script,
            (Resource::KvNamespace, Action::Create) | (Resource::Content, _) => true,
            (Resource::KvNamespace, _) => observed
                .namespaces
                .iter()
                .any(|namespace| Some(namespace.id.as_str()) == step.id.as_deref()),
        };
        if !is_ours {
            return Err(Violation::Foreign(step.name.clone()));
        }
    }
    Ok(())
}

fn no_dangling_route(goal: &Goal, observed: &Observed, plan: &Plan) -> Result<(), Violation> {
    let script = script_name(goal.site());
    let Some(script_deleted_at) = plan
        .steps
        .iter()
        .position(|step| step.resource == Resource::Script && step.action == Action::Delete)
    else {
        return Ok(());
    };
    for route in observed
        .routes
        .iter()
        .filter(|route| route.script.as_ref() == Some(&script))
    {
        let is_deleted_before = plan.steps[..script_deleted_at].iter().any(|step| {
            step.action == Action::Delete && step.id.as_deref() == Some(route.id.as_str())
        });
        if !is_deleted_before {
            return Err(Violation::Dangling(route.pattern.clone()));
        }
    }
    Ok(())
}
