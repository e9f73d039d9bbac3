//! A site's plan, made from the account as it is now.

use super::{ConflictPanel, PlanPage, PlanStep, drift_rows, step_title};
use crate::{
    console::{
        activity::ActivityRow,
        desk::{Desk, id, page},
        parts::{ProblemPanel, plural},
        sites::head,
    },
    problem::{Outcome, Problem},
    services::{deployments, preflight::look_ahead, sites},
};
use axum::{extract::Path, response::Response};
use domain::{
    ids::SiteId,
    plan::{Plan, Step},
};
use store::{Page, Site};

/// As many deployments are listed below the plan.
const ROWS: u32 = 20;

fn row(step: &Step) -> PlanStep {
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    PlanStep {
        title: step_title(step),
        name: step.name.clone(),
        before: or_nothing(&step.before),
        after: or_nothing(&step.after),
        reason: step.reason.clone(),
        reversible: step.reversible,
    }
}

/// Where the cause can be mended: at the connection, or where one is chosen.
fn with_way_out(desk: &Desk, panel: ProblemPanel, site: &Site) -> ProblemPanel {
    let is_there = desk
        .connections()
        .iter()
        .any(|connection| connection.id == site.connection);
    if is_there {
        panel.with(
            "See the connection",
            format!("/connections/{}", site.connection),
        )
    } else {
        panel.with(
            "Choose a connection",
            format!("/sites/{}/settings#connection", site.id),
        )
    }
}

/// The plan and the deployments so far. Reads the account; changes nothing.
pub(in crate::console) async fn plan(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = id::<SiteId>(&text, "site")?;
    Ok(page(&plan_page(&desk, site, None).await?))
}

/// The page, with why a choice was not taken.
pub(super) async fn plan_page(
    desk: &Desk,
    site_id: SiteId,
    refused: Option<Problem>,
) -> Outcome<PlanPage> {
    let (app, ws, now) = (desk.app(), desk.ws(), desk.now());
    let site = sites::get(app, ws, site_id).await?;
    let (plan, problem) = match deployments::plan(app, ws, &site).await {
        Ok((mut plan, _)) => {
            look_ahead(app, &site, &mut plan).await;
            (plan, None)
        }
        Err(problem) => (
            Plan::default(),
            Some(with_way_out(desk, ProblemPanel::new(problem), &site)),
        ),
    };
    // The look at the account may have changed the site's state.
    let site = sites::get(app, ws, site_id).await?;
    let listed = deployments::list(app, ws, Some(site_id), &Page::first(ROWS)).await?;
    Ok(PlanPage {
        shell: desk.shell(&site_id.to_string()),
        site: head(desk, &site, "plan").await?,
        steps_words: plural(plan.steps.len() as u64, "step"),
        steps: plan.steps.iter().map(row).collect(),
        conflicts: plan
            .conflicts
            .iter()
            .map(|conflict| ConflictPanel::of(conflict, &site))
            .collect(),
        warnings: plan.warnings,
        is_repair: plan.differences.iter().any(|found| found.repaired),
        drift: drift_rows(&plan.differences, site_id),
        other_routes: plan.other_routes,
        refused: refused.map(ProblemPanel::new),
        deployments: listed
            .items
            .iter()
            .map(|deployment| ActivityRow::of(deployment, now))
            .collect(),
        problem,
    })
}
