//! `edge-delivery remove`.

use super::{confirm, follow};
use crate::{
    audit::{self, Actor, Event, Kind},
    config::ConfigArgs,
    services::{deployments, sites},
};
use domain::deployment::DeploymentKind;
use std::process::ExitCode;
use store::Site;

/// Take everything of a site out of the account, then the site itself with its variants.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The site's name or id
    site: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print the finished deployment as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: RemoveArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let site = match sites::find(&app, app.workspace, &args.site).await {
        Ok(site) => site,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if !args.yes && !is_confirmed(&site).await? {
        anyhow::bail!("nothing was removed: that is not the site's name");
    }
    match deployments::start(
        &app,
        app.workspace,
        site.id,
        DeploymentKind::Remove,
        "command line",
    )
    .await
    {
        Ok(deployment) => {
            let event = Event::deployment(Kind::DeploymentRequested, &deployment);
            audit::record(&app, &Actor::command_line(app.workspace), event).await;
            follow::to_the_end(&app, &deployment, args.json).await
        }
        Err(problem) => super::refuse(&problem, args.json),
    }
}

async fn is_confirmed(site: &Site) -> anyhow::Result<bool> {
    anyhow::ensure!(
        confirm::can_ask(),
        "removing the site {:?} deletes its Worker, routes and KV namespace in the account and its variants here; without a terminal to ask, say --yes",
        site.name
    );
    let question = format!(
        "This deletes the Worker, the routes and the KV namespace of {:?} in its account, and its variants here. Type its name to go on:",
        site.name
    );
    let asked = move || inquire::Text::new(&question).prompt();
    let answer = confirm::answered(tokio::task::spawn_blocking(asked).await?)?;
    Ok(answer.is_some_and(|answer| answer.trim() == site.name))
}
