//! Several sites at once: their plans on one page, then their deployments as they go.

use crate::{
    console::{
        desk::{Desk, page},
        form::Form,
        parts::{Mark, State, plural, span},
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::deployments::{
        self,
        many::{Planned, plan_many, site_ids, start_many},
    },
};
use askama::Template;
use axum::{
    extract::RawQuery,
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{
    deployment::{DeploymentStatus, StepStatus},
    ids::DeploymentId,
};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
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
    /// `3 sites`.
    pub(crate) words: String,
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
    let can: Vec<String> = planned
        .iter()
        .filter(|one| matches!(&one.plan, Ok(plan) if plan.conflicts.is_empty() && !plan.steps.is_empty()))
        .map(|one| one.site.id.to_string())
        .collect();
    Ok(page(&PlansPage {
        shell: desk.shell("sites"),
        rows: planned.iter().map(plan_row).collect(),
        words: plural(can.len() as u64, "site"),
        ids: can.join(","),
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
    PlanRow {
        id: planned.site.id.to_string(),
        name: planned.site.name.clone(),
        state,
        steps,
        notes,
    }
}

/// What the button below the plans sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct DeployForm {
    sites: String,
}

/// Deploys them, and leads to the page that shows how they go.
pub(in crate::console) async fn deploy_many(
    desk: Desk,
    Form(form): Form<DeployForm>,
) -> Result<Response, Problem> {
    let ids = site_ids(form.sites.split(',').filter(|id| !id.is_empty()))?;
    let asked = start_many(desk.app(), &desk.actor(), &ids, desk.me.by()).await;
    let mut begun = Vec::new();
    for one in asked {
        begun.push(one.outcome?.id.to_string());
    }
    Ok(Redirect::to(&format!("/sites/deploying?d={}", begun.join(","))).into_response())
}

async fn view(desk: &Desk, query: &str) -> Outcome<DeployingsView> {
    let mut rows = Vec::new();
    let ids = values(query, "d");
    for text in ids.iter().take(deployments::many::SITES_MAX) {
        let id = crate::console::desk::id::<DeploymentId>(text, "deployment")?;
        rows.push(row(&deployments::get(desk.app(), desk.ws(), id).await?));
    }
    let over = rows.iter().filter(|(_, is_final)| *is_final).count();
    Ok(DeployingsView {
        query: format!("d={}", ids.join(",")),
        words: format!("{over} of {} done", rows.len()),
        is_running: over < rows.len(),
        rows: rows.into_iter().map(|(row, _)| row).collect(),
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
