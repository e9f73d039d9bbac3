//! Several sites at once: their plans on one page, then their deployments as they go.

use crate::{
    console::{
        desk::{Desk, page},
        parts::{Mark, State, plural, span},
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::deployments::{
        self,
        edits::put_back_by,
        many::{Planned, look_for_edits, plan_many, site_ids, start_many},
    },
};
use askama::Template;
use axum::{
    body::Bytes,
    extract::RawQuery,
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{
    deployment::{DeploymentStatus, StepStatus},
    ids::{DeploymentId, SiteId},
    plan::Difference,
};
use std::{collections::HashSet, convert::Infallible, time::Duration};
use store::Deployment;
use url::form_urlencoded;

/// How often the stream looks by itself: other processes do not ring our bell.
const TICK: Duration = Duration::from_secs(1);

/// A line of silence so often keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The plans of several sites.
#[derive(Debug, Template)]
#[template(path = "pages/plans.html")]
pub(crate) struct PlansPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// One row per site.
    pub(crate) rows: Vec<PlanRow>,
    /// The sites that can be deployed, as the form sends them.
    pub(crate) ids: String,
    /// `3 sites`; those that were changed outside are among them.
    pub(crate) words: String,
    /// Whether any of them was changed outside.
    pub(crate) has_edits: bool,
}

/// One site and its plan.
#[derive(Debug, Clone)]
pub(crate) struct PlanRow {
    /// The site's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// What would be done, as a state.
    pub(crate) state: State,
    /// The steps in words.
    pub(crate) steps: Vec<String>,
    /// What deploying would put back over changes from outside; ticked, it may.
    pub(crate) edits: Vec<Difference>,
    /// Whether it can be deployed.
    pub(crate) can_deploy: bool,
    /// What is in the way, and what to know.
    pub(crate) notes: Vec<String>,
}

/// Several deployments as they go.
#[derive(Debug, Template)]
#[template(path = "pages/deployings.html")]
pub(crate) struct DeployingsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The part that changes.
    pub(crate) view: DeployingsView,
}

/// The part that is sent again after every change.
#[derive(Debug, Template)]
#[template(path = "parts/deployings_live.html")]
pub(crate) struct DeployingsView {
    /// The query that names the deployments.
    pub(crate) query: String,
    /// `2 of 5 done`.
    pub(crate) words: String,
    /// Whether any is not over.
    pub(crate) is_running: bool,
    /// One row per deployment.
    pub(crate) rows: Vec<DeployingRow>,
    /// Sites that were asked for too, and are not deployed: id and name.
    pub(crate) left: Vec<(String, String)>,
}

/// One of several deployments.
#[derive(Debug, Clone)]
pub(crate) struct DeployingRow {
    /// Its id.
    pub(crate) id: String,
    /// The site's name.
    pub(crate) name: String,
    /// Its state.
    pub(crate) state: State,
    /// Steps done, and how many there are.
    pub(crate) done: usize,
    /// Steps there are.
    pub(crate) all: usize,
    /// How long it took; empty while it runs.
    pub(crate) took: String,
    /// Why it failed.
    pub(crate) problem: Option<String>,
}

/// The values of a query's repeated field, and of one that lists them between commas.
fn values(query: &str, field: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == field)
        .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<String>>())
        .filter(|value| !value.is_empty())
        .collect()
}

/// The plans of the sites that were ticked.
pub(in crate::console) async fn plans(
    desk: Desk,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let chosen = values(&query.unwrap_or_default(), "site");
    let ids = site_ids(chosen.iter().map(String::as_str))?;
    let planned = plan_many(desk.app(), desk.ws(), &ids).await?;
    let rows: Vec<PlanRow> = planned.iter().map(plan_row).collect();
    let can: Vec<&str> = rows
        .iter()
        .filter(|row| row.can_deploy)
        .map(|row| row.id.as_str())
        .collect();
    Ok(page(&PlansPage {
        shell: desk.shell("sites"),
        words: plural(can.len() as u64, "site"),
        ids: can.join(","),
        has_edits: rows
            .iter()
            .any(|row| row.can_deploy && !row.edits.is_empty()),
        rows,
    }))
}

fn plan_row(planned: &Planned) -> PlanRow {
    let (state, steps, notes) = match &planned.plan {
        Err(problem) => (
            State::new("bad", Mark::Cross, "cannot be told"),
            Vec::new(),
            vec![problem.detail.clone()],
        ),
        Ok(plan) => {
            let state = if !plan.conflicts.is_empty() {
                State::new("bad", Mark::Cross, "conflict")
            } else if plan.steps.is_empty() {
                State::new("ok", Mark::Tick, "nothing to do")
            } else {
                State::new("warn", Mark::Half, "would change")
            };
            let steps = plan
                .steps
                .iter()
                .map(|step| format!("{} {}", super::step_title(step), step.name))
                .collect();
            let conflicts = plan.conflicts.iter().map(|one| one.detail.clone());
            let warnings = plan.warnings.iter().map(|one| one.detail.clone());
            (state, steps, conflicts.chain(warnings).collect())
        }
    };
    let plan = planned.plan.as_ref().ok();
    PlanRow {
        edits: plan
            .map(put_back_by)
            .unwrap_or_default()
            .iter()
            .map(|edit| super::shown(edit, planned.site.id))
            .collect(),
        can_deploy: plan.is_some_and(|plan| plan.conflicts.is_empty() && !plan.steps.is_empty()),
        id: planned.site.id.to_string(),
        name: planned.site.name.clone(),
        state,
        steps,
        notes,
    }
}

