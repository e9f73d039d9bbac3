//! The plan of a site, and one deployment as it happens.

use super::{
    activity::ActivityRow,
    parts::{Mark, ProblemPanel, State, Wait, When},
    shell::Shell,
    sites::SiteHead,
};
use crate::services::{deployments::Config, receipt};
use askama::Template;
use domain::{
    desired::script_name,
    ids::SiteId,
    plan::{Action, Difference, OtherRoute, Resource, Step, Warning},
};

mod change;
mod conflict;
mod live;
mod many;
mod plan;
mod proof;
mod show;

pub(super) use change::{cancel, continue_, deploy, rollback, undo};
pub(crate) use conflict::ConflictPanel;
#[cfg(test)]
pub(crate) use conflict::Way;
pub(super) use conflict::{choose, lines};
pub(super) use live::live;
#[cfg(test)]
pub(crate) use many::{DeployingRow, DeployingsPage, DeployingsView, PlanRow, PlansPage};
pub(super) use many::{deploy_many, deployings, deployings_live, plans};
pub(super) use plan::plan;
#[cfg(test)]
pub(crate) use proof::ProofRow;
pub(crate) use proof::ProofView;
pub(super) use show::{receipt_file, show};

/// A step in words: `Create route`.
pub(crate) fn step_title(step: &Step) -> String {
    if step.resource == Resource::Content {
        return "Write content".to_owned();
    }
    let verb = match step.action {
        Action::Create if step.resource == Resource::Script => "Upload",
        Action::Create => "Create",
        Action::Update => "Update",
        Action::Delete => "Delete",
    };
    let thing = match step.resource {
        Resource::Route => "route",
        other => other.title(),
    };
    format!("{verb} {thing}")
}

/// A site's plan and its deployments.
#[derive(Debug, Template)]
#[template(path = "pages/plan.html")]
pub(crate) struct PlanPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// What stands in the way.
    pub(crate) conflicts: Vec<ConflictPanel>,
    /// The steps.
    pub(crate) steps: Vec<PlanStep>,
    /// `5 steps`.
    pub(crate) steps_words: String,
    /// What to know.
    pub(crate) warnings: Vec<Warning>,
    /// What somebody changed behind our back, by thing.
    pub(crate) drift: Vec<DriftedThing>,
    /// Whether deploying puts some of that back.
    pub(crate) is_repair: bool,
    /// Foreign routes that match some of the site's requests.
    pub(crate) other_routes: Vec<OtherRoute>,
    /// Why a choice was not taken.
    pub(crate) refused: Option<ProblemPanel>,
    /// The deployments so far.
    pub(crate) deployments: Vec<ActivityRow>,
    /// Why there is no plan.
    pub(crate) problem: Option<ProblemPanel>,
}

/// One thing that somebody changed, with each of its differences.
#[derive(Debug, Clone)]
pub(crate) struct DriftedThing {
    /// `Worker`.
    pub(crate) kind: &'static str,
    /// Its title, name or pattern.
    pub(crate) name: String,
    /// What differs of it.
    pub(crate) differences: Vec<Difference>,
}

/// A difference as it is shown: our own Worker is called so, where its long name is a value.
pub(crate) fn shown(found: &Difference, site: SiteId) -> Difference {
    let name = script_name(site);
    let short = |value: &Option<String>| {
        value.as_ref().map(|value| {
            if *value == name {
                "this site’s Worker".to_owned()
            } else {
                value.clone()
            }
        })
    };
    Difference {
        ours: short(&found.ours),
        theirs: short(&found.theirs),
        last_applied: short(&found.last_applied),
        ..found.clone()
    }
}

/// Differences by thing, so that a long name stands there once.
pub(crate) fn drift_rows(differences: &[Difference], site: SiteId) -> Vec<DriftedThing> {
    let mut things: Vec<DriftedThing> = Vec::new();
    for found in differences {
        let found = shown(found, site);
        let kind = found.resource.title();
        let known = things
            .iter_mut()
            .find(|thing| thing.kind == kind && thing.name == found.name);
        match known {
            Some(thing) => thing.differences.push(found),
            None => things.push(DriftedThing {
                kind,
                name: found.name.clone(),
                differences: vec![found],
            }),
        }
    }
    things
}

