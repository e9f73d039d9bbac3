//! `edge-delivery deploy`.

use super::follow;
use crate::{
    config::ConfigArgs,
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
    let app = super::open(args.config).await?;
    let started = async {
        let site = sites::find(&app, app.workspace, &args.site).await?;
        let kind = DeploymentKind::Apply;
        deployments::start(&app, app.workspace, site.id, kind, "command line").await
    };
    match started.await {
        Ok(deployment) => follow::to_the_end(&app, &deployment, args.json).await,
        Err(problem) => super::refuse(problem, args.json),
    }
}
