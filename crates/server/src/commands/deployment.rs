//! `edge-delivery deployment …`.

use super::{confirm, follow, hint, print_json, print_line};
use crate::{
    api::deployment_json,
    app::{App, AppState},
    audit::{self, Actor, Event, Kind},
    clock::rfc3339,
    config::ConfigArgs,
    problem::{Outcome, Problem},
    services::{
        deployments::{self, Standing, edits::told_of},
        sites,
    },
    words::shell_word,
};
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use domain::deployment::StepStatus;
use serde_json::{Value, json};
use std::process::ExitCode;
use store::{Deployment, Page};

/// Who asks, in the deployments' records.
const BY: &str = "command line";

/// List and show deployments; undo, roll back, cancel and continue them.
#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// List deployments, newest first.
    List(ListArgs),
    /// Show one: its steps, what there is to know of it, and what can be done about it now.
    Show(OneArgs),
    /// Take back what it changed. Only a site's newest can be.
    Undo(AskedArgs),
    /// Bring back its Worker and the revisions that were published then; of the newest one, those before it.
    Rollback(AskedArgs),
    /// Stop it at the next safe point, between two steps. What is done stays.
    Cancel(OneArgs),
    /// Go on with one that failed or was cancelled: a new deployment that does what is left.
    Continue(OneArgs),
}

/// Which are listed.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Of this site alone: its name or id
    site: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// One deployment.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The deployment's id; or a site's name or id, for its newest
    deployment: String,
    /// Print the deployment as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// One deployment, and whether to ask first.
#[derive(Debug, Args)]
pub(crate) struct AskedArgs {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    one: OneArgs,
}

/// Runs the command.
pub(crate) async fn run(command: DeploymentCommand) -> anyhow::Result<ExitCode> {
    match command {
        DeploymentCommand::List(args) => list(args).await,
        DeploymentCommand::Show(args) => show(args).await,
        DeploymentCommand::Cancel(args) => cancel(args).await,
        DeploymentCommand::Continue(args) => {
            let (app, found) = open(args.config, &args.deployment).await?;
            let begun = match found {
                Ok(found) => deployments::continue_(&app, app.workspace, found.id, BY).await,
                Err(problem) => Err(problem),
            };
            follow_begun(&app, Kind::DeploymentContinued, begun, args.json).await
        }
        DeploymentCommand::Undo(args) => {
            let question = "Take back what this deployment changed?";
            let AskedArgs { yes, one } = args;
            let (app, found) = open(one.config, &one.deployment).await?;
            let begun = match found {
                Ok(found) if yes || is_meant(&found, question).await? => {
                    deployments::undo(&app, app.workspace, found.id, BY).await
                }
                Ok(_) => return Ok(left()),
                Err(problem) => Err(problem),
            };
            follow_begun(&app, Kind::DeploymentUndone, begun, one.json).await
        }
        DeploymentCommand::Rollback(args) => {
            let question = "Bring back the Worker and the published revisions of that moment?";
            let AskedArgs { yes, one } = args;
            let (app, found) = open(one.config, &one.deployment).await?;
            let begun = match found {
                Ok(found) if yes || is_meant(&found, question).await? => {
                    deployments::rollback(&app, app.workspace, found.id, BY).await
                }
                Ok(_) => return Ok(left()),
                Err(problem) => Err(problem),
            };
            follow_begun(&app, Kind::DeploymentRolledBack, begun, one.json).await
        }
    }
}

async fn open(config: ConfigArgs, text: &str) -> anyhow::Result<(AppState, Outcome<Deployment>)> {
    let app = super::open(config).await?;
    let found = find(&app, text).await;
    Ok((app, found))
}

/// A deployment by its id, or the newest of a site.
async fn find(app: &App, text: &str) -> Outcome<Deployment> {
    if let Ok(id) = text.parse()
        && let Some(found) = app.store.deployment(app.workspace, id).await?
    {
        return Ok(found);
    }
    let Ok(site) = sites::find(app, app.workspace, text).await else {
        return Err(Problem::not_found("deployment or site", text));
    };
    let newest = deployments::list(app, app.workspace, Some(site.id), &Page::first(1)).await?;
    newest.items.into_iter().next().ok_or_else(|| {
        Problem::not_found("deployment of the site", &site.name).remedy(format!(
            "Deploy it: edge-delivery deploy {}",
            shell_word(&site.name)
        ))
    })
}