/// A step before it is done.
#[derive(Debug, Clone)]
pub(crate) struct PlanStep {
    /// `Create route`.
    pub(crate) title: String,
    /// Of which thing.
    pub(crate) name: String,
    /// How it is.
    pub(crate) before: String,
    /// How it will be.
    pub(crate) after: String,
    /// Why.
    pub(crate) reason: String,
    /// Whether it can be taken back.
    pub(crate) reversible: bool,
}

/// One deployment.
#[derive(Debug, Template)]
#[template(path = "pages/deployment.html")]
pub(crate) struct DeploymentPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// What changes while it runs.
    pub(crate) view: DeploymentView,
}

/// The part of a deployment's page that is sent again after every event.
#[derive(Debug, Template)]
#[template(path = "parts/deployment_live.html")]
pub(crate) struct DeploymentView {
    /// Its id.
    pub(crate) id: String,
    /// `Deploy shop.example`.
    pub(crate) title: String,
    /// The site's name.
    pub(crate) site_name: String,
    /// The site's address, while it exists.
    pub(crate) site_link: Option<String>,
    /// Its state.
    pub(crate) state: State,
    /// `3 of 5 steps, 14 calls`.
    pub(crate) progress: String,
    /// How long it took.
    pub(crate) took: Option<String>,
    /// When it was asked for.
    pub(crate) begun: When,
    /// By whom.
    pub(crate) by: String,
    /// Queued or running.
    pub(crate) is_running: bool,
    /// Asked to stop.
    pub(crate) is_stopping: bool,
    /// Whether it can be begun again.
    pub(crate) can_continue: bool,
    /// Whether it can be taken back.
    pub(crate) can_undo: bool,
    /// Whether its Worker can be brought back.
    pub(crate) can_roll_back: bool,
    /// Whether it ended with the site live.
    pub(crate) is_live: bool,
    /// Whether the site has a published variant.
    pub(crate) has_variants: bool,
    /// What it came to, as a title and a sentence.
    pub(crate) finding: Option<(String, String)>,
    /// Until when it waits, because Cloudflare asks to.
    pub(crate) waiting: Option<Wait>,
    /// Where it stopped, and what is in place.
    pub(crate) standstill: Option<Standstill>,
    /// Why it failed.
    pub(crate) problem: Option<ProblemPanel>,
    /// What people, search engines and agents got before and after.
    pub(crate) proof: Option<ProofView>,
    /// Until when Cloudflare asked to wait, so that it makes no sense to go on before.
    pub(crate) continue_after: Option<Wait>,
    /// That it was taken back, or is being.
    pub(crate) undone: Option<UndonePanel>,
    /// What came of published revisions that it brought back.
    pub(crate) restored: Option<String>,
    /// The configuration that it brought.
    pub(crate) config: Option<Config>,
    /// What is in the account afterwards because of the site.
    pub(crate) receipt: Vec<receipt::Item>,
    /// The steps.
    pub(crate) steps: Vec<StepRow>,
    /// The plan's warnings.
    pub(crate) warnings: Vec<String>,
}

/// A deployment that was taken back, or is being.
#[derive(Debug, Clone)]
pub(crate) struct UndonePanel {
    /// The deployment that does it.
    pub(crate) by: Option<String>,
    /// Whether that is over.
    pub(crate) is_over: bool,
    /// Whether people or agents did not get what they got before.
    pub(crate) has_failed_proof: bool,
    /// Whether it had failed at all.
    pub(crate) has_failed: bool,
    /// Why.
    pub(crate) causes: Vec<String>,
}

/// A deployment that stopped before its end.
#[derive(Debug, Clone)]
pub(crate) struct Standstill {
    /// Where.
    pub(crate) title: String,
    /// What is in the account because of the site: the kind and the name.
    pub(crate) in_place: Vec<(&'static str, String)>,
    /// What is left to do.
    pub(crate) left: Vec<String>,
    /// Whether it can be taken back.
    pub(crate) can_undo: bool,
}

/// A step, with how far it is.
#[derive(Debug, Clone)]
pub(crate) struct StepRow {
    /// Its state.
    pub(crate) state: State,
    /// Whether it has not begun.
    pub(crate) is_waiting: bool,
    /// `Create route`.
    pub(crate) title: String,
    /// Of which thing.
    pub(crate) name: String,
    /// What it brought, or why it is there.
    pub(crate) words: String,
    /// How long it took, or its state.
    pub(crate) took: String,
    /// Why it failed.
    pub(crate) problem: Option<ProblemPanel>,
}
