//! The plan: goal + observation → ordered steps. A pure function of values to a value, so that a plan can be shown,
//! stored, compared and refused.
//!
//! The order is the safety. Building: namespace → content → script → routes, so that no host name ever meets a Worker
//! whose parts are missing. Taking out: routes → script → namespace, so that no host name ever points at a script that
//! is gone. What we did not make is never touched: it stands in the way as a [`Conflict`]. [`check`] verifies all of
//! this with code of its own.

pub mod check;
mod conflict;
mod difference;
mod foreign;
mod namespace;
mod outside;
mod ownership;
mod routes;
mod script;
mod settle;
mod undo;

pub use conflict::{Conflict, ConflictCode, WayOut};
pub use difference::{Difference, differences};
pub use foreign::OtherRoute;
pub use script::CHANGED as SCRIPT_CHANGED;
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
    /// The zone itself; never changed, but it can be in the way.
    Zone,
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
            Self::Zone => "zone",
        }
    }

    /// The words for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::KvNamespace => "KV namespace",
            Self::Content => "Content",
            Self::Script => "Worker",
            Self::Route => "Route",
            Self::Zone => "Zone",
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
    /// How an existing route is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteChange>,
}

/// The change of an existing route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteChange {
    /// The Worker that it runs; `None`: none.
    pub from: Option<String>,
    /// Whether it fails open, where the account tells.
    pub from_fail_open: Option<bool>,
    /// The Worker that it shall run; `None`: none.
    pub to: Option<String>,
    /// Whether it shall fail open.
    pub fail_open: bool,
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

impl Warning {
    fn new(code: &str, detail: String) -> Self {
        Self {
            code: code.to_owned(),
            detail,
        }
    }
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
    /// What somebody changed behind our back.
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// Foreign routes that match some of the site's requests, and who answers those.
    #[serde(default)]
    pub other_routes: Vec<OtherRoute>,
}

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    pub fn is_in_sync(&self) -> bool {
        self.steps.is_empty() && self.conflicts.is_empty()
    }
}

/// Computes the plan. Never fails: what cannot be done is a conflict.
pub fn plan(goal: &Goal, observed: &Observed) -> Plan {
    let observed = &Observed {
        recorded: settle(goal, observed),
        ..observed.clone()
    };
    let mut plan = Plan::default();
    match goal {
        Goal::Present(desired) => {
            if let Some(conflict) = conflict::zone_moved(desired, observed) {
                plan.conflicts.push(conflict);
                return plan;
            }
            plan.differences = differences(desired, observed);
            namespace::build(desired, observed, &mut plan);
            script::build(desired, observed, &mut plan);
            routes::build(desired, observed, &mut plan);
            foreign::build(desired, observed, &mut plan);
            zone_warnings(desired.zone_name.as_str(), observed, &mut plan);
        }
        Goal::Absent { site } => {
            routes::take_out(*site, observed, &mut plan);
            script::take_out(*site, observed, &mut plan);
            namespace::take_out(*site, observed, &mut plan);
        }
    }
    plan
}

fn zone_warnings(zone: &str, observed: &Observed, plan: &mut Plan) {
    let status = observed.zone.status.as_str();
    if status == "moved" {
        plan.warnings.push(Warning::new(
            "zone_not_active",
            format!(
                "The zone {zone} is moved: its domain does not use Cloudflare's name servers any more, so no traffic reaches the routes. Set the name servers at the registrar again."
            ),
        ));
    } else if status != "active" {
        plan.warnings.push(Warning::new(
            "zone_not_active",
            format!(
                "The zone {zone} is {status}: routes can be stored, but no traffic reaches them until it is active."
            ),
        ));
    }
    if observed.zone.paused {
        plan.warnings.push(Warning::new(
            "zone_paused",
            format!(
                "The zone {zone} is paused: Cloudflare only answers DNS for it and runs no Worker. Unpause it in the dashboard."
            ),
        ));
    }
}