/// What the button below the plans sends: the sites, and of those that were changed outside the ticked ones.
#[derive(Debug)]
struct DeployForm {
    sites: Vec<SiteId>,
    overwrite: HashSet<SiteId>,
}

fn read_form(body: &str) -> Outcome<DeployForm> {
    let sites = values(body, "sites");
    let ticked = values(body, "overwrite");
    Ok(DeployForm {
        sites: site_ids(sites.iter().map(String::as_str))?,
        overwrite: ticked.iter().filter_map(|id| id.parse().ok()).collect(),
    })
}

/// Deploys them, and leads to the page that shows how they go. A site that was changed outside and not ticked stays as it
/// is; the accounts are looked at anew, since they may have been changed after the plans were shown.
pub(in crate::console) async fn deploy_many(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let form = read_form(&String::from_utf8_lossy(&body))?;
    let looked = look_for_edits(desk.app(), desk.ws(), &form.sites).await;
    let may = |site| form.overwrite.contains(&site);
    let asked = start_many(desk.app(), &desk.actor(), looked, desk.me.by(), may).await;
    let (mut begun, mut left, mut first_problem) = (Vec::new(), Vec::new(), None);
    for one in asked {
        match one.outcome {
            Ok(deployment) => begun.push(deployment.id.to_string()),
            Err(problem) => {
                left.push(one.site.to_string());
                first_problem.get_or_insert(problem);
            }
        }
    }
    if let (true, Some(problem)) = (begun.is_empty(), first_problem) {
        return Err(problem);
    }
    let mut to = format!("/sites/deploying?d={}", begun.join(","));
    if !left.is_empty() {
        to.push_str(&format!("&left={}", left.join(",")));
    }
    Ok(Redirect::to(&to).into_response())
}

/// The sites that were left as they are, by name.
async fn left_out(desk: &Desk, query: &str) -> Outcome<Vec<(String, String)>> {
    let mut left = Vec::new();
    for text in values(query, "left")
        .iter()
        .take(deployments::many::SITES_MAX)
    {
        let id = crate::console::desk::id::<SiteId>(text, "site")?;
        if let Some(site) = desk.app().store.site(desk.ws(), id).await? {
            left.push((site.id.to_string(), site.name));
        }
    }
    Ok(left)
}

async fn view(desk: &Desk, query: &str) -> Outcome<DeployingsView> {
    let mut rows = Vec::new();
    let ids = values(query, "d");
    for text in ids.iter().take(deployments::many::SITES_MAX) {
        let id = crate::console::desk::id::<DeploymentId>(text, "deployment")?;
        rows.push(row(&deployments::get(desk.app(), desk.ws(), id).await?));
    }
    let left = left_out(desk, query).await?;
    let left_query = match left.as_slice() {
        [] => String::new(),
        left => {
            let ids: Vec<&str> = left.iter().map(|(id, _)| id.as_str()).collect();
            format!("&left={}", ids.join(","))
        }
    };
    let over = rows.iter().filter(|(_, is_final)| *is_final).count();
    Ok(DeployingsView {
        query: format!("d={}", ids.join(",")) + &left_query,
        words: format!("{over} of {} done", rows.len()),
        is_running: over < rows.len(),
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        left,
    })
}

fn row(deployment: &Deployment) -> (DeployingRow, bool) {
    let done = deployment
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Done)
        .count();
    let problem = deployment
        .problem
        .as_ref()
        .filter(|_| deployment.status == DeploymentStatus::Failed)
        .and_then(|problem| problem["detail"].as_str())
        .map(str::to_owned);
    let row = DeployingRow {
        id: deployment.id.to_string(),
        name: deployment.site_name.clone(),
        state: deployment.status.into(),
        done,
        all: deployment.steps.len(),
        took: span(deployment.started_at, deployment.finished_at).unwrap_or_default(),
        problem,
    };
    (row, deployment.status.is_final())
}

/// How several deployments go.
pub(in crate::console) async fn deployings(
    desk: Desk,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let view = view(&desk, &query.unwrap_or_default()).await?;
    Ok(page(&DeployingsPage {
        shell: desk.shell("sites"),
        view,
    }))
}

/// The changing part, sent anew after every change until all are over.
pub(in crate::console) async fn deployings_live(
    desk: Desk,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    view(&desk, &query).await?;
    let stream = async_stream::stream! {
        // Before the first look, so that nothing falls in between.
        let mut changes = desk.app().signals.deployment_changes();
        while let Ok(view) = view(&desk, &query).await {
            if let Ok(html) = view.render() {
                yield Ok::<_, Infallible>(Event::default().data(html.replace('\r', "")));
            }
            if !view.is_running {
                yield Ok(Event::default().event("finished").data("finished"));
                break;
            }
            tokio::select! {
                _ = changes.recv() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    };
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

#[cfg(test)]
mod tests {
    #[test]
    fn repeated_and_listed_values_are_read() {
        assert_eq!(
            super::values("site=a&x=1&site=b%2Cc&site=", "site"),
            ["a", "b", "c"]
        );
        assert!(super::values("", "site").is_empty());
    }
}
