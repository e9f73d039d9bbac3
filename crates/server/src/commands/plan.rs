//! `edge-delivery plan`.

use super::{print_json, print_line};
use crate::{
    config::ConfigArgs,
    services::{deployments, preflight::look_ahead, sites},
};
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use domain::plan::Plan;
use std::{io::IsTerminal, process::ExitCode};
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
        Err(problem) => return super::refuse(problem, args.json),
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
    } else if std::io::stdout().is_terminal() {
        print_line(&table(plan))?;
    } else {
        for step in &plan.steps {
            print_line(&format!(
                "{}\t{}\t{}\t{}",
                step.action.as_str(),
                step.resource.as_str(),
                step.name,
                step.reason
            ))?;
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
    }
    for found in &plan.differences {
        print_line(&format!(
            "changed outside: {} {}, {}: {}, was {}{}",
            found.resource.title(),
            found.name,
            found.what,
            found.theirs.as_deref().unwrap_or("gone"),
            found.last_applied.as_deref().unwrap_or("not there"),
            found
                .by
                .as_ref()
                .map(|by| format!(" (by {by})"))
                .unwrap_or_default(),
        ))?;
    }
    for warning in &plan.warnings {
        print_line(&format!("note: {}", warning.detail))?;
    }
    Ok(())
}

fn table(plan: &Plan) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["", "What", "Which", "After", "Why"]);
    for step in &plan.steps {
        table.add_row([
            step.action.as_str(),
            step.resource.title(),
            &step.name,
            step.after.as_deref().unwrap_or("gone"),
            &step.reason,
        ]);
    }
    table.to_string()
}
