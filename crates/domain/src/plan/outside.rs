//! What of a plan somebody else brought about, and what of it is the owner's own wish that no deployment has carried out
//! yet. Only the first is drift.

use super::{Conflict, ConflictCode, Difference, Plan, Resource, Step};
use crate::route_pattern::is_same_pattern;

impl Plan {
    /// Whether somebody changed the account so that a deployment would put something back, or cannot.
    pub fn is_drifted(&self) -> bool {
        self.repaired().next().is_some() || self.outside_conflicts().next().is_some()
    }

    /// The steps that put back what somebody changed.
    pub fn repairs(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| self.is_repair(step))
    }

    /// The conflicts that somebody brought about by changing what we had made.
    pub fn outside_conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.iter().filter(|conflict| {
            matches!(
                conflict.code,
                ConflictCode::Repointed | ConflictCode::ReplacedScript | ConflictCode::ZoneMoved
            ) || self.is_about(conflict.resource, &conflict.name)
        })
    }

    fn repaired(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|found| found.repaired)
    }

    fn is_repair(&self, step: &Step) -> bool {
        match step.resource {
            // A namespace that is made anew is filled anew.
            Resource::Content => self
                .repaired()
                .any(|found| found.resource == Resource::KvNamespace),
            resource => self.is_about(resource, &step.name),
        }
    }

    fn is_about(&self, resource: Resource, name: &str) -> bool {
        self.repaired().any(|found| {
            found.resource == resource
                && match resource {
                    Resource::Route => is_same_pattern(&found.name, name),
                    _ => found.name == name,
                }
        })
    }
}
