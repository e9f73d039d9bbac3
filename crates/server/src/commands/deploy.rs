//! `edge-delivery deploy`.

use super::follow;
use crate::{
    app::App,
    audit::Actor,
    config::ConfigArgs,
    problem::{Outcome, Problem},
    services::{deployments::many::start_many, sites},
};
use domain::ids::SiteId;
use std::process::ExitCode;
use store::Page;

/// Deploy sites: bring their accounts to what is desired. Works beside a running `serve`, and without one.
///
/// Exit code 0: all went well; 1: one or more did not. One that fails stops no other.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// The sites' names or ids
    #[arg(required_unless_present = "all")]
    sites: Vec<String>,
    /// Every site there is
    #[arg(long, conflicts_with = "sites")]
    all: bool,
    /// Print the finished deployment as JSON; of several sites a list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: DeployArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let started = async {
        let mut chosen = Vec::new();
        for name in &args.sites {
            chosen.push(sites::find(&app, app.workspace, name).await?.id);
        }
        if args.all {
            chosen = every_site(&app).await?;
        }
        let mut started = Vec::new();
        let actor = Actor::command_line(app.workspace);
        for asked in start_many(&app, &actor, &chosen, "command line").await {
            started.push(asked.outcome?);
        }
        Ok::<_, Problem>(started)
    };
    match started.await {
        Ok(started) => match started.as_slice() {
            [] => super::print_line("There is no site to deploy.").map(|()| ExitCode::SUCCESS),
            [one] if !args.all => follow::to_the_end(&app, one, args.json).await,
            several => follow::all_to_the_end(&app, several, args.json).await,
        },
        Err(problem) => super::refuse(problem, args.json),
    }
}

async fn every_site(app: &App) -> Outcome<Vec<SiteId>> {
    let (mut ids, mut page) = (Vec::new(), Page::first(store::PAGE_MAX));
    loop {
        let listed = sites::list(app, app.workspace, &page).await?;
        ids.extend(listed.items.iter().map(|site| site.id));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(ids),
        }
    }
}
