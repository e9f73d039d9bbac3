//! What has been done, newest first: the deployments, and the log of who did what.

pub(crate) mod log;

pub(super) use self::log::log;

use super::{
    desk::{Desk, page, page_after},
    parts::{State, When, span},
    shell::Shell,
};
use crate::{
    problem::Problem,
    services::deployments::{self, edits::changes_of},
};
use askama::Template;
use axum::{extract::Query, response::Response};
use domain::{
    deployment::{DeploymentKind, StepStatus},
    time::Millis,
};
use serde::Deserialize;
use store::Deployment;

/// The list of deployments of all sites.
#[derive(Debug, Template)]
#[template(path = "pages/activity.html")]
pub(crate) struct ActivityPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The deployments.
    pub(crate) rows: Vec<ActivityRow>,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
}

/// A deployment in a list.
#[derive(Debug, Clone)]
pub(crate) struct ActivityRow {
    /// Its id.
    pub(crate) id: String,
    /// `Deploy shop.example`.
    pub(crate) title: String,
    /// Who asked for it.
    pub(crate) by: String,
    /// Its state.
    pub(crate) state: State,
    /// What it changed, in a few words.
    pub(crate) changes: String,
    /// `5 of 5`.
    pub(crate) steps: String,
    /// How long it took; empty while it runs.
    pub(crate) took: String,
    /// When it was asked for.
    pub(crate) when: When,
}

/// How many deployments a page lists.
const ROWS: u32 = 50;

impl ActivityRow {
    /// A stored deployment as a row.
    pub(crate) fn of(deployment: &Deployment, now: Millis) -> Self {
        let done = deployment
            .steps
            .iter()
            .filter(|step| step.status == StepStatus::Done)
            .count();
        Self {
            id: deployment.id.to_string(),
            title: title(deployment),
            by: deployment.requested_by.clone(),
            changes: changes_of(deployment),
            state: deployment.status.into(),
            steps: if deployment.steps.is_empty() {
                "none".to_owned()
            } else {
                format!("{done} of {}", deployment.steps.len())
            },
            took: span(deployment.started_at, deployment.finished_at).unwrap_or_default(),
            when: When {
                at: deployment.created_at,
                now,
            },
        }
    }
}

/// What a deployment does, in words.
pub(crate) fn title(deployment: &Deployment) -> String {
    let name = &deployment.site_name;
    match (deployment.kind, deployment.of) {
        (DeploymentKind::Apply, _) => format!("Deploy {name}"),
        (DeploymentKind::Remove, None) => format!("Remove {name}"),
        (DeploymentKind::Remove, Some(_)) => format!("Undo a deployment of {name}"),
        (DeploymentKind::Rollback, _) => format!("Roll {name} back"),
    }
}

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ActivityQuery {
    after: String,
}

/// The list.
pub(super) async fn index(
    desk: Desk,
    Query(query): Query<ActivityQuery>,
) -> Result<Response, Problem> {
    let listed =
        deployments::list(desk.app(), desk.ws(), None, &page_after(&query.after, ROWS)).await?;
    let now = desk.now();
    Ok(page(&ActivityPage {
        shell: desk.shell("activity"),
        rows: listed
            .items
            .iter()
            .map(|deployment| ActivityRow::of(deployment, now))
            .collect(),
        next: listed.next,
    }))
}