/// Asks on a terminal whether this one is meant.
async fn is_meant(found: &Deployment, question: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(
        confirm::can_ask(),
        "this changes what the site {:?} has in its account; without a terminal to ask, say --yes",
        found.site_name
    );
    for line in lines_of(found) {
        hint(&line);
    }
    confirm::is_yes(question.to_owned()).await
}

fn left() -> ExitCode {
    hint("Nothing was changed.");
    ExitCode::FAILURE
}

/// Writes down what was begun, and follows it.
async fn follow_begun(
    app: &AppState,
    kind: Kind,
    begun: Outcome<Deployment>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match begun {
        Ok(begun) => {
            let event = Event::deployment(kind, &begun);
            audit::record(app, &Actor::command_line(app.workspace), event).await;
            follow::to_the_end(app, &begun, as_json).await
        }
        Err(problem) => super::refuse(&problem, as_json),
    }
}

async fn cancel(args: OneArgs) -> anyhow::Result<ExitCode> {
    let (app, found) = open(args.config, &args.deployment).await?;
    let cancelled = match found {
        Ok(found) => deployments::cancel(&app, app.workspace, found.id).await,
        Err(problem) => Err(problem),
    };
    match cancelled {
        Ok(cancelled) => {
            let event = Event::deployment(Kind::DeploymentCancelled, &cancelled);
            audit::record(&app, &Actor::command_line(app.workspace), event).await;
            follow::to_its_stop(&app, &cancelled, args.json).await
        }
        Err(problem) => super::refuse(&problem, args.json),
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let listed = async {
        let site = match &args.site {
            Some(text) => Some(sites::find(&app, app.workspace, text).await?.id),
            None => None,
        };
        deployments::list(&app, app.workspace, site, &Page::first(args.limit)).await
    };
    let listed = match listed.await {
        Ok(listed) => listed,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if args.json {
        let items: Vec<Value> = listed
            .items
            .iter()
            .map(|deployment| deployment_json(deployment, None))
            .collect();
        print_json(&json!({ "items": items, "nextCursor": listed.next }))?;
    } else if listed.items.is_empty() {
        print_line("No deployment yet.")?;
    } else {
        print_line(&table(&listed.items))?;
        if listed.next.is_some() {
            hint(&format!(
                "older ones: --limit {}",
                args.limit.saturating_mul(2).min(200)
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(found: &[Deployment]) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["deployment", "site", "status", "what", "when", "by"]);
    for deployment in found {
        table.add_row([
            deployment.id.to_string(),
            deployment.site_name.clone(),
            deployment.status.to_string(),
            deployments::edits::changes_of(deployment),
            rfc3339(deployment.created_at),
            deployment.requested_by.clone(),
        ]);
    }
    table.trim_fmt()
}

async fn show(args: OneArgs) -> anyhow::Result<ExitCode> {
    let (app, found) = open(args.config, &args.deployment).await?;
    let shown = match found {
        Ok(found) => deployments::standing(&app, app.workspace, &found)
            .await
            .map(|standing| (found, standing)),
        Err(problem) => Err(problem),
    };
    match shown {
        Ok((found, standing)) if args.json => {
            print_json(&deployment_json(&found, Some(standing)))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok((found, standing)) => print(&found, &standing),
        Err(problem) => super::refuse(&problem, args.json),
    }
}

/// Which one it is, and its steps.
fn lines_of(found: &Deployment) -> Vec<String> {
    let mut lines = vec![
        follow::summary(found),
        format!(
            "{} {}, asked for {} by {}",
            found.kind,
            found.id,
            rfc3339(found.created_at),
            found.requested_by
        ),
    ];
    for step in &found.steps {
        let mark = match step.status {
            StepStatus::Done => "✓",
            StepStatus::Failed => "✗",
            StepStatus::Undone => "↶",
            StepStatus::Waiting | StepStatus::Running => "·",
        };
        lines.push(format!(
            "  {mark} {} {} {}",
            step.step.action.as_str(),
            step.step.resource.title(),
            step.step.name
        ));
    }
    lines
}

fn print(found: &Deployment, standing: &Standing) -> anyhow::Result<ExitCode> {
    for line in lines_of(found) {
        print_line(&line)?;
    }
    for warning in told_of(found) {
        print_line(&format!("note: {}", warning.detail))?;
    }
    if let Some(until) = standing.waiting_until {
        print_line(&format!("Cloudflare asks to wait until {}", rfc3339(until)))?;
    }
    for line in follow::failure(found, standing).lines() {
        print_line(line)?;
    }
    Ok(ExitCode::SUCCESS)
}
