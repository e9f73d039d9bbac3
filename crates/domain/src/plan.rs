//! The plan: goal + observation → ordered steps. A pure function of values to a value, so that a plan can be shown,
//! stored, compared and refused.
//!
//! The order is the safety. Building: namespace → content → script → routes, so that no host name ever meets a Worker
//! whose parts are missing. Taking out: routes → script → namespace, so that no host name ever points at a script that
//! is gone. What we did not make is never touched: it stands in the way as a [`Conflict`]. [`check`] verifies all of
//! this with code of its own.

pub mod check;
mod namespace;
mod ownership;
mod routes;
mod script;
mod settle;
mod undo;

pub use settle::settle;
pub use undo::undo;

use crate::{desired::Goal, observed::Observed};
use serde::{Deserialize, Serialize};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes what is not there.
    Create,
    /// Changes what is ours.
    Update,
    /// Takes out what is ours.
    Delete,
}

/// The kind of thing a step changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// The KV namespace.
    KvNamespace,
    /// The published variants and their index, in the namespace.
    Content,
    /// The Worker.
    Script,
    /// A route of the zone.
    Route,
}

impl Action {
    /// The word in the API and on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Resource {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KvNamespace => "kv_namespace",
            Self::Content => "content",
            Self::Script => "script",
            Self::Route => "route",
        }
    }

    /// The words for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::KvNamespace => "KV namespace",
            Self::Content => "Content",
            Self::Script => "Worker",
            Self::Route => "Route",
        }
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// To what kind of thing.
    pub resource: Resource,
    /// To which one: its title, name or pattern.
    pub name: String,
    /// Cloudflare's id of the existing object that is changed or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How it is now, in words.
    pub before: Option<String>,
    /// How it will be, in words.
    pub after: Option<String>,
    /// Why the step exists.
    pub reason: String,
    /// Whether it can be taken back.
    pub reversible: bool,
}

/// Something foreign in the way: the plan is not applied while there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// What kind of thing is in the way.
    pub resource: Resource,
    /// Its name or pattern.
    pub name: String,
    /// Who holds it, for example a Worker's name.
    pub owner: String,
    /// What it means.
    pub detail: String,
    /// Ways out.
    pub remedies: Vec<String>,
}

/// Something the owner should know, though the plan can be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// A stable word for programs.
    pub code: String,
    /// What it is and what to do.
    pub detail: String,
}

/// The steps from what is observed to what is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// In the order in which they are applied; empty: in sync.
    pub steps: Vec<Step>,
    /// What stands in the way.
    pub conflicts: Vec<Conflict>,
    /// What to know.
    pub warnings: Vec<Warning>,
}

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    pub fn is_in_sync(&self) -> bool {
        self.steps.is_empty() && self.conflicts.is_empty()
    }
}

/// Computes the plan. Never fails: what cannot be done is a conflict.
pub fn plan(goal: &Goal, observed: &Observed) -> Plan {
    match goal {
        Goal::Present(desired) => {
            let mut plan = Plan::default();
            namespace::build(desired, observed, &mut plan);
            script::build(desired, observed, &mut plan);
            routes::build(desired, observed, &mut plan);
            zone_warnings(desired.zone_name.as_str(), observed, &mut plan);
            plan
        }
        Goal::Absent { site } => {
            let mut plan = Plan::default();
            routes::take_out(*site, observed, &mut plan);
            script::take_out(*site, observed, &mut plan);
            namespace::take_out(*site, observed, &mut plan);
            plan
        }
    }
}

fn zone_warnings(zone: &str, observed: &Observed, plan: &mut Plan) {
    if observed.zone.status != "active" {
        plan.warnings.push(Warning {
            code: "zone_not_active".to_owned(),
            detail: format!(
                "The zone {zone} is {}: routes can be stored, but no traffic reaches them until it is active.",
                observed.zone.status
            ),
        });
    }
    if observed.zone.paused {
        plan.warnings.push(Warning {
            code: "zone_paused".to_owned(),
            detail: format!(
                "The zone {zone} is paused: Cloudflare only answers DNS for it and runs no Worker. Unpause it in the dashboard."
            ),
        });
    }
}
