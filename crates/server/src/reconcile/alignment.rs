//! Which stored steps of a deployment the newest plan still asks for.
//!
//! A deployment keeps the steps that it began with, so that people see what was done; every new look at the account
//! gives a new plan. The two are brought together here, by values alone.

use domain::{
    deployment::StepStatus,
    plan::{Action, Plan, Step},
};
use store::DeploymentStep;

/// The outcome of the comparison.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Alignment {
    /// Stored steps to be applied, each as the newest plan has it, in the plan's order.
    pub(super) todo: Vec<(u32, Step)>,
    /// Stored steps that were not known to be done, and that the account shows to be done.
    pub(super) found_done: Vec<u32>,
    /// The newest plan asks for a step that is not stored: the steps are to be stored anew.
    pub(super) has_new: bool,
}

/// Whether two steps bring about the same state of the same thing. Making and changing do.
fn is_same(one: &Step, other: &Step) -> bool {
    one.resource == other.resource
        && (one.action == Action::Delete) == (other.action == Action::Delete)
        && one.name.eq_ignore_ascii_case(&other.name)
}

/// Compares. A step that was done and is asked for again (what it made is gone, or is not shown yet) is done again.
pub(super) fn align(stored: &[DeploymentStep], plan: &Plan) -> Alignment {
    let mut alignment = Alignment::default();
    let (mut done, mut open): (Vec<&DeploymentStep>, Vec<_>) = stored
        .iter()
        .partition(|step| step.status == StepStatus::Done);
    for step in &plan.steps {
        let of = |known: &mut Vec<&DeploymentStep>| {
            let position = known.iter().position(|known| is_same(&known.step, step))?;
            Some(known.remove(position).index)
        };
        match of(&mut open).or_else(|| of(&mut done)) {
            Some(index) => alignment.todo.push((index, step.clone())),
            None => alignment.has_new = true,
        }
    }
    alignment.found_done = open.iter().map(|step| step.index).collect();
    alignment
}

/// The steps to store when the newest plan has new ones: what is done, then what is to do.
pub(super) fn merged(stored: &[DeploymentStep], plan: &Plan) -> (usize, Plan) {
    let mut steps: Vec<Step> = stored
        .iter()
        .filter(|step| step.status == StepStatus::Done)
        .map(|step| step.step.clone())
        .collect();
    let done = steps.len();
    steps.extend(plan.steps.iter().cloned());
    (
        done,
        Plan {
            steps,
            ..plan.clone()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::plan::Resource;

    fn step(action: Action, resource: Resource, name: &str) -> Step {
        Step {
            action,
            resource,
            name: name.to_owned(),
            id: None,
            before: None,
            after: None,
            reason: String::new(),
            reversible: true,
            route: None,
        }
    }

    fn stored(steps: &[(StepStatus, Step)]) -> Vec<DeploymentStep> {
        (0u32..)
            .zip(steps)
            .map(|(index, (status, step))| DeploymentStep {
                index,
                step: step.clone(),
                status: *status,
                started_at: None,
                finished_at: None,
                problem: None,
                note: None,
            })
            .collect()
    }

    #[test]
    fn a_lost_answer_is_found_done() {
        let namespace = step(Action::Create, Resource::KvNamespace, "n");
        let script = step(Action::Create, Resource::Script, "s");
        let known = stored(&[
            (StepStatus::Running, namespace),
            (StepStatus::Waiting, script),
        ]);
        let plan = Plan {
            steps: vec![step(Action::Update, Resource::Script, "s")],
            ..Plan::default()
        };
        let alignment = align(&known, &plan);
        assert_eq!(alignment.found_done, [0]);
        assert_eq!(alignment.todo, [(1, plan.steps[0].clone())]);
        assert!(!alignment.has_new);
    }

    #[test]
    fn something_vanished_meanwhile() {
        let namespace = step(Action::Create, Resource::KvNamespace, "n");
        let known = stored(&[(StepStatus::Done, namespace.clone())]);
        let mut plan = Plan {
            steps: vec![namespace.clone()],
            ..Plan::default()
        };
        assert_eq!(align(&known, &plan).todo, [(0, namespace)]);
        plan.steps
            .push(step(Action::Delete, Resource::Route, "shop.example/*"));
        assert!(align(&known, &plan).has_new);
        let (done, merged) = merged(&known, &plan);
        assert_eq!((done, merged.steps.len()), (1, 3));
    }
}
