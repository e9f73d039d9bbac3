//! Verifies a plan with code of its own: a defect in the planner must not reach an account.
//!
//! The plan is played, step by step, on a copy of the observation (`world`). After every step the promises must hold,
//! because a process may be killed there.

mod world;

use super::{Action, Plan, Resource};
use crate::{
    desired::{Goal, hash_tag},
    observed::Observed,
    route_pattern::is_same_pattern,
};
use world::World;

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
    /// A step deletes or changes something that is not there, or makes it a second time.
    #[error("{0} is not as the step says")]
    Unfounded(String),
    /// A route of ours would point at a script that is gone, or a script would run without its namespace.
    #[error("{0} would run without what it needs")]
    Dangling(String),
    /// What the site's Worker covers now and shall cover afterwards would not be covered in between.
    #[error("{0} would be without its Worker in between")]
    Uncovered(String),
    /// After the last step something would still be missing, or be left over.
    #[error("{0} is not brought about")]
    Incomplete(String),
}

/// Checks the promises of safety: build order, removal order, nothing foreign touched, adopted routes given back and
/// not deleted, no route without its script, no host name without its Worker halfway.
pub fn check(goal: &Goal, observed: &Observed, plan: &Plan) -> Result<(), Violation> {
    play(goal, observed, plan).map(|_| ())
}

/// The same, and that the plan leads all the way to the goal, unless something stands in the way. A plan that only
/// takes one deployment back has no such goal.
pub fn check_complete(goal: &Goal, observed: &Observed, plan: &Plan) -> Result<(), Violation> {
    let world = play(goal, observed, plan)?;
    if plan.conflicts.is_empty() {
        complete(goal, observed, &world)
    } else {
        Ok(())
    }
}

fn play<'a>(goal: &'a Goal, observed: &'a Observed, plan: &Plan) -> Result<World<'a>, Violation> {
    order(plan)?;
    let mut world = World::new(goal, observed);
    let covered = covered(goal, &world);
    for step in &plan.steps {
        match world.step(step) {
            // What stands in the way is not made, so what needs it cannot be either; such a plan is not applied.
            Err(Violation::Dangling(_)) if !plan.conflicts.is_empty() => continue,
            played => played?,
        }
        if plan.conflicts.is_empty()
            && let Some(pattern) = covered.iter().find(|pattern| !world.covers(pattern))
        {
            return Err(Violation::Uncovered(pattern.clone()));
        }
    }
    Ok(world)
}

/// What is covered before and shall be covered afterwards.
fn covered(goal: &Goal, world: &World<'_>) -> Vec<String> {
    let Goal::Present(desired) = goal else {
        return Vec::new();
    };
    let patterns = desired.routes().into_iter().map(|route| route.pattern);
    patterns.filter(|pattern| world.covers(pattern)).collect()
}

const fn rank(resource: Resource) -> u8 {
    match resource {
        Resource::KvNamespace => 0,
        Resource::Content => 1,
        Resource::Script => 2,
        Resource::Route => 3,
        Resource::Zone => 4,
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

fn complete(goal: &Goal, observed: &Observed, world: &World<'_>) -> Result<(), Violation> {
    let missing = |what: &str| Err(Violation::Incomplete(what.to_owned()));
    match goal {
        Goal::Present(desired) => {
            if observed
                .zone
                .account
                .as_ref()
                .is_some_and(|account| account.id != desired.account)
            {
                return missing("the zone in its account");
            }
            if !world.is_loaded() {
                return missing("the content");
            }
            if !world.was_uploaded && !is_current(&desired.script_hash, observed, world) {
                return missing("the script");
            }
            let wanted = desired.routes();
            for route in &wanted {
                if !world.runs(&route.pattern) {
                    return missing(&route.pattern);
                }
            }
            let left = world.own_routes().find(|left| {
                !wanted
                    .iter()
                    .any(|route| is_same_pattern(&route.pattern, left))
                    && world.is_recorded(left)
            });
            left.map_or(Ok(()), missing)
        }
        Goal::Absent { .. } => {
            if world.has_own_script() {
                return missing("the removal of the script");
            }
            if world.has_namespace() {
                return missing("the removal of the namespace");
            }
            match world.own_routes().next() {
                Some(pattern) => missing(pattern),
                None => Ok(()),
            }
        }
    }
}

/// Whether the script that stands there needs no upload.
fn is_current(hash: &str, observed: &Observed, world: &World<'_>) -> bool {
    let Some(script) = &observed.script else {
        return false;
    };
    let recorded = &observed.recorded;
    let was_lost = recorded.upload.as_ref().is_some_and(|upload| {
        script.tags.contains(&hash_tag(&upload.hash)) && upload.before != Some(script.mark())
    });
    // Records of a program that knew intents and no uploads: what bears our mark then is the upload that was meant.
    let was_meant =
        recorded.script_intended && recorded.upload.is_none() && recorded.applied.is_none();
    let is_edited = !was_lost
        && !was_meant
        && recorded
            .applied
            .as_ref()
            .is_none_or(|applied| script.tags.contains(&hash_tag(&applied.hash)))
        && recorded.script_etag.is_some()
        && script.etag.is_some()
        && script.etag != recorded.script_etag;
    script.tags.contains(&hash_tag(hash)) && !is_edited && world.is_bound(script)
}
