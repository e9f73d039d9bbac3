//! `edge-delivery deploy`.

use super::follow;
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    config::{ConfigArgs, logging},
    services::{deployments, sites},
};
use domain::deployment::DeploymentKind;
use std::process::ExitCode;

/// Deploy a site: bring its account to what is desired. Works beside a running `serve`, and without one.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// The site's name or id
    site: String,
    /// Print the finished deployment as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: DeployArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.config()?;
    logging::start_quiet(&config);
    let app = App::open(config).await?;
    let started = async {
        let site = sites::find(&app, app.workspace, &args.site).await?;
        let kind = DeploymentKind::Apply;
        deployments::start(&app, app.workspace, site.id, kind, "command line").await
    };
    match started.await {
        Ok(deployment) => {
            let event = Event::deployment(Kind::DeploymentRequested, &deployment);
            audit::record(&app, &Actor::command_line(app.workspace), event).await;
            follow::to_the_end(&app, &deployment, args.json).await
        }
        Err(problem) => super::refuse(problem, args.json),
    }
}
