//! `edge-delivery plan`.

use super::{follow::ways_out, print_json, print_line};
use crate::{
    config::ConfigArgs,
    services::{
        deployments::{self, edits},
        preflight::look_ahead,
        sites,
    },
    words::plural,
};
use domain::plan::{Plan, Step};
use std::process::ExitCode;
use store::Site;

/// Show what deploying a site would change. Changes nothing.
///
/// Exit code 0: in sync; 2: something would change; 1: it cannot be told, or something is in the way.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The site's name or id
    site: String,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: PlanArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let planned = async {
        let site = sites::find(&app, app.workspace, &args.site).await?;
        let (mut plan, _) = deployments::plan(&app, app.workspace, &site).await?;
        look_ahead(&app, &site, &mut plan).await;
        Ok((site, plan))
    };
    let (site, plan) = match planned.await {
        Ok(planned) => planned,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if args.json {
        print_json(&plan)?;
    } else {
        print(&site, &plan)?;
    }
    Ok(if !plan.conflicts.is_empty() {
        ExitCode::FAILURE
    } else if plan.steps.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

fn print(site: &Site, plan: &Plan) -> anyhow::Result<()> {
    if plan.is_in_sync() {
        print_line(&format!("{}: in sync, nothing would change", site.name))?;
    } else if plan.steps.is_empty() {
        print_line(&format!("{}: nothing can be changed", site.name))?;
    } else {
        print_line(&format!(
            "{}: {} to do",
            site.name,
            plural(plan.steps.len() as u64, "step")
        ))?;
        for (number, step) in (1..).zip(&plan.steps) {
            print_line(&step_lines(number, step))?;
        }
    }
    for conflict in &plan.conflicts {
        print_line(&format!(
            "in the way: {} {} ({})\n  {}",
            conflict.resource.title(),
            conflict.name,
            conflict.owner,
            conflict.detail
        ))?;
        for remedy in &conflict.remedies {
            print_line(&format!("  next: {remedy}"))?;
        }
        for way in ways_out(&site.name, std::slice::from_ref(conflict)) {
            print_line(&format!("  {way}"))?;
        }
    }
    for found in &plan.differences {
        let what = if found.repaired {
            "changed outside, and put back by deploying"
        } else {
            "changed outside, and left alone"
        };
        print_line(&format!("{what}: {}", edits::in_words(found)))?;
    }
    for warning in &plan.warnings {
        print_line(&format!("note: {}", warning.detail))?;
    }
    Ok(())
}

/// What is done, how it is now and how it will be, why, and whether it can be taken back.
fn step_lines(number: usize, step: &Step) -> String {
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut lines = format!(
        "  {number}. {} {} {}\n     {} → {}\n     why: {}",
        step.action.as_str(),
        step.resource.title(),
        step.name,
        or_nothing(&step.before),
        or_nothing(&step.after),
        step.reason
    );
    if !step.reversible {
        lines.push_str("\n     cannot be undone");
    }
    lines
}
