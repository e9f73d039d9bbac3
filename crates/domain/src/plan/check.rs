//! Verifies a plan with code of its own: a defect in the planner must not reach an account.

use super::{Action, Plan, Resource};
use crate::{
    desired::{Goal, namespace_title, script_name, site_tag},
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
    let site = goal.site();
    let (script, title) = (script_name(site), namespace_title(site));
    let recorded = &observed.recorded;
    let may_touch_script = observed.script.as_ref().is_some_and(|found| {
        recorded.script_intended
            || found.tags.iter().any(|tag| *tag == site_tag(site))
            || (found.etag.is_some() && found.etag == recorded.script_etag)
    });
    let may_touch_namespace = |id: Option<&str>| {
        observed.namespaces.iter().any(|namespace| {
            let is_bound = may_touch_script
                && observed
                    .script
                    .as_ref()
                    .is_some_and(|found| found.namespace.as_ref() == Some(&namespace.id));
            Some(namespace.id.as_str()) == id
                && (recorded.namespace.as_ref() == Some(&namespace.id)
                    || (namespace.title == title && (recorded.namespace_intended || is_bound)))
        })
    };
    for step in &plan.steps {
        let is_allowed = match (step.resource, step.action) {
            (Resource::Route, Action::Create) => !observed
                .routes
                .iter()
                .any(|route| route.pattern.eq_ignore_ascii_case(&step.name)),
            (Resource::Route, _) => observed.routes.iter().any(|route| {
                Some(route.id.as_str()) == step.id.as_deref()
                    && route.script.as_ref() == Some(&script)
            }),
            (Resource::Script, Action::Create) => step.name == script && observed.script.is_none(),
            (Resource::Script, _) => step.name == script && may_touch_script,
            (Resource::KvNamespace, Action::Create) => step.name == title,
            (Resource::Content, _) => step.name == title,
            (Resource::KvNamespace, _) => may_touch_namespace(step.id.as_deref()),
        };
        if !is_allowed {
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
