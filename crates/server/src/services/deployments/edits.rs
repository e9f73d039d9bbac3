//! Edits from outside that a deployment puts back: named before it begins and after it ended, and not touched where
//! somebody asks for that.

use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    reconcile::outlook::warnings_of,
    services::sites,
    words::plural,
};
use domain::{
    deployment::{DeploymentStatus, SiteStatus, StepStatus},
    ids::{SiteId, WorkspaceId},
    observed::Recorded,
    plan::{Action, Difference, Plan, Resource, Warning},
};
use store::{Deployment, Site};

/// The code of the warning that names an edit that is put back.
pub(crate) const EDIT_PUT_BACK: &str = "edit_put_back";

/// As many edits are named in one problem.
const NAMED_MAX: usize = 5;

/// What applying the plan puts back.
pub(crate) fn put_back_by(plan: &Plan) -> Vec<Difference> {
    plan.differences
        .iter()
        .filter(|found| found.repaired)
        .cloned()
        .collect()
}

/// What deploying the site now would put back, from a look at the account. A site of which nothing was made has nothing to
/// put back, and one that is being deployed is in the middle of it.
///
/// # Errors
///
/// When it cannot be told, as the account cannot be read.
pub(super) async fn edits_of(app: &App, ws: WorkspaceId, site: &Site) -> Outcome<Vec<Difference>> {
    if site.recorded == Recorded::default() || site.status == SiteStatus::Deploying {
        return Ok(Vec::new());
    }
    let (plan, _) = super::plan(app, ws, site).await?;
    Ok(put_back_by(&plan))
}

/// Refuses when deploying the site would put edits back, or when that cannot be told.
pub(crate) async fn refuse_edits(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
    let site = sites::get(app, ws, site).await?;
    let edits = edits_of(app, ws, &site).await?;
    if edits.is_empty() {
        return Ok(());
    }
    Err(refusal(&site.name, &edits))
}

/// One edit in words, three ways: what it is of, what is there, what was deployed last, and what is wanted now.
pub(crate) fn in_words(edit: &Difference) -> String {
    told(edit, "there is")
}

fn told(edit: &Difference, there: &str) -> String {
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut words = format!(
        "{} {}, {}: {there} {}, last deployed was {}",
        edit.resource.title(),
        edit.name,
        edit.what,
        or_nothing(&edit.theirs),
        or_nothing(&edit.last_applied),
    );
    if edit.ours != edit.last_applied {
        words.push_str(&format!(", wanted now is {}", or_nothing(&edit.ours)));
    }
    if let Some(by) = &edit.by {
        words.push_str(&format!(" (changed with {by})"));
    }
    words
}

/// Why a site is not deployed: edits from outside would be overwritten, and nobody said that they may be.
pub(crate) fn refusal(site: &str, edits: &[Difference]) -> Problem {
    let mut problem = Problem::new(
        Code::EditsOutside,
        format!(
            "{site} was changed outside Edge Delivery. Deploying would put that back, and it was not said that it may."
        ),
    );
    for edit in edits.iter().take(NAMED_MAX) {
        problem = problem.cause(format!("{}.", in_words(edit)));
    }
    if edits.len() > NAMED_MAX {
        problem = problem.cause(format!(
            "{} more; the plan has them all.",
            edits.len() - NAMED_MAX
        ));
    }
    problem
        .remedy("Keep what you need of those changes: nowhere else are they kept.")
        .remedy("Then deploy with a yes to that: the tick on the page of plans, `overwriteEdits: true`, or `--overwrite-edits`.")
}

/// What there is to know of a deployment: what it puts back, and what was seen at its end.
pub(crate) fn told_of(deployment: &Deployment) -> Vec<Warning> {
    let mut told = put_back_warnings(deployment);
    told.extend(warnings_of(deployment));
    told
}

/// What a deployment changed, or is going to, in a few words: `create KV namespace, content, Worker, 2 routes`.
pub(crate) fn changes_of(deployment: &Deployment) -> String {
    let mut counted: Vec<((Action, Resource), u64)> = Vec::new();
    for step in &deployment.steps {
        let key = (step.step.action, step.step.resource);
        match counted.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => counted.push((key, 1)),
        }
    }
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for ((action, resource), count) in counted {
        let noun = match resource {
            Resource::Route => "route",
            Resource::Content => "content",
            other => other.title(),
        };
        let noun = match count {
            1 => noun.to_owned(),
            _ => plural(count, noun),
        };
        words.push(if last == Some(action) {
            noun
        } else {
            format!("{} {noun}", action.as_str())
        });
        last = Some(action);
    }
    match (words.is_empty(), deployment.status.is_final()) {
        (true, true) if deployment.problem.is_some() => "nothing: it did not begin".to_owned(),
        (true, true) => "nothing to do".to_owned(),
        (true, false) => "not planned yet".to_owned(),
        _ => words.join(", "),
    }
}

/// Of a deployment that is over, what its finished steps put back; before that, what its plan is going to.
fn put_back_warnings(deployment: &Deployment) -> Vec<Warning> {
    let Some(plan) = &deployment.plan else {
        return Vec::new();
    };
    let is_live = deployment.status == DeploymentStatus::Live;
    let is_done = |edit: &Difference| {
        deployment
            .steps
            .iter()
            .any(|step| step.step.resource == edit.resource && step.status == StepStatus::Done)
    };
    put_back_by(plan)
        .iter()
        .filter(|edit| !deployment.status.is_final() || is_live || is_done(edit))
        .map(|edit| {
            let detail = if deployment.status.is_final() {
                format!(
                    "Put back over a change from outside. {}.",
                    told(edit, "there was")
                )
            } else {
                format!(
                    "Puts back over a change from outside. {}.",
                    told(edit, "there is")
                )
            };
            Warning {
                code: EDIT_PUT_BACK.to_owned(),
                detail,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(ours: &str, repaired: bool) -> Difference {
        Difference {
            resource: Resource::Script,
            name: "edge-delivery-1".to_owned(),
            what: "script text".to_owned(),
            ours: Some(ours.to_owned()),
            theirs: Some("script cccc".to_owned()),
            last_applied: Some("script aaaa".to_owned()),
            by: Some("dash".to_owned()),
            repaired,
        }
    }

    #[test]
    fn an_edit_is_told_three_ways_where_they_differ() {
        assert_eq!(
            in_words(&edit("script aaaa", true)),
            "Worker edge-delivery-1, script text: there is script cccc, last deployed was script aaaa (changed with dash)"
        );
        assert!(
            in_words(&edit("script bbbb", true)).contains(", wanted now is script bbbb (changed")
        );
    }

    #[test]
    fn what_is_left_alone_is_not_put_back() {
        let plan = Plan {
            differences: vec![edit("script aaaa", true), edit("script aaaa", false)],
            ..Plan::default()
        };
        assert_eq!(put_back_by(&plan).len(), 1);
    }

    #[test]
    fn a_refusal_names_every_edit_or_how_many_more() {
        let edits = vec![edit("script aaaa", true); 7];
        let problem = refusal("shop", &edits);
        assert_eq!(problem.causes.len(), NAMED_MAX + 1);
        assert!(problem.causes[NAMED_MAX].starts_with("2 more"));
    }
}
